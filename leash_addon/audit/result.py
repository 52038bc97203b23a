"""What one recorded exchange came to."""

from dataclasses import dataclass, field
from enum import StrEnum

from leash_addon.core.money import ZERO, Pico
from leash_addon.core.reading import Confidence
from leash_addon.core.usage import Usage

FORMATS = frozenset(
    {
        "openai.chat",
        "azure.chat",
        "openai.responses",
        "openai.completions",
        "openai.embeddings",
        "anthropic.messages",
        "gemini.generate",
        "bedrock.invoke",
        "bedrock.converse",
        "ollama.chat",
    }
)
"""Formats with a name of their own in reports; every rarer one is ``other``."""


class Kind(StrEnum):
    """How an exchange counts. ``FAILED``: it was refused, billed at nothing; ``OTHER``: no call."""

    METERED = "metered"
    FREE = "free"
    FAILED = "failed"
    BLIND = "blind"
    OTHER = "not a provider's"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One exchange, metered and priced.

    ``billable``: it counts in the sum. ``cost``: ``None`` when it is not known. ``listed``: what
    the price table alone makes of the usage, also where the provider stated its own cost.
    ``source``: whose price ``cost`` is. ``why``: of a blind call. ``calls``: of a WebSocket, which
    carries many; its own counts are then their sums.
    """

    id: str
    place: str
    provider: str
    format: str
    kind: Kind
    usage: Usage | None = None
    model_reported: str | None = None
    model_priced: str | None = None
    service_tier: str | None = None
    cost: Pico | None = ZERO
    listed: Pico | None = None
    confidence: Confidence = Confidence.MEASURED
    source: str = ""
    why: str = ""
    notes: tuple[str, ...] = ()
    calls: tuple["Result", ...] = field(default=())

    @property
    def billable(self) -> bool:
        """Tell whether the provider bills it, also where nobody knows how much."""
        return self.kind in {Kind.METERED, Kind.BLIND}

    @property
    def public_format(self) -> str:
        """Return the format's name in reports."""
        return self.format if self.format in FORMATS else "other"
