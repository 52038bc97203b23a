"""``[[cap]]``, ``[[rate]]`` and ``[holds]`` as users write them, right and wrong."""

import tomllib
from decimal import Decimal
from typing import Any

import pytest

from leash_addon.config.caps import read_caps, read_rates
from leash_addon.core.buckets import Bucket
from leash_addon.core.caps import Action, Cap
from leash_addon.core.limits import Ceiling
from leash_addon.core.money import usd
from leash_addon.core.rate_limits import RateLimit
from leash_addon.core.scopes import Scope, Target
from leash_addon.core.windows import WindowKind
from leash_addon.errors import UsageError

FILE = "leash.toml"


def toml(text: str) -> dict[str, Any]:
    """Parse TOML as the loader does."""
    return tomllib.loads(text, parse_float=Decimal)


def mistake(name: str, text: str) -> str:
    """Return the message of what is wrong with one table."""
    read = {"cap": read_caps, "rate": read_rates}[name]
    with pytest.raises(UsageError) as raised:
        read([toml(text)], FILE)
    return str(raised.value)


def test_a_cap_is_read_whole() -> None:
    """Every key of a cap finds its place."""
    table = toml("""
        [[cap]]
        per = ["user", "model"]
        match = { model = "gpt-4o*" }
        window = "day"
        max_cost = 20.00
        max_calls = 100
        max_tokens = 1000000
        action = "both"
        warn_at = [0.8, 0.5]
        count_imputed = true
    """)
    assert read_caps(table["cap"], FILE) == (
        Cap(
            target=Target(per=(Scope.USER, Scope.MODEL), match={"model": "gpt-4o*"}),
            window=WindowKind.DAY,
            ceiling=Ceiling(max_cost=usd("20"), max_calls=100, max_tokens=1_000_000),
            action=Action.BOTH,
            warn_at=(500, 800),
            count_imputed=True,
        ),
    )


def test_a_cap_needs_only_a_window_and_a_limit() -> None:
    """Without more it refuses, for all calls together, and warns of nothing."""
    assert read_caps([toml('window = "total"\nmax_calls = 1')], FILE) == (
        Cap(window=WindowKind.TOTAL, ceiling=Ceiling(max_calls=1)),
    )


def test_a_single_fraction_needs_no_list() -> None:
    """``warn_at = 0.8`` is the list of one."""
    cap = read_caps([toml('window = "day"\nmax_cost = "5"\nwarn_at = 0.8')], FILE)[0]
    assert cap.warn_at == (800,)


@pytest.mark.parametrize(
    ("text", "requests", "tokens"),
    [
        pytest.param('requests = "60/1m"', (60, 60, 60), None, id="requests"),
        pytest.param('requests = "60/1m"\nburst = 10', (60, 60, 10), None, id="burst"),
        pytest.param('tokens = "100000/1h"', None, (100_000, 3600, 100_000), id="tokens"),
        pytest.param(
            'requests = "1/1s"\ntokens = "9/1d"\nburst_tokens = 5',
            (1, 1, 1),
            (9, 86_400, 5),
            id="both",
        ),
    ],
)
def test_a_rate_is_read(
    text: str, requests: tuple[int, int, int] | None, tokens: tuple[int, int, int] | None
) -> None:
    """A bucket holds what flows in one span, or its burst."""
    buckets = [
        None if size is None else Bucket(units=size[0], seconds=size[1], burst=size[2])
        for size in (requests, tokens)
    ]
    expected = RateLimit(target=Target(per=(Scope.KEY,)), requests=buckets[0], tokens=buckets[1])
    assert read_rates([toml(f'per = "key"\n{text}')], FILE) == (expected,)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        pytest.param(
            "cap", 'window = "day"\nmax_cots = 1', "max_cots: unknown key; did you mean 'max_cost'?"
        ),
        pytest.param(
            "cap",
            'window = "day"\nmax_cost = 1\nper = "usr"',
            "per: 'usr' is no scope; did you mean 'user'?",
        ),
        pytest.param(
            "cap",
            'window = "day"\nmax_cost = 1\nper = ["user", "all"]',
            "per names each scope once, and 'all' stands alone",
        ),
        pytest.param("cap", "max_cost = 1", "window: is missing; write day, week, month or total"),
        pytest.param(
            "cap",
            'window = "year"\nmax_cost = 1',
            "window: 'year' is not one of day, week, month, total",
        ),
        pytest.param(
            "cap", 'window = "day"', "it limits nothing; give max_cost, max_calls or max_tokens"
        ),
        pytest.param(
            "cap",
            'window = "day"\nmax_cost = 1\nmatch = { modl = "x" }',
            "match: 'modl' is no tag; write one of "
            "tenant, user, key, feature, ip, run, model, provider",
        ),
        pytest.param(
            "cap",
            'window = "day"\nmax_cost = 1\nmatch = { model = 4 }',
            'match: model = 4 is no pattern; write for example "gpt-4o*"',
        ),
        pytest.param(
            "cap",
            'window = "day"\nmax_cost = 1\nwarn_at = [0.5, 1]',
            "warn_at: a warning comes before the limit; write for example [0.5, 0.8]",
        ),
        pytest.param(
            "cap",
            'window = "day"\nmax_cost = -1',
            "max_cost: -1 is out of range; an amount is from 0 to under 1000000 dollars",
        ),
        pytest.param(
            "cap",
            'window = "day"\nmax_cost = 1\naction = "block"',
            "action: 'block' is not one of refuse, alert, both",
        ),
        pytest.param(
            "rate",
            'requests = "60"',
            "requests: '60' is not a rate; write a count per span in quotes, for example \"60/1m\"",
        ),
        pytest.param(
            "rate",
            "requests = 60",
            'requests: 60 is not a rate; write a count per span in quotes, for example "60/1m"',
        ),
        pytest.param(
            "rate",
            'tokens = "9/1m"\nburst = 1',
            "burst: counts requests; for tokens write burst_tokens",
        ),
        pytest.param(
            "rate",
            'requests = "9/1m"\nburst_tokens = 1',
            'burst_tokens: needs tokens, for example tokens = "100000/1m"',
        ),
        pytest.param("rate", 'per = "key"', "it limits nothing; give requests or tokens"),
        pytest.param("rate", 'tokens = "0/1m"', "it limits nothing; give requests or tokens"),
        pytest.param(
            "rate",
            'requests = "9/1m"\nburst = 0',
            "burst: must be at least 1; leave the key out for the usual value",
        ),
    ],
)
def test_a_mistake_is_named_with_its_mend(name: str, text: str, message: str) -> None:
    """Whatever is wrong says which table of which file, which key, and what to write."""
    assert mistake(name, text) == f"leash.toml: 1st [[{name}]]: {message}"


@pytest.mark.parametrize("number", [1, 2, 3, 4, 11, 21, 22, 112])
def test_the_table_is_counted_as_people_do(number: int) -> None:
    """The message names the table by its place in the file."""
    good, bad = toml('window = "day"\nmax_calls = 1'), toml("x = 1")
    with pytest.raises(UsageError) as raised:
        read_caps([*[good] * (number - 1), bad], FILE)
    ordinal = {1: "1st", 2: "2nd", 3: "3rd", 21: "21st", 22: "22nd"}.get(number, f"{number}th")
    assert str(raised.value).startswith(f"leash.toml: {ordinal} [[cap]]: x: unknown key")


@pytest.mark.parametrize("tables", [{"max_cost": 1}, 5, ["x"], "text"])
def test_a_cap_that_is_no_list_of_tables_is_refused(tables: object) -> None:
    """``[cap]`` in place of ``[[cap]]`` says how to write it."""
    with pytest.raises(UsageError, match=r"write \[\[cap\]\] on a line of its own"):
        read_caps(tables, FILE)
