"""One WebSocket that is metered: whose it is, its meter, and its calls that are open."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from leash_addon.proxy.call import Call
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


def model_of(url: str) -> str | None:
    """Return the model that the query of a URL names (Realtime; Azure calls it a deployment)."""
    query: Mapping[str, list[str]] = parse_qs(urlsplit(url).query)
    found = query.get("model") or query.get("deployment")
    return found[0] if found else None
