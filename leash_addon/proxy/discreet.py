"""Keeps a credential out of mitmproxy's log, which writes out what it did not understand.

A client that hangs up in the middle of a SOCKS greeting, or sends a broken line with its token in
it, would have that written out; so would the address of a page of mitmweb, which has its token.
"""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager

TELLTALE = (
    "SOCKS5 handshake",
    "Unsupported SOCKS5 request",
    "Bad HTTP request line",
    "Bad HTTP response line",
    "Unknown HTTP version",
    "Invalid header line",
    "invalid header name",
    "before completing request headers",
    "Received WebSocket",
)
"""What mitmproxy (12.2.3) writes before the bytes of a client."""

TALKING = ("mitmproxy.proxy.server", "tornado.access", "tornado.general")
"""The loggers that write such things."""

_IN_ADDRESS = re.compile(r"([?&]token=)[^&\s]+")


class _Discreet(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        for text in TELLTALE:
            if text in message:
                record.msg, record.args = message.partition(text)[0] + text, ()
        if "token=" in message:
            record.msg, record.args = _IN_ADDRESS.sub(r"\1***", record.getMessage()), ()
        return True


@contextmanager
def discreet() -> Iterator[None]:
    """Log no bytes of a client while this lasts."""
    talking, silent = [logging.getLogger(name) for name in TALKING], _Discreet()
    for each in talking:
        each.addFilter(silent)
    try:
        yield
    finally:
        for each in talking:
            each.removeFilter(silent)


@contextmanager
def untold() -> Iterator[None]:
    """Log nothing of mitmproxy's servers while this lasts: who starts them tells what failed."""
    telling = logging.getLogger("mitmproxy.addons.proxyserver")
    before, telling.disabled = telling.disabled, True
    try:
        yield
    finally:
        telling.disabled = before
