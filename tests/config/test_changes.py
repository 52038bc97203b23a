"""What differs between two readings of the settings."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace as with_limit

from leash_addon.config.changes import Changes, changes, taken_over
from leash_addon.config.settings import Settings
from leash_addon.config.tokens import Grant
from leash_addon.core.limits import NO_LIMITS, TokenWindow
from leash_addon.core.money import usd

TOKEN = Grant(name="team", digest=b"1")
BEGUN = Settings(home=Path("/h"), db=Path("/h/leash.db"))


def settings(**given: Any) -> Settings:  # noqa: ANN401 - a limit's own type
    """Return settings whose limits are these."""
    return Settings(home=Path("/h"), db=Path("/h/leash.db"), limits=with_limit(NO_LIMITS, **given))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        pytest.param({}, {}, (), id="nothing"),
        pytest.param({"max_calls": 2}, {"max_calls": 3}, ("max_calls 2 -> 3",), id="calls"),
        pytest.param({}, {"max_cost": usd("5")}, ("max_cost off -> $5.00",), id="a new one"),
        pytest.param({"deadline": 900}, {}, ("deadline 15m -> off",), id="one that is gone"),
        pytest.param(
            {"rate": TokenWindow(tokens=5, seconds=60)},
            {"rate": TokenWindow(tokens=9, seconds=60)},
            ("rate 5/1m -> 9/1m",),
            id="rate",
        ),
        pytest.param({}, {"count_imputed": True}, ("count_imputed off -> on",), id="a switch"),
    ],
)
def test_limits_are_told_with_both_values(
    old: dict[str, Any], new: dict[str, Any], said: tuple[str, ...]
) -> None:
    """A changed limit is named as it was and as it is now."""
    assert changes(settings(**old), settings(**new), begun=settings(**old)) == Changes(taken=said)


def test_what_wants_a_restart_is_told_until_there_was_one() -> None:
    """It is compared with what the process began with, not with what was read last."""
    read = Settings(
        home=Path("/h"), db=Path("/other.db"), max_body=5, no_inject=True, providers={"x": {}}
    )
    assert changes(BEGUN, read, begun=BEGUN) == Changes(
        taken=("no_inject", "[providers]"), restart=("db", "max_body")
    )
    assert changes(read, read, begun=BEGUN) == Changes(restart=("db", "max_body"))


def test_a_first_token_wants_a_restart() -> None:
    """Who began without asking anybody goes on like that, and does not say that it asks now."""
    asks = replace(BEGUN, tokens=(TOKEN,))
    assert changes(BEGUN, asks, begun=BEGUN) == Changes(restart=("[[token]]",))
    assert changes(asks, BEGUN, begun=asks) == Changes(taken=("[[token]]",))


def test_what_wants_a_restart_is_not_taken_over() -> None:
    """A process goes on with the limits and tokens that it read, and with the ledger it has."""
    read = replace(
        settings(max_calls=3), db=Path("/other.db"), max_body=5, no_inject=True, tokens=(TOKEN,)
    )
    wanted = replace(settings(max_calls=3), no_inject=True, tokens=(TOKEN,))
    assert taken_over(BEGUN, read) == wanted
