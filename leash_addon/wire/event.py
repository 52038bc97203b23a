"""What a framer yields: one undecoded piece of a stream, with its name where it has one."""

from msgspec import Struct


class Event(Struct, frozen=True, gc=False):
    """One event of a stream, or the one body of a plain answer.

    ``name``: the SSE ``event`` field, ``error`` for an SSE ``error:`` field, or the event type
    (exception type) of an AWS event stream; ``None`` where the framing names nothing.
    ``data``: the payload as it came, not decoded: a format looks for the bytes that it needs
    (``b'"usage"' in event.data``) before it spends time on JSON.
    """

    name: str | None
    data: bytes
