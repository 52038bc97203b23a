"""How much a client may send that is neither body nor message: heads, chunk lines, early bytes.

mitmproxy (12.2.3) keeps a head until its blank line, a chunk's line until its end, and whatever
follows a request until that one is answered, all without a bound, before anybody has asked who
calls; and it breaks on trailers. Here a head has at most ``MOST_KEPT`` bytes and ``MOST_LINES``
lines, of other unread bytes as many end the connection, and trailers are left out, as RFC 9110,
section 6.5.1, lets an intermediary do. What two servers may read in two ways is refused with 400.

A client that still writes would lose an answer together with its connection (TCP resets it), so
what it sends after a 413 or 431 is read and thrown away for a while. And mitmproxy takes its ``100
Continue`` for the answer, so a client that asked for one would hear of no error that came after it.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from h11 import EndOfMessage
from h11._readers import ChunkedReader
from h11._receivebuffer import ReceiveBuffer
from mitmproxy.connection import ConnectionState
from mitmproxy.http import Request
from mitmproxy.net.http import http1
from mitmproxy.proxy.commands import CloseConnection, SendData
from mitmproxy.proxy.events import DataReceived, Event
from mitmproxy.proxy.layer import CommandGenerator
from mitmproxy.proxy.layers.http import _http1
from mitmproxy.proxy.layers.http._base import HttpEvent, ReceiveHttp
from mitmproxy.proxy.layers.http._events import (
    ErrorCode,
    RequestProtocolError,
    ResponseHeaders,
    ResponseProtocolError,
)
from mitmproxy.proxy.layers.http._http1 import Http1Connection, Http1Server

MOST_KEPT = 256 * 1024
"""Bytes of a head, and of anything else that cannot be read yet."""

MOST_LINES = 1000
"""Lines of a head."""

MOST_AFTER = 256 * 1024 * 1024
"""Bytes that are read and thrown away after a refusal."""

CONTINUE, TOO_LARGE_HEAD = 100, 431


NEWLINES = (b"\r", b"\n")
"""Empty lines before a request are left out (RFC 9112, section 2.2); mitmproxy waits after them."""

VERSIONS = frozenset({"HTTP/1.0", "HTTP/1.1"})
"""What may be said here; mitmproxy would take a request that claims to be HTTP/2 or 9 for one."""

AMBIGUOUS = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]|\n[ \t]")
"""What servers read differently: control characters, a bare CR, a line that continues another."""


class TrailerlessReader(ChunkedReader):
    """Reads a chunked body and leaves its trailers out."""

    def __call__(self, buf: ReceiveBuffer) -> object:  # type: ignore[override]
        """Return the next piece, the end, or ``None``."""
        found = super().__call__(buf)
        return EndOfMessage() if isinstance(found, EndOfMessage) else found


@contextmanager
def bounded_heads() -> Iterator[None]:
    """Bound what is kept of a client's bytes, as long as the block lasts."""
    handle, read, reader = Http1Connection._handle_event, http1.read_request_head, ChunkedReader  # noqa: SLF001
    send = Http1Server.send

    def handle_event(self: Http1Server, event: Event) -> CommandGenerator[None]:
        return _bounded(self, event) if type(event) is DataReceived else handle(self, event)

    def _bounded(self: Http1Server, event: DataReceived) -> CommandGenerator[None]:
        if event.data[:1] in NEWLINES and not self.buf and self.state == self.read_headers:
            event = DataReceived(event.connection, event.data.lstrip(b"\r\n"))
        yield from handle(self, event)
        if len(self.buf) > MOST_KEPT:
            yield from _end(self)

    def read_request_head(lines: Sequence[bytes]) -> Request:
        check_lines(lines)
        request = read(list(lines))
        check_request(request)
        return request

    def go_on(self: Http1Server, event: HttpEvent) -> CommandGenerator[None]:
        yield from send(self, event)
        self.response = None  # the answer is yet to come

    def linger(self: Http1Server, event: HttpEvent) -> CommandGenerator[None]:
        if type(event) is ResponseHeaders and event.response.status_code == CONTINUE:
            return go_on(self, event)
        too_large = type(event) is ResponseProtocolError and (
            event.code is ErrorCode.REQUEST_TOO_LARGE and not self.response
        )
        if too_large and self.conn.state is ConnectionState.OPEN:
            return last_word(self, _http1.make_error_response(413, event.message))  # type: ignore[attr-defined]
        return send(self, event)

    Http1Server._handle_event = handle_event  # type: ignore[method-assign, assignment]  # noqa: SLF001
    Http1Server.send = linger  # type: ignore[method-assign]
    http1.read_request_head = read_request_head
    _http1.ChunkedReader = TrailerlessReader  # type: ignore[attr-defined]
    try:
        yield
    finally:
        del Http1Server._handle_event  # noqa: SLF001 - its base's own is back
        Http1Server.send = send  # type: ignore[method-assign]
        http1.read_request_head = read
        _http1.ChunkedReader = reader  # type: ignore[attr-defined]


def check_lines(lines: Sequence[bytes]) -> None:
    """Refuse a head that is too long, or that two servers may read in two ways: ``ValueError``."""
    if len(lines) > MOST_LINES:
        msg = f"the request has more than {MOST_LINES} header lines"
        raise ValueError(msg)
    if AMBIGUOUS.search(b"\n".join(lines)):
        msg = "the request's head has a control character or a folded line"
        raise ValueError(msg)


def check_request(request: Request) -> None:
    """Refuse other versions, and a CONNECT with a body, which nobody would read: ``ValueError``."""
    if request.http_version not in VERSIONS:
        msg = "this port speaks HTTP/1.1"
        raise ValueError(msg)
    headers = request.headers
    if request.method == "CONNECT" and (
        "transfer-encoding" in headers or headers.get("content-length", "0") != "0"
    ):
        msg = "a CONNECT has no body"
        raise ValueError(msg)


def _end(server: Http1Server) -> CommandGenerator[None]:
    """End a connection on which too much has come that cannot be read."""
    reading_head = server.state == server.read_headers
    server.buf = ReceiveBuffer()
    if reading_head:
        message = f"the request's head has more than {MOST_KEPT} bytes"
        yield from last_word(server, _http1.make_error_response(TOO_LARGE_HEAD, message))
        return
    server.state = partial(_throw_away, server, [MOST_AFTER])
    yield CloseConnection(server.conn)
    message = "the client sent too much that cannot be read yet"
    yield ReceiveHttp(
        RequestProtocolError(server.stream_id, message, ErrorCode.CLIENT_DISCONNECTED)
    )


def last_word(server: Http1Server, answer: bytes) -> CommandGenerator[None]:
    """Answer, and throw away for a while what a client goes on sending."""
    server.state = partial(_throw_away, server, [0])
    yield SendData(server.conn, answer)


def _throw_away(server: Http1Server, seen: list[int], event: Event) -> CommandGenerator[None]:
    if isinstance(event, DataReceived):
        seen[0] += len(event.data)
        server.buf = ReceiveBuffer()
        if seen[0] <= MOST_AFTER:
            return
    yield CloseConnection(server.conn)
