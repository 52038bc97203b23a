"""How much of a request's body is kept: no more than ``max_body``, of a refused one nothing.

mitmproxy's own ``body_size_limit`` bounds answers as well, and what only passes. Here a call's body
is bounded as it is buffered; uploads that stream through are not kept, so they may be of any size.
The body of a request that is already answered (a wrong token, a path that means nothing) is thrown
away as it comes, and ends at the same bound. Where the length is announced, the first piece that
arrives is enough to know. Nothing has been held or written to the ledger for any of these.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from weakref import WeakKeyDictionary

from mitmproxy.flow import Error
from mitmproxy.http import Request
from mitmproxy.net.http.http1 import expected_http_body_size
from mitmproxy.proxy.commands import Command
from mitmproxy.proxy.layer import CommandGenerator
from mitmproxy.proxy.layers.http import HttpStream, SendHttp
from mitmproxy.proxy.layers.http._events import ErrorCode, ResponseProtocolError
from mitmproxy.proxy.layers.http._hooks import HttpErrorHook

FIRST_PIECE = 65_535
"""Bytes that mitmproxy (12.2.3) reads at once."""


@contextmanager
def bounded_bodies(most: int) -> Iterator[None]:
    """Answer 413 to a call whose body has more than ``most`` bytes, as long as the block lasts."""
    plain = HttpStream.check_body_size
    thrown: WeakKeyDictionary[HttpStream, int] = WeakKeyDictionary()

    def check_body_size(self: HttpStream, request: bool) -> CommandGenerator[bool]:
        if (yield from plain(self, request)):
            return True
        kept = self.request_body_buf
        if not request or not kept:
            return False  # before the first piece nobody has said yet whether it is a call
        size = len(kept)
        if self.flow.response is not None:
            size = thrown[self] = thrown.get(self, 0) + size
            kept.clear()
        elif size <= FIRST_PIECE:
            size = max(size, _announced(self.flow.request))
        if size <= most:
            return False
        kept.clear()
        yield from _too_large(self, most)
        return True

    HttpStream.check_body_size = check_body_size  # type: ignore[method-assign]
    try:
        yield
    finally:
        HttpStream.check_body_size = plain  # type: ignore[method-assign]


def _announced(request: Request) -> int:
    try:
        return expected_http_body_size(request) or 0
    except ValueError:
        return 0


def _too_large(stream: HttpStream, most: int) -> Iterator[Command]:
    """End a request as mitmproxy does for its ``body_size_limit``."""
    message = f"the request's body has more than {most} bytes (max_body)"
    stream.flow.error = Error(message)
    yield HttpErrorHook(stream.flow)
    yield SendHttp(
        ResponseProtocolError(stream.stream_id, message, ErrorCode.REQUEST_TOO_LARGE),
        stream.context.client,
    )
    stream.client_state = stream.state_errored
    stream.flow.live = False
