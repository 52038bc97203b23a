"""Exchanges of a mitmproxy dump (``mitmdump -w``), flow by flow.

A dump is a row of tnetstrings (``length:bytes}``). The length is read here, so that an overlong
flow is skipped and not loaded; a flow itself is read by mitmproxy, also of older versions.
"""

from collections.abc import Iterator
from io import BytesIO
from typing import IO

from mitmproxy.exceptions import FlowReadException
from mitmproxy.http import Headers, HTTPFlow
from mitmproxy.io import FlowReader

from leash_addon.audit.exchange import MAX_RECORD_BYTES, Bad, Exchange, Message, Read, too_long

DIGITS = 12
PIECE = 1024 * 1024
ODD = (FlowReadException, ValueError, TypeError, LookupError, AttributeError, RecursionError)
"""What mitmproxy raises on a dump that is not one of its own."""


def read_flows(file: IO[bytes], name: str, limit: int = MAX_RECORD_BYTES) -> Iterator[Read]:
    """Read the HTTP flows of a dump; a bad flow is told of and the next one read."""
    number = 0
    while first := file.read(1):
        number += 1
        place = f"{name}:flow {number}"
        length = _length(first, file)
        if length is None:
            yield Bad(place, "no flow of mitmproxy begins here; the rest is not read")
            return
        if length > limit:
            complete = _skip(file, length + 1)
            yield Bad(place, too_long(limit))
        else:
            content = file.read(length + 1)
            complete = len(content) == length + 1
            if complete:
                yield from _flow(b"%d:%b" % (length, content), place)
        if not complete:
            yield Bad(place, "the dump ends in the middle of it; what came before counts")
            return


def _length(first: bytes, file: IO[bytes]) -> int | None:
    digits = b""
    byte = first
    while byte.isdigit() and len(digits) <= DIGITS:
        digits += byte
        byte = file.read(1)
    return int(digits) if digits and byte == b":" else None


def _skip(file: IO[bytes], length: int) -> bool:
    while length > 0 and (piece := file.read(min(length, PIECE))):
        length -= len(piece)
    return not length


def _flow(content: bytes, place: str) -> Iterator[Read]:
    try:
        flow = next(iter(FlowReader(BytesIO(content)).stream()))
    except ODD as e:
        yield Bad(place, f"mitmproxy cannot read it ({e}); write it again with mitmdump")
        return
    if isinstance(flow, HTTPFlow):
        yield _exchange(flow, place)


def _exchange(flow: HTTPFlow, place: str) -> Exchange:
    request, response = flow.request, flow.response
    body = response.raw_content if response else b""
    lacks = ("the body is not in the dump; set store_streamed_bodies",) if body is None else ()
    return Exchange(
        id=flow.id,
        place=place,
        method=request.method,
        url=request.pretty_url.encode("utf-8", "replace").decode(),
        request_headers=_lower(request.headers),
        request_body=request.raw_content or b"",
        status=response.status_code if response else None,
        response_headers=_lower(response.headers) if response else {},
        response_body=body or b"",
        messages=_messages(flow),
        cut=flow.error is not None,
        notes=lacks,
    )


def _lower(headers: Headers) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _messages(flow: HTTPFlow) -> tuple[Message, ...] | None:
    if flow.websocket is None:
        return None
    return tuple(Message(not m.from_client, m.content) for m in flow.websocket.messages)
