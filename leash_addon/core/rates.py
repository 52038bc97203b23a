"""Rate cards: what one model costs, in exact decimals.

Which table and which name priced a call is part of the card, so that every cost can be traced.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType

NO_RATES: Mapping[str, Decimal] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """USD per million tokens, exact; ``None``: no rate of its own.

    ``cached_audio_input``: for input that is both cached and audio.
    ``audio_hour``: USD for an hour of audio, where that is what the provider bills.
    """

    input: Decimal | None = None
    output: Decimal | None = None
    reasoning: Decimal | None = None
    cached_input: Decimal | None = None
    cache_write: Decimal | None = None
    cache_write_5m: Decimal | None = None
    cache_write_1h: Decimal | None = None
    audio_input: Decimal | None = None
    audio_output: Decimal | None = None
    cached_audio_input: Decimal | None = None
    image_input: Decimal | None = None
    image_output: Decimal | None = None
    audio_hour: Decimal | None = None

    @property
    def counts_time_alone(self) -> bool:
        """Tell whether audio is billed by the hour and tokens, which may be reported, are not."""
        tokens = (self.input, self.output, self.audio_input, self.audio_output)
        return self.audio_hour is not None and all(rate is None for rate in tokens)


@dataclass(frozen=True, slots=True, kw_only=True)
class RateCard:
    """The rates of one model, where they come from, and which name found them.

    ``steps``: ``(above, rates)`` in rising order; a call whose input is *more than* ``above``
    tokens is priced by that entry as a whole, not only the tokens beyond it.
    ``per_request``: USD for one server-side tool request, by kind (``web_search``).
    ``per_call``: USD for the call itself, whatever it carries.
    ``least_audio_seconds``: shorter audio is billed as so many seconds. ``context_window``: tokens
    that the model takes at most, where the table says.
    """

    table: str
    name: str
    rates: Rates
    steps: tuple[tuple[int, Rates], ...] = ()
    per_request: Mapping[str, Decimal] = field(default_factory=lambda: NO_RATES)
    per_call: Decimal = Decimal(0)
    least_audio_seconds: Decimal = Decimal(0)
    context_window: int | None = None

    def rates_for(self, input_tokens: int) -> Rates:
        """Return the rates that hold for a call with so much input."""
        found = self.rates
        for above, rates in self.steps:
            if input_tokens > above:
                found = rates
        return found
