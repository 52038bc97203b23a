"""Counts the requests that really go out, under any HTTP library: heads written to TLS.

Retries are the libraries' own business, so nothing of theirs is asked. A request's head is always
the beginning of a write.
"""

import ssl
from collections.abc import Callable
from typing import Any

HEADS = (b"POST ", b"GET ")


class Wire:
    """How many requests this process has sent so far."""

    def __init__(self) -> None:
        """Begin to count; every TLS connection of the process passes here."""
        self.requests = 0
        for kind, name in ((ssl.SSLSocket, "send"), (ssl.SSLObject, "write")):
            setattr(kind, name, self._counting(getattr(kind, name)))

    def _counting(self, write: Callable[..., int]) -> Callable[..., int]:
        def counted(connection: object, piece: Any, *rest: int) -> int:  # noqa: ANN401
            if bytes(piece[:5]).startswith(HEADS):
                self.requests += 1
            return write(connection, piece, *rest)

        return counted
