"""One recorded exchange, whatever file it comes from; or why it could not be read."""

from collections.abc import Mapping
from dataclasses import dataclass

MAX_RECORD_BYTES = 64 * 1024 * 1024
"""The longest record (line, HAR entry, flow) that is read; a longer one is named and skipped."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a WebSocket, with its direction."""

    from_server: bool
    text: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request and its answer, as recorded.

    ``place``: file and line or entry, for messages to people. Header names are lower-case.
    ``status``: ``None`` when no answer came. ``response_body``: as it was on the wire, so still
    under the content-encoding that the headers name. ``messages``: of a WebSocket, else ``None``.
    ``cut``: the connection broke before its end. ``notes``: what the recording lacks.
    """

    id: str
    place: str
    method: str
    url: str
    request_headers: Mapping[str, str]
    request_body: bytes = b""
    status: int | None = None
    response_headers: Mapping[str, str]
    response_body: bytes = b""
    messages: tuple[Message, ...] | None = None
    cut: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Bad:
    """A file or record that cannot be read: where, and what to do about it."""

    place: str
    what: str

    def __str__(self) -> str:
        """Write it for a person."""
        return f"{self.place}: {self.what}"


type Read = Exchange | Bad


def too_long(limit: int = MAX_RECORD_BYTES) -> str:
    """Say why a record was skipped."""
    return f"longer than {limit // 2**20} MiB; skipped"
