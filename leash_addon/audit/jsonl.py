"""Exchanges as JSON lines: one object a line, bodies as text or base64.

Fields: ``id``, ``method``, ``url``, ``request_headers``, ``request_body`` or
``request_body_b64``, ``status``, ``response_headers``, ``response_body`` or
``response_body_b64``, ``framing``; others are ignored. Framing ``ws-transcript`` makes the body
lines of ``{kind, direction, data}``. Lines are read one at a time: memory holds one of at most
``MAX_RECORD_BYTES``.
"""

from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Iterator
from typing import IO

import msgspec

from leash_addon.audit.exchange import MAX_RECORD_BYTES, Bad, Exchange, Message, Read, too_long

DRAIN = 1024 * 1024


class _Record(msgspec.Struct):
    method: str
    url: str
    id: str | None = None
    status: int | None = None
    framing: str = ""
    request_headers: dict[str, str] = msgspec.field(default_factory=dict)
    request_body: str | None = None
    request_body_b64: str | None = None
    response_headers: dict[str, str] = msgspec.field(default_factory=dict)
    response_body: str | None = None
    response_body_b64: str | None = None


class _Line(msgspec.Struct):
    direction: str
    data: msgspec.Raw


RECORD = msgspec.json.Decoder(_Record)
LINE = msgspec.json.Decoder(_Line)


def read_jsonl(file: IO[bytes], name: str, limit: int = MAX_RECORD_BYTES) -> Iterator[Read]:
    """Read the records of a file; a bad line is told of and the next one read."""
    for line in numbered(file, name, limit):
        yield line if isinstance(line, Bad) else _record(*line)


def numbered(
    file: IO[bytes], name: str, limit: int = MAX_RECORD_BYTES
) -> Iterator[tuple[str, bytes] | Bad]:
    """Read the lines that are not blank, each with its place; one that is too long is skipped."""
    for number, line in enumerate(_lines(file, limit), start=1):
        place = f"{name}:{number}"
        if line is None:
            yield Bad(place, too_long(limit))
        elif line.strip():
            yield place, line


def _lines(file: IO[bytes], limit: int) -> Iterator[bytes | None]:
    while line := file.readline(limit + 1):
        if len(line) <= limit or line.endswith(b"\n"):
            yield line
            continue
        while (rest := file.readline(DRAIN)) and not rest.endswith(b"\n"):
            pass
        yield None


def _record(place: str, line: bytes) -> Read:
    try:
        record = RECORD.decode(line)
        return _exchange(record, place)
    except (msgspec.ValidationError, NotBase64) as e:
        return Bad(place, f"{e}; a record needs method, url, status, headers and bodies")
    except (msgspec.DecodeError, UnicodeError, RecursionError) as e:
        return Bad(place, f"not JSON ({e}); one object a line is read")


def _exchange(record: _Record, place: str) -> Exchange:
    body = _body(record.response_body, record.response_body_b64)
    is_ws = record.framing == "ws-transcript"
    return Exchange(
        id=record.id or place,
        place=place,
        method=record.method,
        url=record.url,
        request_headers=_lower(record.request_headers),
        request_body=_body(record.request_body, record.request_body_b64),
        status=record.status,
        response_headers=_lower(record.response_headers),
        response_body=b"" if is_ws else body,
        messages=_messages(body) if is_ws else None,
    )


def _body(text: str | None, encoded: str | None) -> bytes:
    if encoded is not None:
        return b64decode(encoded.encode("utf-8", "replace"), validate=True)
    return (text or "").encode("utf-8", "surrogatepass")


def _lower(headers: dict[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _messages(transcript: bytes) -> tuple[Message, ...]:
    lines = (LINE.decode(line) for line in transcript.splitlines() if line.strip())
    return tuple(Message(line.direction == "received", _text(bytes(line.data))) for line in lines)


def _text(data: bytes) -> bytes:
    """Return a message's bytes: an object as it stands, a string without its quotes."""
    return msgspec.json.decode(data, type=str).encode() if data.startswith(b'"') else data
