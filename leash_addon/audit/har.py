"""Exchanges of an HTTP Archive, entry by entry, however long the file is.

Source: http://www.softwareishard.com/blog/har-12-spec/ (HAR 1.2) and ``_webSocketMessages`` as
Chrome and mitmproxy write it. Memory holds one entry of at most ``MAX_RECORD_BYTES``: the array
``log.entries`` is framed like any other streamed array. An exporter stores bodies decoded, so
the content-encoding of an answer no longer holds, unless its bytes say that it does.
"""

import re
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Iterator, Sequence
from typing import IO

import msgspec

from leash_addon.audit.exchange import MAX_RECORD_BYTES, Bad, Exchange, Message, Read, too_long
from leash_addon.wire.framing.json_array import JsonArray

PIECE = 256 * 1024
ENTRIES = re.compile(rb'"entries"\s*:\s*(?=\[)')
"""The one key of that name: inside a string its quotes would be escaped."""

COMPRESSED = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd")
"""First bytes of gzip and zstd."""

BINARY = 2
"""The WebSocket opcode of a binary message, which HAR holds as base64."""


class _Header(msgspec.Struct):
    name: str
    value: str


class _PostData(msgspec.Struct):
    text: str = ""
    encoding: str = ""


class _Content(msgspec.Struct):
    size: float = 0
    text: str | None = None
    encoding: str = ""


class _Request(msgspec.Struct):
    method: str
    url: str
    headers: list[_Header | tuple[str, str]] = msgspec.field(default_factory=list)
    postData: _PostData | None = None  # noqa: N815 - HAR's own name


class _Response(msgspec.Struct):
    status: int
    headers: list[_Header | tuple[str, str]] = msgspec.field(default_factory=list)
    content: _Content = msgspec.field(default_factory=_Content)


class _Message(msgspec.Struct):
    type: str
    data: str
    opcode: int = 1


class _Entry(msgspec.Struct):
    request: _Request | None = None
    response: _Response | None = None
    page: dict[str, object] | None = msgspec.field(default=None, name="pageTimings")
    messages: list[_Message] | None = msgspec.field(default=None, name="_webSocketMessages")


ENTRY = msgspec.json.Decoder(_Entry)


def read_har(file: IO[bytes], name: str, limit: int = MAX_RECORD_BYTES) -> Iterator[Read]:
    """Read the entries of an archive; a bad entry is told of and the next one read."""
    start = _to_entries(file, limit)
    if start is None:
        yield Bad(name, 'no list "entries" in it; export the traffic as HAR 1.2 (JSON)')
        return
    framer = JsonArray(limit)
    number = 0
    piece = start
    while piece:
        events = framer.feed(piece)
        if framer.broken:  # it began in an earlier piece, so it comes before these
            framer.broken = None
            number += 1
            yield Bad(f"{name}:entry {number}", too_long(limit))
        for event in events:
            number += 1
            if (read := _entry(event.data, name, number)) is not None:
                yield read
        piece = file.read(PIECE)
    framer.close()
    if framer.broken:
        yield Bad(name, f"ends in the middle of entry {number + 1}; what came before it counts")


def _to_entries(file: IO[bytes], limit: int) -> bytes | None:
    """Read on to the array; ``None`` if there is none within ``limit`` bytes."""
    head = bytearray()
    while len(head) <= limit and (piece := file.read(PIECE)):
        head += piece
        if found := ENTRIES.search(head, max(0, len(head) - len(piece) - PIECE)):
            return bytes(head[found.end() :])
    return None


def _entry(text: bytes, name: str, number: int) -> Read | None:
    """Read one entry; ``None`` for a page, whose list may follow the entries."""
    place = f"{name}:entry {number}"
    try:
        entry = ENTRY.decode(text)
        if entry.request is None:
            return None if entry.page is not None else Bad(place, "has no request")
        return _exchange(entry, entry.request, entry.response, place)
    except (msgspec.ValidationError, NotBase64) as e:
        return Bad(place, f"{e}; HAR 1.2 has it otherwise")
    except (msgspec.DecodeError, UnicodeError, RecursionError) as e:
        return Bad(place, f"not JSON ({e}); export it again")


def _exchange(entry: _Entry, request: _Request, response: _Response | None, place: str) -> Exchange:
    response = response or _Response(status=0)
    body = _bytes(response.content.text or "", response.content.encoding)
    headers = _lower(response.headers)
    if not body.startswith(COMPRESSED):
        headers.pop("content-encoding", None)
    lacks = response.content.text is None and response.content.size > 0
    post = request.postData or _PostData()
    return Exchange(
        id=place,
        place=place,
        method=request.method,
        url=request.url,
        request_headers=_lower(request.headers),
        request_body=_bytes(post.text, post.encoding),
        status=response.status or None,
        response_headers=headers,
        response_body=body,
        messages=_messages(entry.messages),
        cut=not response.status,
        notes=("the body is not in the archive; export it with content",) if lacks else (),
    )


def _bytes(text: str, encoding: str) -> bytes:
    if encoding.lower() == "base64":
        return b64decode(text.encode("utf-8", "replace"), validate=True)
    return text.encode("utf-8", "surrogatepass")


def _lower(headers: Sequence[_Header | tuple[str, str]]) -> dict[str, str]:
    pairs = (h if isinstance(h, tuple) else (h.name, h.value) for h in headers)
    return {name.lower(): value for name, value in pairs}


def _messages(messages: list[_Message] | None) -> tuple[Message, ...] | None:
    if messages is None:
        return None
    return tuple(
        Message(m.type == "receive", _bytes(m.data, "base64" if m.opcode == BINARY else ""))
        for m in messages
    )
