"""Recorded WebSockets: NDJSON of ``{kind, direction, data}``, one message a line.

The same ``SocketMeter`` as on the live path reads them.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final

import msgspec

from leash_addon.core.reading import Reading
from leash_addon.wire.calls import Settled, SocketEvent
from leash_addon.wire.formats.table import added
from leash_addon.wire.routes import Route
from leash_addon.wire.socket import socket_meter


class Line(msgspec.Struct):
    """One recorded message. ``data``: the JSON itself, or its text."""

    direction: Any = None
    data: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


_LINE: Final = msgspec.json.Decoder(Line)
_TEXT: Final = msgspec.json.Decoder(str)


def settled_calls(route: Route, lines: Iterable[bytes]) -> list[Settled]:
    """Return the calls of a recorded connection; a line that is no message is passed over."""
    meter = socket_meter(route)
    if meter is None:
        return []
    events: list[SocketEvent] = []
    for raw in lines:
        try:
            line = _LINE.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
        if line.data is not msgspec.UNSET:
            data = _message(bytes(line.data))
            events += meter.feed("sent" if line.direction == "sent" else "received", data)
    events += meter.close()
    return [event for event in events if isinstance(event, Settled)]


def transcript(route: Route, body: bytes) -> Reading:
    """Return the sum of a recorded connection's responses, without its transcriptions."""
    calls = [call for call in settled_calls(route, body.splitlines()) if call.kind == "response"]
    usages = [call.reading.usage for call in calls if call.reading.usage is not None]
    if not calls:
        return Reading()
    return replace(
        calls[-1].reading,
        usage=added(usages) if usages else None,
        complete=all(call.reading.complete for call in calls),
        notes=(f"sum of {len(usages)} responses",),
    )


def _message(data: bytes) -> bytes:
    """Unpack a message that was recorded as text inside JSON."""
    try:
        return _TEXT.decode(data).encode() if data[:1] == b'"' else data
    except (msgspec.DecodeError, UnicodeDecodeError):
        return data
