"""One WebSocket that is metered: whose it is, its meter, and its calls that are open."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qs, urlsplit

from leash_addon.core.reading import Outcome, Reading
from leash_addon.core.verdict import Reason
from leash_addon.proxy.call import Call
from leash_addon.proxy.denials import Denial
from leash_addon.proxy.intake import Intake
from leash_addon.wire.calls import SocketMeter
from leash_addon.wire.routes import Route
from leash_addon.wire.turn import Backlog


@dataclass(slots=True, kw_only=True, eq=False)
class Socket:
    """One connection.

    ``calls``: those that are open, by the meter's key. ``free``: keys of turns that said to cost
    nothing. ``own``: messages of ours that mitmproxy will show to its hook, too.
    """

    intake: Intake
    route: Route
    meter: SocketMeter
    backlog: Backlog
    calls: dict[int, Call] = field(default_factory=dict)
    free: set[int] = field(default_factory=set)
    closing: bool = False
    own: list[bytes] = field(default_factory=list)

    def outlives(self, denial: Denial) -> bool:
        """Tell whether the connection goes on after a message of its client was refused."""
        hostile = denial.reason == Reason.SCREENING.value
        return not denial.final or (hostile and self.route.format == "openai.realtime")


def model_of(url: str) -> str | None:
    """Return the model that the query of a URL names (Realtime; Azure calls it a deployment)."""
    query: Mapping[str, list[str]] = parse_qs(urlsplit(url).query)
    found = query.get("model") or query.get("deployment")
    return found[0] if found else None


def has_output(reading: Reading) -> bool:
    """Tell whether an answer was reported to have tokens."""
    return reading.usage is not None and bool(reading.usage.output_tokens)


def ended(reading: Reading) -> tuple[Reading, Outcome]:
    """Return how a turn is booked that has come to its end."""
    if reading.error is not None and reading.usage is None:
        # It failed before it was whole, and what came of it has been seen.
        reading = replace(reading, complete=False, free=not reading.text_bytes)
    return reading, Outcome.COMPLETE if reading.complete or reading.free else Outcome.CUT
