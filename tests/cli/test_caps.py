"""Caps as a user has them: in leash.toml, over several runs, listed and raised."""

from collections.abc import Sequence

import pytest

from tests.cli.world import Done, Leash
from tests.e2e.nursery import Nursery

CAPS = """
[[cap]]
per = "feature"
window = "total"
max_cost = 0.05
[[cap]]
per = "model"
window = "month"
max_calls = 9
"""


@pytest.fixture
def capped(leash: Leash) -> Leash:
    """Put two caps into leash.toml; a call costs 2.5 cents, so that the third is refused."""
    (leash.here / "leash.toml").write_text(CAPS)
    return leash


def accounts(leash: Leash) -> dict[str, tuple[float, int]]:
    """Return what the accounts of caps stand at: dollars spent and calls."""
    return {one["scope"]: (one["spent"], one["calls"]) for one in leash("caps", "--json").json}


def test_a_cap_holds_over_runs_and_a_raise_lets_go_on(capped: Leash) -> None:
    """Two runs share one account; it is listed, raised on the record, and goes on."""
    first = capped.agent("--run", "one", calls=1)
    second = capped.agent("--run", "two", calls=2)
    assert (first.out, second.out, second.code) == ("200\n", "200 429\n", 0)
    assert accounts(capped) == {"feature (none)": (0.05, 2), "model gpt-4o": (0.05, 2)}

    raised = capped("raise", "--cap", "feature", "--max-cost", "+0.025")
    assert (raised.code, raised.err) == (0, "leash: cap:feature=|total may now come to $0.0750\n")
    assert capped.agent("--run", "two", calls=2).out == "200 429\n"
    (total,) = [one for one in capped("caps", "--json").json if one["window"] == "total"]
    assert total["limits"] == {"max_cost": 0.075}
    assert [(one["limits"], bool(one["by"])) for one in total["raises"]] == [
        ({"max_cost": 0.075}, True)
    ]
    assert capped("fsck").code == 0


def test_caps_are_listed_for_people(capped: Leash) -> None:
    """A table with scope, window, spent and limit; ``inspect`` says what a run was charged to."""
    capped.agent("--run", "one", calls=1)
    rows = [line.split("  ") for line in capped("caps").out.splitlines()]
    table = [[cell.strip() for cell in row if cell.strip()] for row in rows]
    assert table[1] == [
        "feature (none)",
        "total",
        "$0.0250",
        "1",
        "4000",
        "$0.0500",
        "refuse",
        "never",
    ]
    charged = [line for line in capped("inspect", "one").out.splitlines() if "charged" in line]
    assert charged[0] == "charged    cap:feature=|total"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--cap", "feature"], "raise --cap: a cap has --max-cost, --max-calls, --max-tokens"),
        (
            ["--cap", "feature", "--deadline", "5m"],
            "raise --cap: a cap has --max-cost, --max-calls, --max-tokens",
        ),
        (["--cap", "feature", "--max-calls", "+5"], "--max-calls: the cap has no such limit"),
        (["--cap", "feature", "--max-cost", "x"], "--max-cost: 'x' is not an amount of dollars"),
        (["--cap", "nobody", "--max-cost", "5"], "--cap nobody: no such account of a cap today"),
        (["--cap", "cap:", "--max-cost", "5"], "--cap cap:: names several accounts: cap:feature"),
        (["one", "--cap", "feature", "--max-cost", "5"], "raise: name a run, or an account"),
        (["--max-cost", "5"], "raise: name a run, or an account with --cap"),
        (["one", "--max-tokens", "5"], "--max-tokens: is a limit of caps; a run has --rate"),
    ],
)
def test_a_raise_that_names_nothing_says_what_to_write(
    shared: Leash, words: Sequence[str], message: str
) -> None:
    """Every mistake is a usage error that changes nothing."""
    done: Done = shared("raise", *words)
    assert (done.code, done.err.startswith(f"leash: {message}")) == (2, True), done.err


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, nursery: Nursery, provider: str) -> Leash:
    """Give a home with caps and one call to tests that change nothing."""
    made = Leash(tmp_path_factory.mktemp("capped"), nursery, provider)
    (made.folder / "prices.json").write_text('{"gpt-4o": {"input": 2.5, "output": 10}}')
    made.env["LEASH_PRICES"] = str(made.folder / "prices.json")
    (made.here / "leash.toml").write_text(CAPS)
    made.agent("--run", "one", calls=1)
    return made


def test_without_caps_the_command_says_how_to_get_one(leash: Leash) -> None:
    """``leash caps`` before any configuration is no error."""
    done = leash("caps")
    assert (done.code, done.out) == (
        0,
        "no caps are configured; a [[cap]] in leash.toml makes one\n",
    )
