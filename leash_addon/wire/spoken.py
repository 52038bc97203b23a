"""Which messages of a WebSocket's client hold words: all but sound and pictures, in small pieces.

A voice session sends some fifty of those a second, so nothing else of them is looked at.
Sources: https://platform.openai.com/docs/api-reference/realtime-client-events,
https://ai.google.dev/api/live (2026-08).
"""

from typing import Any, Final

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

SOUND: Final = "input_audio_buffer.append"


class Event(Struct):
    """A message of Realtime."""

    type: Any = None


class Heard(Struct):
    """What the client of Gemini Live says while it talks, in both spellings."""

    camel: Raw | UnsetType = msgspec.field(default=UNSET, name="realtimeInput")
    snake: Raw | UnsetType = msgspec.field(default=UNSET, name="realtime_input")


_EVENT: Final = msgspec.json.Decoder(Event)
_HEARD: Final = msgspec.json.Decoder(Heard)
_MEMBERS: Final = msgspec.json.Decoder(dict[str, Raw])
FAULTS: Final = (msgspec.MsgspecError, RecursionError, ValueError)


def holds_words(wire_format: str | None, data: bytes) -> bool:
    """Tell whether a message may hold words; one that cannot be read may."""
    try:
        if wire_format == "openai.realtime":
            return bool(_EVENT.decode(data).type != SOUND)
        if wire_format == "gemini.live":
            return _types(data)
    except FAULTS:
        pass
    return True


def _types(data: bytes) -> bool:
    heard = _HEARD.decode(data)
    inputs = [each for each in (heard.camel, heard.snake) if each is not UNSET]
    if len(inputs) != len(_MEMBERS.decode(data)):
        return True  # there is more to the message
    return any("text" in _MEMBERS.decode(each) for each in inputs)
