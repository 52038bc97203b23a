"""What screening says: which rule fired, and where."""

from dataclasses import dataclass

from leash_addon.core.part import Part


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A rule that fired at one place. It holds no text.

    ``start``, ``end``: character offsets in the text as it was given; for a decoded view the
    stretch that was encoded. ``view``: ``""`` for plain text, else how the text was hidden
    (``base64``, ``tags``, ``rot13`` and so on; see ``views``). ``severity``: 1 strict .. 3 loose.
    """

    rule: str
    part: Part
    severity: int
    start: int
    end: int
    view: str = ""
    title: str = ""
    why: str = ""
