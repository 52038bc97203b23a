"""The realtime API of OpenAI, Azure and xAI: the responses of a voice session.

Source: https://platform.openai.com/docs/api-reference/realtime-server-events/response/done
(2026-08). The shape is that of responses with other names; the terminal event is
``response.done``. A transcription is made, and billed, by a model of its own.
"""

from typing import Final

from leash_addon.wire.formats.openai_responses import ResponsesMeter
from leash_addon.wire.formats.places import PLACES
from leash_addon.wire.formats.reported import ReportedMeter
from leash_addon.wire.formats.table import UsageTable

REALTIME: Final = UsageTable(
    input=("input_tokens",),
    output=("output_tokens",),
    cache_read=("input_token_details.cached_tokens",),
    input_audio=("input_token_details.audio_tokens",),
    cached_audio=("input_token_details.cached_tokens_details.audio_tokens",),
    seconds=("billable_audio_seconds",),
    output_audio=("output_token_details.audio_tokens",),
    input_image=("input_token_details.image_tokens",),
)
ENDS: Final = frozenset({"response.done"})


def realtime_meter() -> ResponsesMeter:
    """Return a meter for one response of a session."""
    return ResponsesMeter(REALTIME, ENDS)


def transcription_meter() -> ReportedMeter:
    """Return a meter for one transcription of what was said to the session."""
    return ReportedMeter(PLACES["openai.audio"])
