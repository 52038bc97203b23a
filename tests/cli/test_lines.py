"""What ``leash run`` says before and after its command."""

import pytest

from leash_addon.cli import lines
from leash_addon.cli.session import DEFAULT_BUDGET, wanted
from leash_addon.config.settings import Settings
from leash_addon.core.balance import Balance
from leash_addon.core.limits import Limits, TokenWindow
from leash_addon.core.money import SECOND, Instant, Pico, usd
from leash_addon.core.verdict import Reason
from leash_addon.proxy.coverage import Coverage

IMPUTED = (
    "$1.00 of it was imputed: a subscription pays for it, so it did not count towards dollar limits"
)
NOW = Instant(1_800_000_000 * SECOND)


def test_the_start_line_shows_every_active_limit_in_order() -> None:
    """Limits that are off are not named."""
    limits = Limits(
        max_cost=usd("5"),
        max_cost_per_call=usd("0.5"),
        max_calls=500,
        max_inflight=4,
        deadline=900,
        rate=TokenWindow(tokens=200_000, seconds=60),
        stall=4,
        compute_rate=usd("4"),
        warn_at=800,
        count_imputed=True,
    )
    assert lines.start_line("a3f9c2e1", limits, "genai-prices 0.2.3") == (
        "run a3f9c2e1 · max cost $5.00 · max cost per call $0.50 · max calls 500 · "
        "max in flight 4 · deadline 15m · rate 200000/1m · stall 4 · compute $4.00/h · "
        "warn at 0.8 · subscriptions count · prices genai-prices 0.2.3"
    )
    assert lines.limits_line(Limits(count_imputed=True)) == "no limit"


def test_the_stop_line_adds_tokens_and_compute() -> None:
    """The line has calls, both costs, their sum, the reason, and how to raise."""
    balance = Balance(
        calls=18,
        spent=usd("4.10"),
        limits=Limits(max_cost=usd("5"), compute_rate=usd("3.64")),
        first_call_at=Instant(NOW - 900 * SECOND),
        stopped=Reason.COST_BUDGET,
        stopped_at=NOW,
    )
    assert lines.end_lines("a3f9c2e1", balance, Instant(NOW + SECOND)) == [
        "stopped run a3f9c2e1 after 18 calls, $4.10 tokens + $0.91 compute = $5.01 (cost_budget)",
        "to let it go on: leash raise a3f9c2e1 --max-cost +5, then leash --run a3f9c2e1 -- ...",
    ]


@pytest.mark.parametrize(
    ("balance", "expected"),
    [
        pytest.param(
            Balance(calls=1, spent=usd("0.25")),
            ["finished run r after 1 call, $0.25"],
            id="finished",
        ),
        pytest.param(
            Balance(calls=2, stopped=Reason.KILL, stopped_at=NOW),
            ["killed run r after 2 calls, $0.00 (kill)"],
            id="killed runs have no way on",
        ),
        pytest.param(
            Balance(calls=2, imputed=usd("1"), unpriced=1),
            [
                "finished run r after 2 calls, $0.00",
                IMPUTED,
                "the cost of 1 call is not known and in no total",
            ],
            id="what the total leaves out is told",
        ),
    ],
)
def test_the_end_is_told_as_it_was(balance: Balance, expected: list[str]) -> None:
    """Each way to end has its own line."""
    assert lines.end_lines("r", balance, NOW) == expected


def test_a_run_without_a_governed_call_names_what_was_seen() -> None:
    """Each suspicion carries its evidence."""
    coverage = Coverage()
    coverage.tunnelled["api.example.com"] += 2
    coverage.distrusted["api.openai.com"] += 1
    told = "\n".join(lines.ungoverned_lines("r", coverage))
    assert "NO GOVERNED CALL" in told
    assert "tunnelled untouched: api.example.com x2" in told
    assert "handshakes broken off: api.openai.com x1" in told


@pytest.mark.parametrize(
    ("program", "env", "limits", "says"),
    [
        ("claude", {}, Limits(max_cost=Pico(1)), True),
        ("claude", {"ANTHROPIC_API_KEY": "k"}, Limits(max_cost=Pico(1)), False),
        ("python", {}, Limits(max_cost=Pico(1)), False),
        ("codex", {}, Limits(max_calls=1), False),
        ("codex", {}, Limits(max_cost=Pico(1), count_imputed=True), False),
    ],
)
def test_a_likely_subscription_is_told_that_it_does_not_count(
    program: str, env: dict[str, str], limits: Limits, *, says: bool
) -> None:
    """Only a dollar limit that a subscription would slip past is worth a line."""
    assert (lines.subscription_line(program, env, limits) is not None) == says


def test_a_local_server_that_bypasses_leash_is_named_by_its_variable() -> None:
    """A base URL on this machine is not governed, and that is said."""
    env = {"OPENAI_BASE_URL": "http://localhost:11434/v1", "ANTHROPIC_BASE_URL": "https://x"}
    (line,) = lines.local_server_lines(env, ("localhost", "127.0.0.1"))
    assert line.startswith("OPENAI_BASE_URL names a server on this machine")
    assert lines.local_server_lines(env, ()) == []


def test_another_proxy_is_named_without_its_credentials() -> None:
    """Proxies are not chained, and that is said without the password."""
    line = lines.other_proxy_line({"HTTPS_PROXY": "http://user:secret@corp:3128"})
    assert line is not None
    assert "corp:3128" in line
    assert "secret" not in line


def settings(*given: str, **limits: int) -> Settings:
    """Return settings in which these limits were given."""
    return Settings(
        home=None,  # type: ignore[arg-type]  # not asked for here
        db=None,  # type: ignore[arg-type]
        limits=Limits(**limits),  # type: ignore[arg-type]
        given=frozenset({*given, *limits}),
    )


@pytest.mark.parametrize(
    ("given", "recorded", "expected"),
    [
        pytest.param(settings(), None, Limits(max_cost=DEFAULT_BUDGET), id="nothing given"),
        pytest.param(settings(max_calls=3), None, Limits(max_calls=3), id="one given"),
        pytest.param(settings("max_cost"), None, Limits(), id="a zero is a wish"),
        pytest.param(
            settings(warn_at=800),
            None,
            Limits(max_cost=DEFAULT_BUDGET, warn_at=800),
            id="a warning alone limits nothing",
        ),
        pytest.param(
            settings(), Limits(max_calls=3), Limits(max_calls=3), id="a run keeps its own"
        ),
        pytest.param(
            settings(stall=4),
            Limits(max_calls=3),
            Limits(max_calls=3, stall=4),
            id="given over recorded",
        ),
    ],
)
def test_the_limits_of_a_run(given: Settings, recorded: Limits | None, expected: Limits) -> None:
    """Given limits win over recorded ones, and those over the default budget."""
    assert wanted(given, recorded) == expected
