"""Has a running proxy go on under other limits, caps and ways of judging calls."""

from leash_addon.config.settings import Settings
from leash_addon.ledger import LedgerWriter
from leash_addon.proxy.governor import Governor
from leash_addon.proxy.policy import Policy


async def renew(governor: Governor, writer: LedgerWriter, settings: Settings, prices: str) -> None:
    """Judge calls by other settings from now on.

    A run that is known is met again at its next call, as by another proxy: higher limits are
    taken, and those that are higher on record, or were lifted, stay (``core.limits.kept_raised``).
    A run that is stopped stays so.
    """
    await writer.take(settings.terms)
    old = governor.policy
    governor.policy = Policy.of(settings, run=old.run, prices=prices)
    if governor.policy.limits != old.limits:
        governor.known.meet_again()
