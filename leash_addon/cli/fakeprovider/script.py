"""What the fake provider answers: settable as a whole, and per call by ``x-fake-*`` headers."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

HEADER = "x-fake-"
TOOL = "search"
ARGUMENTS = '{"query": "the same again"}'


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """One behaviour.

    Tokens are reported as they stand here; ``cached_tokens`` is part of the input and
    ``reasoning_tokens`` of the output. ``chunks``: pieces of text of a streamed answer.
    ``delay_ms`` passes before the first byte, ``gap_ms`` between two pieces. ``text``: the reply;
    without one every call gets another. ``tool_loop``: every answer asks for the same
    tool: ``tool`` with ``arguments`` (JSON), or one of those that the request declares.
    ``usage``: whether counts are reported at all. ``status``: another than 200 is an error.
    ``ending`` of a streamed answer: ``complete``; ``failed`` half-way (WebSockets only); ``close``:
    the connection breaks off half-way.
    """

    input_tokens: int = 100
    output_tokens: int = 20
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    chunks: int = 5
    delay_ms: int = 0
    gap_ms: int = 0
    text: str = ""
    tool_loop: bool = False
    tool: str = TOOL
    arguments: str = ARGUMENTS
    usage: bool = True
    status: int = 200
    ending: str = "complete"

    def varied(self, headers: Mapping[str, str]) -> "Script":
        """Return the behaviour for one call: ``x-fake-delay-ms: 500`` sets ``delay_ms``.

        Raises ``ValueError`` for a number that is none.
        """
        given: dict[str, str | int | bool] = {}
        for field in fields(self):
            value = headers.get(HEADER + field.name.replace("_", "-"))
            if value is None:
                continue
            kind = type(getattr(self, field.name))
            given[field.name] = value == "true" if kind is bool else kind(value)
        return replace(self, **given)  # type: ignore[arg-type]  # each has its field's own type

    def reply(self, number: int) -> str:
        """Return the text of an answer; different from call to call unless set."""
        return self.text or f"This is answer {number} of the fake provider."

    def pieces(self, number: int) -> list[str]:
        """Cut the reply into as many pieces as asked for; a short one is continued with dots."""
        text, count = self.reply(number), max(1, self.chunks)
        size = max(1, len(text) // count)
        cut = [text[size * index : size * (index + 1)] for index in range(count - 1)]
        return [piece or "." for piece in [*cut, text[size * (count - 1) :]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What a format needs to know of a request. ``number`` counts from 1."""

    number: int
    model: str
    stream: bool
    wants_usage: bool = True
