"""Token counts of one call, normalised over all providers.

Every provider's own meaning is turned into one: ``input_tokens`` is all input and
``output_tokens`` all output; the other counts are parts of those two, priced at their own rate
and never added to the total again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType

NO_TOOLS: Mapping[str, int] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What the wire reported of one call. ``None``: the provider did not say, which is not zero.

    ``input_tokens``: all input; cache reads, cache writes and tool-use prompt included.
    ``cache_read_tokens``, ``cache_write_tokens`` (with its parts ``_5m`` and ``_1h``),
    ``input_audio_tokens``, ``input_image_tokens``: parts of the input; ``cached_audio_tokens``:
    part of the audio and of the cache reads.
    ``output_tokens``: all output; ``reasoning_tokens``, ``output_audio_tokens`` and
    ``output_image_tokens`` are parts of it.
    ``server_tool_requests``: requests by kind that the provider bills one by one.
    ``billable_legs``: each leg has its own model and tokens; where there are legs, they are the
    bill and may exceed the top level.
    ``provider_cost_usd``: the provider's own price, where the answer states one.
    ``audio_seconds``: length of audio, where the provider bills by time.
    """

    input_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    cache_write_5m_tokens: int | None = None
    cache_write_1h_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None
    input_audio_tokens: int | None = None
    cached_audio_tokens: int | None = None
    output_audio_tokens: int | None = None
    input_image_tokens: int | None = None
    output_image_tokens: int | None = None
    audio_seconds: Decimal | None = None
    server_tool_requests: Mapping[str, int] = field(default_factory=lambda: NO_TOOLS)
    billable_legs: tuple["Leg", ...] = ()
    provider_cost_usd: Decimal | None = None

    def counts(self) -> tuple[int | None, ...]:
        """Return every token count, totals and parts alike; ``None`` where nothing was said."""
        return (
            self.input_tokens,
            self.cache_read_tokens,
            self.cache_write_tokens,
            self.cache_write_5m_tokens,
            self.cache_write_1h_tokens,
            self.input_audio_tokens,
            self.cached_audio_tokens,
            self.input_image_tokens,
            self.output_tokens,
            self.reasoning_tokens,
            self.output_audio_tokens,
            self.output_image_tokens,
        )

    @property
    def total_tokens(self) -> int:
        """Input and output together, for rate limits: of the legs where there are any."""
        if self.billable_legs:
            return sum(leg.usage.total_tokens for leg in self.billable_legs)
        return (self.input_tokens or 0) + (self.output_tokens or 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One billed pass of a call that had several; ``model`` ``None``: the call's own."""

    model: str | None
    usage: Usage
    kind: str | None = None
