"""Raising a cap for one account and its window, on the record: ``leash raise --cap ...``."""

from collections.abc import Mapping

from msgspec.structs import replace

from leash_addon.cli.caps import Held, accounts, limits_of
from leash_addon.cli.options import now
from leash_addon.config import values
from leash_addon.config.settings import Settings
from leash_addon.core.balance import EMPTY
from leash_addon.core.caps import accounts_at
from leash_addon.core.limits import Ceiling
from leash_addon.errors import UsageError
from leash_addon.ledger import Ledger
from leash_addon.ledger.virtual_keys import key_caps

READERS = {"max_cost": values.money, "max_calls": values.count, "max_tokens": values.count}
"""What a cap limits, and how its value is read."""


def raise_cap(
    ledger: Ledger, settings: Settings, selector: str, given: Mapping[str, str], *, by: str
) -> list[str]:
    """Raise the one account that a selector names: its key, or a part of it or of its name.

    Returns what to tell.
    """
    wrong = sorted(given.keys() - READERS.keys())
    if wrong or not given:
        flags = ", ".join("--" + name.replace("_", "-") for name in READERS)
        msg = f"raise --cap: a cap has {flags}"
        raise UsageError(msg)
    at = now()
    one = _found(ledger, settings, selector)
    ceiling = raised(one.account.ceiling(one.balance), given)
    after = ledger.raise_cap(one.account.key, ceiling, at, by=by)
    allowed = one.account.ceiling(after)
    said = [f"{one.account.key} may now come to {limits_of(allowed)}"]
    if allowed != ceiling:
        said.append("a raise never lowers: leash.toml's own cap still holds")
    return said


def raised(ceiling: Ceiling, given: Mapping[str, str]) -> Ceiling:
    """Return the ceiling with the limits given, added where they begin with ``+``; 0 lifts."""
    return replace(ceiling, **{name: _value(name, text, ceiling) for name, text in given.items()})


def _value(name: str, text: str, ceiling: Ceiling) -> int:
    flag, old = "--" + name.replace("_", "-"), getattr(ceiling, name)
    try:
        value = READERS[name](text.removeprefix("+"))
    except ValueError as error:
        msg = f"{flag}: {error}"
        raise UsageError(msg) from None
    if not old:
        msg = f"{flag}: the cap has no such limit; write one in leash.toml"
        raise UsageError(msg)
    return int(old + value if text.startswith("+") else value)


def _found(ledger: Ledger, settings: Settings, selector: str) -> Held:
    at, zone = now(), settings.timezone
    caps = (*settings.caps, *key_caps(ledger.database))
    known = list(accounts(ledger, caps, at, zone))
    for one in known:
        if one.account.key == selector:
            return one
    if named := accounts_at(caps, selector):  # nothing was charged to it so far
        account = named[0]
        return Held(account=account, balance=EMPTY, window=account.window, is_current=True)
    near = [
        one
        for one in known
        if one.is_current and (selector in one.account.key or selector in one.account.label)
    ]
    if len({one.account.key for one in near}) == 1:
        return near[0]
    listed = ", ".join(one.account.key for one in near[:5])
    msg = f"--cap {selector}: " + (
        f"names several accounts: {listed}; write one of them whole"
        if near
        else "no such account of a cap today; `leash caps` lists them"
    )
    raise UsageError(msg)
