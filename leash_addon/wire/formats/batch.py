"""Result files of batches: many answers in one body, a row each, half price.

OpenAI's ``/files/ID/content`` (https://platform.openai.com/docs/api-reference/batch, 2026-08) and
Anthropic's ``/messages/batches/ID/results``. Each row is metered by its own format and the counts
are added up, one leg per model. A file without such rows is just a file, and free.
"""

from dataclasses import replace
from typing import Final

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from leash_addon.core.reading import Reading
from leash_addon.core.usage import Leg, Usage
from leash_addon.wire.event import Event
from leash_addon.wire.formats.anthropic import MessagesMeter
from leash_addon.wire.formats.gemini import GenerateMeter
from leash_addon.wire.formats.numbers import present
from leash_addon.wire.formats.openai_chat import ChatMeter
from leash_addon.wire.formats.openai_responses import ResponsesMeter
from leash_addon.wire.formats.seen import FormatMeter, Seen
from leash_addon.wire.formats.table import added

TIER: Final = "batch"


class Result(Struct, gc=False):
    """Anthropic's result of one row."""

    message: Raw | UnsetType = UNSET


class Response(Struct, rename="camel", gc=False):
    """OpenAI's response of one row with its body, or Gemini's, which is the body."""

    body: Raw | UnsetType = UNSET
    usage_metadata: Raw | UnsetType = UNSET


class Row(Struct, gc=False):
    """One row of a result file."""

    result: Result | None = None
    response: Raw | UnsetType = UNSET


_ROW: Final = msgspec.json.Decoder(Row)
_RESPONSE: Final = msgspec.json.Decoder(Response)


class BatchMeter:
    """Meters a batch's result file."""

    def __init__(self) -> None:
        """Begin before the first row."""
        self.seen = Seen()
        self._models: dict[str | None, Usage] = {}
        self._rows = 0

    @property
    def complete(self) -> bool:
        """Tell whether the file ended."""
        return self.seen.complete

    def on_event(self, event: Event, *, whole: bool = False) -> None:  # noqa: ARG002 - rows are alike
        """Take one row; a file of one row may come as a whole body."""
        try:
            found = _inner(_ROW.decode(event.data))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return
        if found is None:
            return
        meter, body = found
        meter.on_event(Event(None, bytes(body)), whole=True)
        reading = meter.reading()
        if reading.usage is not None:
            self._rows += 1
            known = self._models.get(reading.model)
            both = [known, reading.usage] if known else [reading.usage]
            self._models[reading.model] = added(both)

    def on_end(self) -> None:
        """Take the end of the file."""
        self.seen.complete = True

    def reading(self) -> Reading:
        """Return the sum, with a leg for each model where there are several."""
        self.seen.free = not self._rows
        if not self._rows:
            return self.seen.reading(None)
        self.seen.say(model=next(iter(self._models)), tier=TIER)
        self.seen.note(f"sum of {self._rows} batch results")
        usage = added(list(self._models.values()))
        if len(self._models) > 1:
            legs = tuple(Leg(model=model, usage=part) for model, part in self._models.items())
            usage = replace(usage, billable_legs=legs)
        return self.seen.reading(usage)


def _inner(row: Row) -> tuple[FormatMeter, Raw] | None:
    if row.result is not None and row.result.message is not UNSET:
        return MessagesMeter(), row.result.message
    if not present(row.response):
        return None
    response = _RESPONSE.decode(row.response)
    if response.usage_metadata is not UNSET:
        return GenerateMeter(), row.response
    if response.body is UNSET:
        return None
    body = bytes(response.body)
    is_response = b'"input_tokens"' in body
    return (ResponsesMeter() if is_response else ChatMeter()), response.body
