"""mitmproxy's own errors, said as JSON: clients of a model's API do not read HTML.

They come from where no addon is asked: HTTP that is none (400), a body or head that is too large
(413, 431), a server that cannot be reached (502). What a client sent is not repeated.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager

from mitmproxy.http import Headers, Response
from mitmproxy.net.http import http1
from mitmproxy.proxy.layers.http import _http1

MOST_SAID = 300
"""Characters of a message."""

REPEATED = (": b'", ': b"', ": bytearray(")
"""What stands before the bytes of a client in mitmproxy's (12.2.3) messages."""

ADVICE = ("Disable the validate_inbound_headers", " If you plan to redirect")
"""Where mitmproxy's advice to its own users begins."""


@contextmanager
def plain_errors() -> Iterator[None]:
    """Answer with ``error_answer`` for as long as the block lasts."""
    plain = _http1.make_error_response
    _http1.make_error_response = error_answer
    try:
        yield
    finally:
        _http1.make_error_response = plain


def error_answer(status_code: int, message: str = "") -> bytes:
    """Return an answer of HTTP/1.1 that ends its connection."""
    error = {"message": f"leash: {said(message)}", "type": "proxy_error", "code": status_code}
    headers = Headers(content_type="application/json", connection="close")
    body = json.dumps({"error": error}).encode()
    made: bytes = http1.assemble_response(Response.make(status_code, body, headers))
    return made


def said(message: str) -> str:
    """Leave out of a message of mitmproxy's what the client sent, and whom it advises."""
    for mark in (*REPEATED, *ADVICE):
        message = message.partition(mark)[0]
    return message.strip()[:MOST_SAID] or "the request cannot be served"
