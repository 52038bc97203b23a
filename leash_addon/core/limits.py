"""The limits of a run, as the ledger records them and boundaries read them."""

import msgspec

from leash_addon.core.money import ZERO, Pico


class TokenWindow(msgspec.Struct, frozen=True, kw_only=True):
    """At most ``tokens`` in a trailing window of ``seconds``."""

    tokens: int
    seconds: int


class Limits(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Limits of one run; zero or ``None`` turns one off.

    ``max_cost``, ``max_cost_per_call``: picodollars. ``deadline``: seconds from the first call.
    ``compute_rate``: picodollars per hour of wall clock. ``warn_at``: fraction of a limit in
    thousandths (800 is 0.8). ``count_imputed``: whether money that a subscription covers counts.
    """

    max_cost: Pico = ZERO
    max_cost_per_call: Pico = ZERO
    max_calls: int = 0
    max_inflight: int = 0
    deadline: int = 0
    rate: TokenWindow | None = None
    stall: int = 0
    compute_rate: Pico = ZERO
    warn_at: int = 0
    count_imputed: bool = False

    @property
    def counts_money(self) -> bool:
        """Tell whether a dollar limit holds, so that a call must have a price."""
        return bool(self.max_cost or self.max_cost_per_call)


NO_LIMITS = Limits()


_CEILINGS = ("max_cost", "max_cost_per_call", "max_calls", "max_inflight", "deadline", "stall")


_LIFTABLE = (*_CEILINGS, "rate", "compute_rate")


def lifted(known: tuple[str, ...], before: Limits, after: Limits) -> tuple[str, ...]:
    """Return the limits that are off because somebody lifted them. ``known``: those so far."""
    off = {name for name in _LIFTABLE if getattr(before, name) and not getattr(after, name)}
    return tuple(sorted(name for name in {*known, *off} if not getattr(after, name)))


def kept_raised(limits: Limits, recorded: Limits, lifted: tuple[str, ...] = ()) -> Limits:
    """Return the limits of a configuration with those of a run on record that are higher.

    Somebody raised them on the record; another process that meets the run must not undo that. A
    limit that the run does not have is taken, since it may have begun before there was one, but
    for those that were ``lifted``.
    """
    raised = {
        name: on_record
        for name in _CEILINGS
        if (on_record := getattr(recorded, name)) > getattr(limits, name) > 0
    }
    if limits.rate and recorded.rate:
        allowed = limits.rate.tokens * recorded.rate.seconds
        if recorded.rate.tokens * limits.rate.seconds > allowed:
            raised["rate"] = recorded.rate
    raised |= {name: getattr(NO_LIMITS, name) for name in lifted}
    return msgspec.structs.replace(limits, **raised)


class Ceiling(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a cap allows in one window: picodollars, calls, tokens; zero turns one off."""

    max_cost: Pico = ZERO
    max_calls: int = 0
    max_tokens: int = 0

    def raised(self, by: "Ceiling | None") -> "Ceiling":
        """Return the higher of each limit; a raise to zero lifts it, one that is off stays off."""
        if by is None:
            return self
        return Ceiling(
            max_cost=Pico(_higher(self.max_cost, by.max_cost)),
            max_calls=_higher(self.max_calls, by.max_calls),
            max_tokens=_higher(self.max_tokens, by.max_tokens),
        )


def _higher(limit: int, by: int) -> int:
    return max(limit, by) if limit and by else 0
