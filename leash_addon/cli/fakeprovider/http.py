"""Just enough HTTP/1.1 for a fake provider: requests read whole, answers whole or chunked.

Grammar: RFC 9112. Heads are bounded at 64 KiB, bodies at 64 MiB; what goes beyond, or is not
HTTP, is a ``ValueError`` and ends the connection.
"""

from asyncio import IncompleteReadError, LimitOverrunError, StreamReader, StreamWriter
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

MOST_HEAD = 64 * 1024
MOST_BODY = 64 * 1024 * 1024
PHRASES = {200: "OK", 400: "Bad Request", 404: "Not Found", 429: "Too Many Requests"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request; header names in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        """Return the target without its query."""
        return self.target.partition("?")[0]

    @property
    def keeps_open(self) -> bool:
        """Tell whether another request may follow on the connection."""
        return self.headers.get("connection", "").lower() != "close"


async def read_request(reader: StreamReader, writer: StreamWriter) -> Request | None:
    """Read the next request; ``None`` when the client has nothing more to say."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (IncompleteReadError, ConnectionError):
        return None
    except LimitOverrunError as error:
        msg = "the head is too long"
        raise ValueError(msg) from error
    first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    method, target, _ = first.split(" ")
    headers = {
        name.strip().lower(): value.strip()
        for name, _, value in (line.partition(":") for line in lines)
    }
    if headers.get("expect", "").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    body = await _body(reader, headers)
    return Request(method=method, target=target, headers=headers, body=body)


def head(status: int, content_type: str, length: int | None) -> bytes:
    """Return the head of an answer; without a length the body is chunked."""
    framing = "transfer-encoding: chunked" if length is None else f"content-length: {length}"
    phrase = PHRASES.get(status, "Fake")
    return (
        f"HTTP/1.1 {status} {phrase}\r\ncontent-type: {content_type}\r\n{framing}\r\n\r\n".encode()
    )


async def write_chunks(
    writer: StreamWriter, chunks: AsyncIterator[bytes], *, whole: bool = True
) -> None:
    """Write a chunked body, each piece on its way before the next is made.

    Raises ``ConnectionError`` where its end would stand if it is not to be ``whole``.
    """
    async for chunk in chunks:
        writer.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
        await writer.drain()
    if not whole:
        msg = "told to break off"
        raise ConnectionAbortedError(msg)
    writer.write(b"0\r\n\r\n")
    await writer.drain()


async def _body(reader: StreamReader, headers: Mapping[str, str]) -> bytes:
    if headers.get("transfer-encoding", "").lower() != "chunked":
        return await reader.readexactly(_bounded(int(headers.get("content-length", "0"))))
    parts: list[bytes] = []
    while True:
        size = _bounded(int((await reader.readline()).partition(b";")[0], 16))
        parts.append((await reader.readexactly(size + 2))[:-2])
        if size == 0:
            return b"".join(parts)
        _bounded(sum(map(len, parts)))


def _bounded(size: int) -> int:
    if not 0 <= size <= MOST_BODY:
        msg = "the body is too long"
        raise ValueError(msg)
    return size
