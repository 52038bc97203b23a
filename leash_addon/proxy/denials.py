"""Why leash says no to a call: a limit, a hostile text, or trouble of its own."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from leash_addon.core.money import Instant
from leash_addon.core.verdict import Reason, Trip

INTERNAL = "internal"
"""The reason of a refusal for a fault of leash itself: no limit tripped, nothing was journaled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Denial:
    """Why a call is refused. ``status``: what it must be, ``None`` to choose by client.

    ``account``: the cap's or rate limit's that says so. ``resets_at``: when a cap begins anew.
    ``more``: fields beside the account, for programs.
    """

    reason: str
    message: str
    final: bool = True
    retry_after: float | None = None
    status: int | None = None
    account: str = ""
    resets_at: Instant | None = None
    more: Mapping[str, object] = field(default_factory=dict)

    @classmethod
    def of(cls, trip: Trip) -> "Denial":
        """Take a limit's no."""
        return cls(
            reason=trip.reason.value,
            message=trip.message,
            final=trip.final,
            retry_after=trip.retry_after,
            status=503 if trip.reason is Reason.DRAINING else None,
            account=trip.account,
            resets_at=trip.resets_at,
        )


UNAVAILABLE = 503
"""The status of what is leash's own trouble."""

LEDGER_AWAY = Denial(
    reason=Reason.LEDGER_UNAVAILABLE.value,
    message="the ledger cannot be written, so nothing was forwarded",
    final=False,
    retry_after=2.0,
    status=503,
)
FAULT = Denial(
    reason=INTERNAL,
    message="leash itself failed on this call, so nothing was forwarded; its log says why",
    status=UNAVAILABLE,
)
NO_SOCKETS = Denial(
    reason=Reason.BLIND_ENDPOINT.value,
    message="WebSockets to this provider are not let through here (websocket = refuse)",
    status=403,
)
