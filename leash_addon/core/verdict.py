"""What a limit says: yes, with the money to hold, or no, with a reason and whether waiting helps.

The reasons are written here once. They are stored in the ledger, sent to clients and matched by
them, so a reason is never renamed and never reused.
"""

from dataclasses import dataclass
from enum import StrEnum

from leash_addon.core.money import ZERO, Instant, Pico


class Reason(StrEnum):
    """The stable machine word of a trip."""

    KILL = "kill"
    DEADLINE = "deadline"
    COST_BUDGET = "cost_budget"
    CALL_BUDGET = "call_budget"
    TOKEN_RATE = "token_rate"  # noqa: S105 - a reason, not a secret
    STALL = "stall"
    CALL_COST = "call_cost"
    IN_FLIGHT = "in_flight"
    HELD = "held"
    UNPRICED_MODEL = "unpriced_model"
    BLIND_ENDPOINT = "blind_endpoint"
    METER_BLIND = "meter_blind"
    SERVER_TOOL_UNPRICED = "server_tool_unpriced"
    LEDGER_UNAVAILABLE = "ledger_unavailable"
    CAP = "cap"
    RATE_LIMIT = "rate_limit"
    SCREENING = "screening"
    AUTH = "auth"
    DRAINING = "draining"


class Effect(StrEnum):
    """What a trip does: end the run, refuse this one call, or ask to come back later."""

    STOP = "stop"
    REFUSE = "refuse"
    PASSING = "passing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trip:
    """A limit saying no. ``retry_after``: seconds after which it may say yes (passing only).

    ``account``: the cap's account or the rate limit's bucket that said it; empty: the run's own.
    ``resets_at``: when a cap begins anew.
    """

    reason: Reason
    effect: Effect
    message: str
    retry_after: float | None = None
    account: str = ""
    resets_at: Instant | None = None

    @property
    def final(self) -> bool:
        """Tell whether waiting cannot help."""
        return self.effect is not Effect.PASSING


DRAINING = Trip(
    reason=Reason.DRAINING,
    effect=Effect.PASSING,
    message="this proxy is about to end and takes no new calls; try again in a moment",
    retry_after=2.0,
)
"""What a proxy says that takes no new calls; it is not put on record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Allow:
    """The call may go; ``hold`` is the money that is spoken for until it settles.

    ``max_output``: lower the request's own limit on output tokens to this before it goes.
    ``estimate``: what the call is booked at when nobody reports and nothing was held.
    """

    hold: Pico
    max_output: int | None = None
    estimate: Pico = ZERO


type Verdict = Allow | Trip
