"""Files, variables and flags become settings; what is wrong names its place."""

from ipaddress import ip_network
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from leash_addon.config.load import load
from leash_addon.config.screening import USUAL, Level, ScreeningSettings
from leash_addon.config.settings import KEYS, Settings
from leash_addon.core.ask import OnBlind
from leash_addon.core.buckets import Bucket
from leash_addon.core.caps import Action, Cap
from leash_addon.core.holds import HoldMode, Holds
from leash_addon.core.limits import Ceiling, Limits, TokenWindow
from leash_addon.core.money import usd
from leash_addon.core.part import Part
from leash_addon.core.rate_limits import RateLimit
from leash_addon.core.scopes import Scope, Target
from leash_addon.core.screening import Action as Screen
from leash_addon.core.windows import WindowKind
from leash_addon.errors import UsageError
from leash_addon.wire.routes import Upgrade

WHOLE = """
db = "spend.db"
prices = "~/prices.toml"
on_blind = "warn"
refusal = 429
upstream = "http://127.0.0.1:9099/"
no_inject = true
websocket = "downgrade"
cut = true
stall_mask = true
stall_exempt = ["wait"]
timezone = "Europe/Berlin"
passthrough = ["git.example.com", "*.example.org:8443"]
connect_ports = [443, 8443]
allow_private = ["10.1.0.0/16", "git.example.com"]
trusted_balancers = ["10.0.0.1"]
transparent_clients = ["10.9.0.0/25"]
max_runs = 50
max_body = "2m"
head_timeout = "10s"
body_timeout = "20s"
idle_timeout = 0
max_connections = 300
max_connections_per_ip = 30
tls_cert = "gateway.pem"
tls_key = "gateway.key"

[identity]
run_from = ["path", "header:X-Loop-Id"]
user_from = ["agent-user"]
feature_from = "header:x-team"
tenant_from = ["token"]
require_run_id = true

[limits]
max_cost = 5.00
max_cost_per_call = "0.50"
max_calls = 200
max_inflight = 4
deadline = "15m"
rate = "100000/1m"
stall = 4
compute_rate = 4
warn_at = 0.8
count_imputed = true

[holds]
mode = "hard"
clamp = true
wait = "3s"
max_output = 4096

[screening]
packs = ["injection", "./mine.toml"]
sensitivity = "high"
signed = "refuse"
disable = ["a.b.c"]
allow = ["0123456789abcdef0123456789abcdef"]

[screening.action]
user = "observe"

[[cap]]
per = ["user", "model"]
match = { model = "gpt-4o*" }
window = "day"
max_cost = 20.00
action = "both"
warn_at = [0.5, 0.8]

[[rate]]
per = "key"
requests = "60/1m"

[providers.ollama]
upstream = "http://127.0.0.1:11434"
"""


def loaded(
    tmp_path: Path,
    toml: str = "",
    *,
    local: str = "",
    env: dict[str, str] | None = None,
    flags: dict[str, object] | None = None,
) -> Settings:
    """Load with a home and a working folder of the test's own."""
    if toml:
        (tmp_path / "leash.toml").write_text(toml)
    if local:
        (tmp_path / "leash.local.toml").write_text(local)
    return load(env=env or {}, cwd=tmp_path, home=tmp_path / "home", flags=flags)


def test_nothing_given_is_the_defaults(tmp_path: Path) -> None:
    """Without files, variables and flags no limit is on and the ledger is in the home folder."""
    own = tmp_path / "home" / ".leash"
    assert loaded(tmp_path) == Settings(home=own, db=own / "leash.db")


def test_every_key_of_a_file_is_read(tmp_path: Path) -> None:
    """Every documented key reaches the settings, money exactly."""
    assert loaded(tmp_path, WHOLE) == Settings(
        home=tmp_path / "home" / ".leash",
        db=tmp_path / "spend.db",
        prices=tmp_path / "home" / "prices.toml",
        on_blind=OnBlind.WARN,
        refusal=429,
        upstream="http://127.0.0.1:9099",
        no_inject=True,
        websocket=Upgrade.DOWNGRADE,
        cut=True,
        stall_mask=True,
        stall_exempt=("wait",),
        timezone=ZoneInfo("Europe/Berlin"),
        passthrough=("git.example.com", "*.example.org:8443"),
        connect_ports=(443, 8443),
        allow_private=(ip_network("10.1.0.0/16"), "git.example.com"),
        trusted_balancers=(ip_network("10.0.0.1"),),
        transparent_clients=(ip_network("10.9.0.0/25"),),
        max_runs=50,
        max_body=2 * 1024 * 1024,
        head_timeout=10,
        body_timeout=20,
        idle_timeout=0,
        max_connections=300,
        max_connections_per_ip=30,
        tls_cert=tmp_path / "gateway.pem",
        tls_key=tmp_path / "gateway.key",
        run_from=("path", "header:x-loop-id"),
        user_from=("agent-user",),
        feature_from=("header:x-team",),
        tenant_from=("token",),
        require_run_id=True,
        limits=Limits(
            max_cost=usd("5"),
            max_cost_per_call=usd("0.5"),
            max_calls=200,
            max_inflight=4,
            deadline=900,
            rate=TokenWindow(tokens=100_000, seconds=60),
            stall=4,
            compute_rate=usd(4),
            warn_at=800,
            count_imputed=True,
        ),
        holds=Holds(mode=HoldMode.HARD, clamp=True, wait=3, max_output=4096),
        caps=(
            Cap(
                target=Target(per=(Scope.USER, Scope.MODEL), match={"model": "gpt-4o*"}),
                window=WindowKind.DAY,
                ceiling=Ceiling(max_cost=usd(20)),
                action=Action.BOTH,
                warn_at=(500, 800),
            ),
        ),
        rates=(
            RateLimit(
                target=Target(per=(Scope.KEY,)), requests=Bucket(units=60, seconds=60, burst=60)
            ),
        ),
        screening=ScreeningSettings(
            level=Level.HIGH,
            packs=("injection", "./mine.toml"),
            base=tmp_path,
            signed=Screen.REFUSE,
            disabled=frozenset({"a.b.c"}),
            allowed=frozenset({"0123456789abcdef0123456789abcdef"}),
            actions={**USUAL, Part.USER: Screen.OBSERVE},
        ),
        providers={"ollama": {"upstream": "http://127.0.0.1:11434"}},
        given=frozenset(key.flat for key in KEYS),
        files=(tmp_path / "leash.toml",),
    )


def test_flag_beats_variable_beats_local_file_beats_file(tmp_path: Path) -> None:
    """Each layer wins over the one below it, key by key."""
    found = loaded(
        tmp_path,
        "[limits]\nmax_cost = 1\nmax_calls = 1\nstall = 1\nmax_inflight = 1",
        local="[limits]\nmax_calls = 2\nstall = 2\nmax_inflight = 2",
        env={"LEASH_STALL": "3", "LEASH_MAX_INFLIGHT": "3"},
        flags={"max_inflight": "4", "max_cost": None},
    )
    assert found.limits == Limits(max_cost=usd("1"), max_calls=2, stall=3, max_inflight=4)


def test_a_provider_table_of_the_local_file_adds_to_the_file(tmp_path: Path) -> None:
    """Provider tables merge by provider and key."""
    found = loaded(
        tmp_path,
        '[providers.a]\nupstream = "http://x"\nhosts = ["h"]',
        local='[providers.a]\nupstream = "http://y"',
    )
    assert found.providers == {"a": {"upstream": "http://y", "hosts": ["h"]}}


def test_a_zero_limit_is_given_and_off(tmp_path: Path) -> None:
    """A zero turns a limit off, and counts as somebody's wish."""
    found = loaded(tmp_path, flags={"max_cost": "0"})
    assert (found.limits, found.limits_given) == (Limits(), frozenset({"max_cost"}))


def test_a_tuning_key_is_no_limit(tmp_path: Path) -> None:
    """A compute rate or a warning bounds nothing, so the default budget still applies."""
    found = loaded(tmp_path, flags={"compute_rate": "4", "warn_at": "0.8"})
    assert found.limits_given == frozenset()


def test_the_users_own_file_is_found_when_there_is_none_here(tmp_path: Path) -> None:
    """Without ./leash.toml the one under ~/.config is read."""
    own = tmp_path / "home" / ".config" / "leash"
    own.mkdir(parents=True)
    (own / "leash.toml").write_text("[limits]\nmax_calls = 7")
    assert loaded(tmp_path).limits == Limits(max_calls=7)


def test_a_named_file_replaces_the_search(tmp_path: Path) -> None:
    """``LEASH_CONFIG`` names the file that is read instead of ./leash.toml, with its local one."""
    (tmp_path / "other.toml").write_text("[limits]\nmax_calls = 9")
    (tmp_path / "other.local.toml").write_text("[limits]\nstall = 3")
    found = loaded(tmp_path, "[limits]\nmax_calls = 1", env={"LEASH_CONFIG": "other.toml"})
    assert found.limits == Limits(max_calls=9, stall=3)


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        pytest.param(
            "[limits]\nmax_cots = 5",
            "leash.toml: limits.max_cots: unknown key; did you mean 'max_cost'?",
            id="misspelt",
        ),
        pytest.param(
            "max_cost = 5", "leash.toml: max_cost: unknown key; it belongs to [limits]", id="place"
        ),
        pytest.param(
            "[limits]\nzzz = 5", "leash.toml: limits.zzz: unknown key", id="nothing is close"
        ),
        pytest.param(
            "[limit]\nmax_cost = 5",
            "leash.toml: limit: unknown key; did you mean 'limits'?",
            id="misspelt table",
        ),
        pytest.param(
            "limits = 5",
            "leash.toml: limits: is a table; write [limits] on a line of its own",
            id="no table",
        ),
        pytest.param(
            "[limits]\nmax_cost = 'lots'",
            "leash.toml: limits.max_cost: 'lots' is not an amount of dollars; "
            "write for example 5 or 0.25",
            id="no money",
        ),
        pytest.param(
            "[limits]\nmax_cost = true",
            "leash.toml: limits.max_cost: true is not an amount of dollars; "
            "write for example 5 or 0.25",
            id="a boolean is no money",
        ),
        pytest.param(
            "[limits]\nmax_calls = 2.5",
            "leash.toml: limits.max_calls: 2.5 is not a whole number from 0",
            id="no count",
        ),
        pytest.param(
            "[limits]\ndeadline = 90",
            "leash.toml: limits.deadline: 90 has no unit; "
            "write for example 90s, 15m, 1h30m or 2d, in quotes",
            id="bare duration",
        ),
        pytest.param(
            "[holds]\nmode = 'soft'",
            "leash.toml: holds.mode: 'soft' is not one of expected, hard, settled",
            id="mode",
        ),
        pytest.param(
            "[holds]\nmax_output = 0",
            "leash.toml: holds.max_output: must be at least 1; leave the key out for the usual "
            "value",
            id="no output",
        ),
        pytest.param(
            "holds = 'hard'",
            "leash.toml: holds: is a table; write [holds] on a line of its own",
            id="holds that are no table",
        ),
        pytest.param(
            "[[cap]]\nwindow = 'day'\nmax_cots = 5",
            "leash.toml: 1st [[cap]]: max_cots: unknown key; did you mean 'max_cost'?",
            id="cap",
        ),
        pytest.param(
            "[caps]\nmax_cost = 5",
            "leash.toml: caps: unknown key; did you mean 'cap'?",
            id="caps",
        ),
        pytest.param(
            "refusal = 500",
            "leash.toml: refusal: 500 is not a refusal; write auto, 429, 400, 402 or 403",
            id="refusal",
        ),
        pytest.param(
            "on_blind = 'maybe'",
            "leash.toml: on_blind: 'maybe' is not one of refuse, warn, allow",
            id="choice",
        ),
        pytest.param(
            "timezone = 'Mars/Olympus'",
            "leash.toml: timezone: 'Mars/Olympus' is not a time zone; "
            "write for example Europe/Berlin or UTC",
            id="zone",
        ),
        pytest.param(
            "upstream = 'ftp://x'",
            "leash.toml: upstream: 'ftp://x' is not a server; "
            "write for example http://127.0.0.1:9099",
            id="upstream",
        ),
        pytest.param(
            "[providers]\nopenai = 'x'",
            "leash.toml: providers: holds tables; write [providers.openai] on a line of its own",
            id="provider",
        ),
    ],
)
def test_a_wrong_file_is_named_with_key_and_mend(tmp_path: Path, toml: str, message: str) -> None:
    """Every mistake in a file is a usage error that says where and what instead."""
    with pytest.raises(UsageError) as caught:
        loaded(tmp_path, toml)
    assert str(caught.value) == message


def test_broken_toml_names_the_file_and_line(tmp_path: Path) -> None:
    """A file that is not TOML is named with the parser's own line."""
    with pytest.raises(UsageError, match=r"leash\.toml: is not TOML: .*line 1"):
        loaded(tmp_path, "max_cost = = 5")


def test_a_wrong_variable_is_named(tmp_path: Path) -> None:
    """A variable with a bad value is named as the place."""
    with pytest.raises(UsageError, match=r"^LEASH_DEADLINE: '90' is not a duration"):
        loaded(tmp_path, env={"LEASH_DEADLINE": "90"})


def test_a_wrong_flag_is_named(tmp_path: Path) -> None:
    """A flag with a bad value is named as the place."""
    with pytest.raises(UsageError, match=r"^--max-calls: 'x' is not a whole number"):
        loaded(tmp_path, flags={"max_calls": "x"})


def test_a_misspelt_variable_does_not_vanish(tmp_path: Path) -> None:
    """A limit whose variable is misspelt is an error, not an absent limit."""
    with pytest.raises(UsageError, match=r"LEASH_MAX_COTS: .* did you mean LEASH_MAX_COST"):
        loaded(tmp_path, env={"LEASH_MAX_COTS": "5"})


def test_a_foreign_variable_is_left_alone(tmp_path: Path) -> None:
    """Variables of other parts of leash do not disturb."""
    assert loaded(tmp_path, env={"LEASH_CORPUS": "x"}).given == frozenset()


def test_a_named_file_that_is_missing_is_an_error(tmp_path: Path) -> None:
    """A configuration that was asked for by name must exist."""
    with pytest.raises(UsageError, match="no such configuration file"):
        load(env={}, cwd=tmp_path, home=tmp_path, config=Path("no.toml"))


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.flat)
def test_a_key_has_one_name_everywhere(key: object) -> None:
    """Flag and variable are the flat name, respelt."""
    flat = key.flat  # type: ignore[attr-defined]
    assert (key.flag, key.variable) == (  # type: ignore[attr-defined]
        "--" + flat.replace("_", "-"),
        "LEASH_" + flat.upper(),
    )


def test_caps_of_the_local_file_replace_those_of_the_file(tmp_path: Path) -> None:
    """A list of caps is named whole, as every other key is."""
    cap = "[[cap]]\nwindow = 'day'\nmax_calls = %d\n"
    found = loaded(tmp_path, cap % 1 + cap % 2, local=cap % 3)
    assert [one.ceiling.max_calls for one in found.caps] == [3]
