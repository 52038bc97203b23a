"""Has a running proxy go on under other limits, caps, tokens and ways of judging calls."""

from leash_addon.config.changes import Changes
from leash_addon.config.settings import Settings
from leash_addon.ledger import LedgerWriter
from leash_addon.proxy.addon import LeashAddon
from leash_addon.proxy.policy import Policy
from leash_addon.proxy.ports import PriceList


async def renew(
    addon: LeashAddon, writer: LedgerWriter, settings: Settings, *, prices: PriceList, named: str
) -> None:
    """Judge calls by other settings from now on. ``named``: the names of the price tables.

    A run that is known is met again at its next call, as by another proxy: higher limits are
    taken, and those that are higher on record, or were lifted, stay (``core.limits.kept_raised``).
    A run that is stopped stays so.
    """
    await writer.take(settings.terms)
    governor, gate = addon.governor, addon.access.entrance.gate
    old, governor.prices = governor.policy, prices
    governor.policy = Policy.of(settings, run=old.run, prices=named)
    if governor.policy.limits != old.limits:
        governor.known.meet_again()
    if gate is not None:
        gate.change(settings.tokens)


def told(settings: Settings, found: Changes, *, named: str) -> str:
    """Say in one line what a renewal came to."""
    number = len(settings.tokens)
    tokens = "1 token" if number == 1 else f"{number} tokens"
    parts = [f"reloaded: packs, {tokens}, prices {named}"]
    parts += [f"changed: {', '.join(found.taken)}"] if found.taken else []
    parts += [f"only a restart takes {', '.join(found.restart)}"] if found.restart else []
    return "; ".join(parts)
