"""AWS event stream (``application/vnd.amazon.eventstream``): length-prefixed, CRC-checked messages.

Source: https://smithy.io/2.0/aws/amazon-eventstream.html (2025-06). A message is a prelude (total
length, headers' length, CRC of these two; 4 bytes each, big-endian), headers, the payload, and a
CRC of all before it. After a wrong CRC nothing can be trusted: framing stops there for good.
"""

import struct
from collections.abc import Mapping
from zlib import crc32

from leash_addon.wire.event import Event
from leash_addon.wire.framing.framer import MAX_EVENT_BYTES

PRELUDE = struct.Struct("!III")
CRC = struct.Struct("!I")
LEAST = PRELUDE.size + CRC.size
FIXED_SIZES = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
"""Bytes of a header value by its type: booleans, integers, timestamp, uuid."""
SIZED, STRING = (6, 7), 7
NAMES = (":exception-type", ":error-code", ":event-type")
"""The headers that name a message; a message has the one of its kind."""


class EventStream:
    """Frames messages as events named by their type. Holds one message of ``limit`` bytes."""

    whole = False

    def __init__(self, limit: int = MAX_EVENT_BYTES) -> None:
        """``limit``: the longest message in bytes; a longer one is dropped, the next one comes."""
        self.broken: str | None = None
        self._limit = limit
        self._held = bytearray()
        self._skip = 0
        self._stopped = False

    def feed(self, chunk: bytes, /) -> list[Event]:
        """Return the messages that are complete and whole."""
        events: list[Event] = []
        if self._stopped:
            return events
        if self._skip:
            skipped = min(self._skip, len(chunk))
            self._skip -= skipped
            chunk = chunk[skipped:]
        self._held += chunk
        while (length := self._next_length()) and len(self._held) >= length:
            message = bytes(self._held[:length])
            del self._held[:length]
            event = self._read(message)
            if event is None:
                break
            events.append(event)
        return events

    def close(self) -> list[Event]:
        """Return nothing: a message without its end has no CRC."""
        if (self._held or self._skip) and not self._stopped:
            self._stop("the event stream ended inside a message")
        return []

    def _next_length(self) -> int:
        """Return the length of the next message; 0 while it is not known, or cannot be."""
        while len(self._held) >= PRELUDE.size:
            total, headers, crc = PRELUDE.unpack_from(self._held)
            if crc32(self._held[:8]) != crc or total < LEAST + headers:
                self._stop("the event stream has a damaged prelude")
                return 0
            if total <= self._limit:
                return int(total)
            self.broken = f"a message of more than {self._limit} bytes was dropped"
            self._skip = max(0, total - len(self._held))
            del self._held[:total]
        return 0

    def _read(self, message: bytes) -> Event | None:
        body = memoryview(message)[: -CRC.size]
        if crc32(body) != CRC.unpack_from(message, len(body))[0]:
            self._stop("the event stream has a message with a wrong CRC")
            return None
        split = PRELUDE.size + PRELUDE.unpack_from(message)[1]
        headers = _headers(message[PRELUDE.size : split])
        if headers is None:
            self._stop("the event stream has a message with unreadable headers")
            return None
        name = next((headers[key] for key in NAMES if key in headers), None)
        data = bytes(body[split:]) or headers.get(":error-message", "").encode()
        return Event(name, data)

    def _stop(self, why: str) -> None:
        self.broken = why
        self._stopped = True
        self._held.clear()


def _headers(block: bytes) -> Mapping[str, str] | None:
    """Return the string headers of a message; ``None`` if the block is not well formed."""
    headers: dict[str, str] = {}
    at = 0
    try:
        while at < len(block):
            name = block[at + 1 : at + 1 + block[at]]
            at += 1 + len(name)
            kind = block[at]
            at += 1
            if kind in SIZED:
                size = int.from_bytes(block[at : at + 2])
                at += 2
            else:
                size = FIXED_SIZES[kind]
            if kind == STRING:
                headers[name.decode("utf-8", "replace")] = block[at : at + size].decode(
                    "utf-8", "replace"
                )
            at += size
    except (IndexError, KeyError):
        return None
    return headers if at == len(block) else None
