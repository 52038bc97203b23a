"""Rules and packs as frozen values. ``config.rules`` reads them from TOML."""

from dataclasses import dataclass
from enum import StrEnum

from leash_addon.core.part import Part

DEFAULT_SCAN = frozenset({Part.USER, Part.TOOL_RESULT, Part.SYSTEM})
"""What others than the model have written."""


class Status(StrEnum):
    """Only a stable rule fires; a draft is checked, and a retired one keeps its id taken."""

    DRAFT = "draft"
    STABLE = "stable"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One trick, and how it is known.

    ``id``: ``class.family.name``, never reused. ``severity``: 1 strict .. 3 loose. ``scan``: the
    parts it reads. ``keywords``: lower-case; at least one occurs in every match. ``any_of``: RE2
    patterns in the dialect of ``pattern``; one is enough. ``views``: empty for plain text (and,
    if strict, every decoded view), else the only views whose decoded text it reads.
    ``match``, ``no_match``: texts that prove it; ``known_miss``, ``known_false_alarm``: where it
    is known to err.
    """

    id: str
    title: str
    severity: int
    any_of: tuple[str, ...]
    keywords: tuple[str, ...]
    why: str
    scan: frozenset[Part] = DEFAULT_SCAN
    views: frozenset[str] = frozenset()
    status: Status = Status.STABLE
    replaces: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    match: tuple[str, ...] = ()
    no_match: tuple[str, ...] = ()
    known_miss: tuple[str, ...] = ()
    known_false_alarm: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """Rules that ship together. ``files``: where they were read, for messages."""

    name: str
    version: int
    rules: tuple[Rule, ...]
    files: tuple[str, ...] = ()
