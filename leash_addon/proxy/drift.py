"""Notices when what a provider charged and what our table says part ways."""

import logging

from leash_addon.core.money import Pico, exact_usd, usd_pico_up
from leash_addon.core.pricing import FindCard, RateCard, Unpriced, price
from leash_addon.core.usage import Usage

logger = logging.getLogger(__name__)

TOLERANCE = 5
"""Percent by which the two may differ before it is worth a line."""

MOST_REMEMBERED = 1_000
"""Models remembered as told; names come from answers, so their number is bounded."""


class Drift:
    """Compares what a provider stated with what our table says; tells of each model once."""

    def __init__(self) -> None:
        """Begin with nothing told."""
        self._told: set[tuple[str, str]] = set()

    def compare(self, provider: str, usage: Usage, card: RateCard, find: FindCard) -> bool:
        """Log the first drift of a model's price; return whether a line was logged."""
        stated, key = usage.provider_cost_usd, (provider, card.name)
        if stated is None or key in self._told or len(self._told) >= MOST_REMEMBERED:
            return False
        listed, own = price(usage, card, find), usd_pico_up(stated)
        if isinstance(listed, Unpriced) or not is_drift(own, listed):
            return False
        self._told.add(key)
        logger.warning(
            "%s: %s stated $%s for a call that %s prices at $%s; what it states is booked",
            *(provider, card.name, exact_usd(own), card.table, exact_usd(listed)),
        )
        return True


def is_drift(stated: Pico, listed: Pico) -> bool:
    """Tell whether two prices of one call differ by more than ``TOLERANCE`` percent."""
    return abs(stated - listed) * 100 > TOLERANCE * max(stated, listed)
