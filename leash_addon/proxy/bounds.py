"""How large a call can get, as its request shows it; and the limit written into its body."""

from dataclasses import dataclass

from mitmproxy import http

from leash_addon.core.holds import HoldMode, Holds
from leash_addon.wire.asked import Parsed
from leash_addon.wire.clamp import clamp, floor
from leash_addon.wire.routes import Route
from leash_addon.wire.texts import FORMATS
from leash_addon.wire.unseen import has_unseen_input


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What hard holds and clamping need of a request, in the words of ``Ask``."""

    input_bytes: int = 0
    unseen: bool = False
    clamp_floor: int | None = None


UNASKED = Bounds()


def bounds_of(
    holds: Holds, route: Route, parsed: Parsed, changed: bytes | None, body: bytes, *, url: str
) -> Bounds:
    """Look a request over as far as the mode of holds needs it.

    ``body``: as it came. ``changed``: what goes out instead, without content coding.
    """
    if holds.mode is not HoldMode.HARD and not holds.clamp:
        return UNASKED
    plain, size = (parsed.plain, parsed.size) if changed is None else (changed, len(changed))
    body = body if changed is None else changed
    may_change = holds.clamp and not parsed.asked.signed and plain is body
    return Bounds(
        input_bytes=size,
        unseen=_is_riddle(route, parsed) or has_unseen_input(plain),
        clamp_floor=floor(body, wire_format=route.format or "", path=url) if may_change else None,
    )


def _is_riddle(route: Route, parsed: Parsed) -> bool:
    """Tell whether a request of words is one that we cannot read: a laxer provider may."""
    return parsed.asked.broken is not None and route.format in FORMATS


def lower_output(request: http.Request, limit: int, route: Route) -> None:
    """Write a limit on output tokens into a request; raises ``ValueError`` where it has no place.

    It has one wherever ``bounds_of`` named a floor.
    """
    body = clamp(
        request.raw_content or b"",
        limit,
        wire_format=route.format or "",
        provider=route.provider,
    )
    if body is None:
        msg = f"no output limit of {limit} can be written into a request of {route.format}"
        raise ValueError(msg)
    request.raw_content = body
    if "transfer-encoding" not in request.headers:
        request.headers["content-length"] = str(len(body))
