"""Which messages of a socket's client hold words."""

import pytest

from leash_addon.wire.spoken import holds_words


@pytest.mark.parametrize(
    ("wire_format", "data", "expected"),
    [
        ("openai.realtime", b'{"type":"input_audio_buffer.append","audio":"AAAA"}', False),
        ("openai.realtime", b'{"type":"conversation.item.create","item":{}}', True),
        ("openai.realtime", b'{"type":["input_audio_buffer.append"]}', True),
        ("openai.realtime", b"nonsense", True),
        ("openai.responses", b'{"type":"input_audio_buffer.append"}', True),
        ("gemini.live", b'{"realtimeInput":{"audio":{"data":"AAAA"}}}', False),
        ("gemini.live", b'{"realtime_input":{"media_chunks":[]}}', False),
        ("gemini.live", b'{"realtimeInput":{"audio":{}},"clientContent":{}}', True),
        ("gemini.live", b'{"realtimeInput":{"t\\u0065xt":"hi"}}', True),
        ("gemini.live", b'{"realtimeInput":[1]}', True),
        ("gemini.live", b'{"realtimeInput":\xff', True),
        ("gemini.live", b"{}", False),
    ],
)
def test_only_sound_and_pictures_hold_no_words(
    wire_format: str, data: bytes, expected: bool
) -> None:
    """Everything but a stretch of sound or pictures is looked at, also what nobody can read."""
    assert holds_words(wire_format, data) is expected
