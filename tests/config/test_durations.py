"""Spans and rates as people write them."""

import pytest

from leash_addon.config.durations import seconds, window
from leash_addon.core.boundaries import show_span
from leash_addon.core.limits import TokenWindow


@pytest.mark.parametrize(
    ("text", "expected"),
    [("90s", 90), ("15m", 900), ("1h30m", 5400), ("2d", 172_800), ("0", 0), (" 1d1h1m1s ", 90_061)],
)
def test_a_span_is_read(text: str, expected: int) -> None:
    """Every way of writing a span gives its seconds."""
    assert seconds(text) == expected


@pytest.mark.parametrize(
    "text", ["", "15", "15 m", "1.5h", "30m1h", "-5m", "5min", "m", "99999d", "1५m"]
)
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    """A bare number or a misspelt unit is an error, never a guess."""
    with pytest.raises(ValueError, match=r"write for example 90s|longer than ten years"):
        seconds(text)


@pytest.mark.parametrize("text", ["90s", "15m", "1h30m", "2d", "1d1s"])
def test_a_span_survives_being_shown_and_read_again(text: str) -> None:
    """Showing what was read gives the same span."""
    assert seconds(show_span(seconds(text))) == seconds(text)


def test_a_rate_is_tokens_per_span() -> None:
    """``100000/1m`` is a hundred thousand tokens in sixty seconds."""
    assert window("100000/1m") == TokenWindow(tokens=100_000, seconds=60)


@pytest.mark.parametrize("text", ["0", "0/1m"])
def test_a_zero_rate_is_no_limit(text: str) -> None:
    """Zero turns the rate off."""
    assert window(text) is None


@pytest.mark.parametrize(
    "text", ["100000", "100000/", "/1m", "100000/60", "1e5/1m", "-1/1m", "5/0s"]
)
def test_a_broken_rate_is_refused(text: str) -> None:
    """A rate without a span, or with a bare number for one, is an error."""
    with pytest.raises(ValueError, match="write"):
        window(text)
