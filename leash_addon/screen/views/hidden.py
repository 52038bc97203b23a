"""A text found within a text."""

from typing import NamedTuple


class Hidden(NamedTuple):
    """What was hidden, how, and where: offsets in the text that hides it."""

    view: str
    start: int
    end: int
    text: str
