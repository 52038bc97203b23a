"""What a model costs: the user's table in front of the published one.

A lookup is done once per (provider, model, requested model, tier) and remembered, misses too:
genai-prices takes 40-200 microseconds, and is never on the path of a repeated call. A card that
changes with date or time of day is looked up again when its span ends.
"""

from pathlib import Path
from typing import Final

from leash_addon.config.price_file import PriceTable, read_price_file
from leash_addon.config.price_names import MOST_CHARS, names
from leash_addon.config.published import NOT_LISTED, Priced, published, table_name, warm_up
from leash_addon.core.money import Instant
from leash_addon.core.pricing import RateCard

type _Key = tuple[str, str | None, str | None, str | None]

MOST_REMEMBERED: Final = 2_048
"""Lookups remembered; clients choose model names, so the oldest make room for new ones."""


class Prices:
    """Finds rate cards. Safe to share between threads: at worst a card is looked up twice."""

    def __init__(self, own: PriceTable | None = None) -> None:
        """Take the user's table, if there is one."""
        self._own = own
        self._found: dict[_Key, Priced] = {}

    def find(
        self,
        provider: str,
        model: str | None,
        *,
        at: Instant,
        tier: str | None = None,
        requested: str | None = None,
    ) -> RateCard | None:
        """Return the card that holds at ``at``, or ``None`` when nobody prices the model.

        ``model``: as the answer reported it; ``requested``: as it was asked for. The user's table
        is asked first, for every name that the model may go by; then the published one. ``tier``:
        the service tier (flex, priority, batch, fast); one that has no price of its own is priced
        at the list price. ``name`` of the card is the name that found it, with the tier that
        changed the price in brackets (``gpt-5 [flex]``); ``table`` says whose price it is.
        """
        key = (provider, _short(model), _short(requested), _short(tier))
        found = self._found.get(key)
        if found is None or not found.holds(at):
            found = self._look_up(key, at)
            while len(self._found) >= MOST_REMEMBERED:
                self._found.pop(next(iter(self._found)), None)
            self._found[key] = found
        return found.card

    def describe(self) -> str:
        """Name the tables for the start line: ``prices.json + genai-prices 0.2.3``."""
        return f"{self._own.name} + {table_name()}" if self._own else table_name()

    def _look_up(self, key: _Key, at: Instant) -> Priced:
        provider, model, requested, tier = key
        tried = names(model, requested)
        own = self._own.find(tried or ("",)) if self._own else None
        if own is not None:
            return Priced(card=own, since=None, until=None)
        for name in tried:
            found = published(provider, name, tier, at)
            if found is not None:
                return found
        return NOT_LISTED


def load_prices(path: Path | None = None) -> Prices:
    """Read both tables; raises ``UsageError`` that names file, model and key of the user's.

    Takes half a second for the published one: here, and not in the first call.
    """
    own = read_price_file(path) if path else None
    warm_up()
    return Prices(own)


def _short(name: str | None) -> str | None:
    """Forget what is too long to be a name, so that no client fills the memory with it."""
    return name if name is None or len(name) <= MOST_CHARS else None
