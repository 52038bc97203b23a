"""A usage split into lines that do not overlap, each with its rate.

The parts of a total (cache reads and writes, audio, images, reasoning) come out of it first, so
that nothing is charged twice. A part without a rate of its own falls back to the rate of the
total it belongs to, never to zero.
"""

from decimal import Decimal

from leash_addon.core.rates import Rates
from leash_addon.core.usage import Usage

type Line = tuple[int, Decimal | None, str]
"""(count, rate, name of the rate); the lines of a usage do not overlap."""


def input_lines(usage: Usage, rates: Rates) -> list[Line]:
    """Split all input; what is both cached and audio is stated, or is what would not fit else."""
    cached, audio = usage.cache_read_tokens or 0, usage.input_audio_tokens or 0
    writes = _write_lines(usage, rates)
    if not (cached or audio or usage.input_image_tokens or any(row[0] for row in writes)):
        return [(usage.input_tokens or 0, rates.input, "input")]  # most calls
    total = usage.input_tokens
    if total is None:
        total = cached + audio + (usage.input_image_tokens or 0) + sum(row[0] for row in writes)
    cached = min(cached, total)
    # So many tokens at least must be both, or the parts would exceed the whole.
    both = min(cached, audio, max(usage.cached_audio_tokens or 0, cached + audio - total, 0))
    cached_rate = _first(rates.cached_input, rates.input)
    audio_rate = _first(rates.audio_input, rates.input)
    parts: list[Line] = [
        (
            both,
            _first(rates.cached_audio_input, rates.cached_input, audio_rate),
            "cached audio input",
        ),
        (cached - both, cached_rate, "cached input"),
        *writes,
        (audio - both, audio_rate, "audio input"),
        (usage.input_image_tokens or 0, _first(rates.image_input, rates.input), "image input"),
    ]
    return _within(total, parts, (rates.input, "input"))


def _write_lines(usage: Usage, rates: Rates) -> list[Line]:
    five, hour = usage.cache_write_5m_tokens or 0, usage.cache_write_1h_tokens or 0
    if not (five or hour or usage.cache_write_tokens):
        return []
    unsaid = max(0, (usage.cache_write_tokens or 0) - five - hour)
    usual = _first(rates.cache_write, rates.cache_write_5m, rates.input)
    return [
        (hour, _first(rates.cache_write_1h, usual), "cache write"),
        (five, _first(rates.cache_write_5m, usual), "cache write"),
        (unsaid, usual, "cache write"),
    ]


def output_lines(usage: Usage, rates: Rates) -> list[Line]:
    """Split all output; reasoning that has no rate of its own costs what output costs."""
    if not (usage.output_audio_tokens or usage.output_image_tokens or usage.reasoning_tokens):
        return [(usage.output_tokens or 0, rates.output, "output")]  # most calls
    parts: list[Line] = [
        (
            usage.output_audio_tokens or 0,
            _first(rates.audio_output, rates.output),
            "audio output",
        ),
        (
            usage.output_image_tokens or 0,
            _first(rates.image_output, rates.output),
            "image output",
        ),
        (usage.reasoning_tokens or 0, _first(rates.reasoning, rates.output), "reasoning"),
    ]
    total = usage.output_tokens
    if total is None:
        total = sum(count for count, _, _ in parts)
    return _within(total, parts, (rates.output, "output"))


def _within(total: int, parts: list[Line], rest: tuple[Decimal | None, str]) -> list[Line]:
    """Clamp parts to the total, first come first served; what they leave is priced at ``rest``."""
    lines: list[Line] = []
    for count, rate, name in parts:
        taken = min(count, total)
        total -= taken
        lines.append((taken, rate, name))
    return [*lines, (total, *rest)]


def _first(*rates: Decimal | None) -> Decimal | None:
    for rate in rates:
        if rate is not None:
            return rate
    return None
