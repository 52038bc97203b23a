"""Raising a run's limits on the record, from words as people write them: ``max_cost`` ``+5``."""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from leash_addon.config.settings import LIMIT_KEYS, Key
from leash_addon.core.balance import Balance
from leash_addon.core.limits import Limits
from leash_addon.core.money import Instant
from leash_addon.core.verdict import Reason
from leash_addon.errors import UsageError
from leash_addon.ledger import Ledger

RAISABLE = tuple(key for key in LIMIT_KEYS if key.name not in {"count_imputed", "warn_at"})


def raised(ledger: Ledger, run: str, given: Mapping[str, str], at: Instant, by: str) -> Balance:
    """Raise limits of a run on the record; raises ``UsageError`` for what cannot be."""
    wrong = sorted(given.keys() - {key.name for key in RAISABLE})
    if wrong or not given:
        names = ", ".join(key.name for key in RAISABLE)
        msg = f"raise: {', '.join(wrong) or 'nothing given'}; a run has {names}"
        raise UsageError(msg)
    before = ledger.balance(run)
    if before.stopped is Reason.KILL:
        msg = f"run {run} was killed and stays so; start another, for example leash --run {run}-2"
        raise UsageError(msg)
    return ledger.raise_limits(run, changed(before.limits, given), at, by=by)


def changed(limits: Limits, given: Mapping[str, str]) -> Limits:
    """Return the limits with those given replaced, or raised where they begin with ``+``."""
    keys = {key.name: key for key in RAISABLE}
    fresh = {name: _value(keys[name], text, getattr(limits, name)) for name, text in given.items()}
    return replace(limits, **fresh)


def _value(key: Key, text: str, old: Any) -> object:  # noqa: ANN401 - a limit's own type
    try:
        value: Any = key.read(text.removeprefix("+"))
    except ValueError as error:
        msg = f"{key.flag}: {error}"
        raise UsageError(msg) from None
    if not text.startswith("+"):
        return value
    if key.name == "rate":
        msg = f"{key.flag}: a rate is named whole, for example 200000/1m"
        raise UsageError(msg)
    if not old:
        msg = f"{key.flag}: the run has no such limit; name one without +"
        raise UsageError(msg)
    return old + value
