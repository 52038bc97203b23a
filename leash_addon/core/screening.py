"""What screening found in a call, and what is done about it."""

from enum import StrEnum

from msgspec import Struct

from leash_addon.core.part import Part


class Action(StrEnum):
    """What happens to a part of a request in which a rule fires.

    ``OFF``: it is not looked at. ``OBSERVE``: it is recorded. ``ANNOTATE``: a note is put in front
    of it. ``REDACT``: what matched is replaced by a marker. ``REFUSE``: the call is refused.
    ``CUT``: of an answer only, it ends there.
    """

    OFF = "off"
    OBSERVE = "observe"
    ANNOTATE = "annotate"
    REDACT = "redact"
    REFUSE = "refuse"
    CUT = "cut"


class Found(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One rule that fired: where, and what was done. Never the text.

    ``block``: hash of the whole text, which ``leash rules allow`` takes. ``place``: the path of
    the text in the request's JSON. ``start``, ``end``: characters of the text. ``view``: how the
    text was hidden (``base64``, ``tags`` ...), empty for plain text.
    """

    rule: str
    part: Part
    severity: int
    action: Action
    block: str
    place: str = ""
    start: int = 0
    end: int = 0
    view: str = ""
