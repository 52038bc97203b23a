"""The formats: from events to usage, one module per shape of the bytes.

``meter_for`` is the one list of them. A route's format that is not in it meters nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from leash_addon.wire.formats.anthropic import MessagesMeter
from leash_addon.wire.formats.batch import BatchMeter
from leash_addon.wire.formats.bedrock_agent import AgentMeter
from leash_addon.wire.formats.bedrock_converse import ConverseMeter
from leash_addon.wire.formats.bedrock_invoke import InvokeMeter
from leash_addon.wire.formats.gemini import GenerateMeter
from leash_addon.wire.formats.ollama import OllamaMeter
from leash_addon.wire.formats.openai_chat import ChatMeter
from leash_addon.wire.formats.openai_responses import ResponsesMeter
from leash_addon.wire.formats.places import PLACES
from leash_addon.wire.formats.reported import Place, ReportedMeter
from leash_addon.wire.formats.seen import FormatMeter

__all__ = ["FORMATS", "SOCKETS", "Answer", "FormatMeter", "meter_for"]

NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a format may need to know of an answer beside its events."""

    dialect: str = ""
    url: str = ""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: NO_HEADERS)


type Make = Callable[[Answer], FormatMeter]


def _reported(place: Place) -> Make:
    return lambda _: ReportedMeter(place)


FORMATS: Final[Mapping[str, Make]] = MappingProxyType(
    {
        "openai.chat": lambda answer: ChatMeter(answer.dialect),
        "azure.chat": lambda answer: ChatMeter(answer.dialect),
        "openai.completions": lambda answer: ChatMeter(answer.dialect),
        "openai.responses": lambda _: ResponsesMeter(),
        "anthropic.messages": lambda _: MessagesMeter(),
        "gemini.generate": lambda _: GenerateMeter(),
        "bedrock.converse": lambda _: ConverseMeter(),
        "bedrock.invoke": lambda answer: InvokeMeter(answer.headers),
        "bedrock.agent": lambda _: AgentMeter(),
        "ollama.chat": lambda _: OllamaMeter(),
        "openai.batch": lambda _: BatchMeter(),
        "anthropic.batch": lambda _: BatchMeter(),
        **{name: _reported(place) for name, place in PLACES.items()},
    }
)
"""Every format that a plain HTTP answer can have."""

SOCKETS: Final = frozenset({"openai.realtime", "gemini.live", "openai.responses"})
"""Formats that a WebSocket can have; ``wire.socket`` meters them."""


def meter_for(name: str | None, answer: Answer) -> FormatMeter | None:
    """Return a meter for a format; ``None`` where there is none."""
    make = FORMATS.get(name) if name else None
    return make(answer) if make else None
