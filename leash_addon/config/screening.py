"""The table ``[screening]``: which packs look at texts, how strictly, and what is done then.

    [screening]
    packs = ["injection", "./my-rules.toml"]
    sensitivity = "medium"                    # off, low, medium, high; also --screening
    signed = "observe"                        # or refuse: for bodies that cannot be changed
    disable = ["override.ignore.previous"]    # leash rules disable
    allow = ["1f8e..."]                       # leash rules allow
    known_prompts = ["agents", "./mine.toml"] # leash rules known
    [screening.action]
    user = "refuse"
    tool_result = "annotate"

Screening is on where a level, packs or an action are given. What leash.local.toml says replaces
what leash.toml says key by key; what is disabled or allowed in either stays so.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from leash_addon.core.part import Part
from leash_addon.core.screening import Action
from leash_addon.errors import UsageError

KEYS: Final = ("packs", "sensitivity", "signed", "disable", "allow", "known_prompts", "action")
PACKS: Final = ("injection",)
AGENTS: Final = "agents"
"""The shipped list of agents whose prompts are known."""
REQUEST: Final = (Action.OFF, Action.OBSERVE, Action.ANNOTATE, Action.REDACT, Action.REFUSE)
RESPONSE: Final = (Action.OFF, Action.OBSERVE, Action.CUT)
SIGNED: Final = (Action.OBSERVE, Action.REFUSE)
HASH: Final = re.compile("[0-9a-f]{32}")

USUAL: Final[Mapping[Part, Action]] = MappingProxyType(
    {
        Part.USER: Action.REFUSE,
        Part.TOOL_RESULT: Action.ANNOTATE,
        Part.SYSTEM: Action.OFF,
        Part.ASSISTANT: Action.OFF,
        Part.RESPONSE: Action.OFF,
    }
)


class Level(StrEnum):
    """How much is looked for: a sensitivity, or nothing."""

    OFF = "off"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreeningTable:
    """One or several tables as written. ``None``: not said. ``base``: where pack paths start."""

    packs: tuple[str, ...] | None = None
    base: Path = Path()
    signed: Action | None = None
    disabled: frozenset[str] = frozenset()
    allowed: frozenset[str] = frozenset()
    known_prompts: tuple[str, ...] | None = None
    actions: Mapping[Part, Action] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreeningSettings:
    """What screening does. ``disabled``: rule ids; ``allowed``: hashes of texts that may pass.

    ``known_prompts``: lists of agents whose own prompts are not screened: ``agents``, or a path.

    ``base``: the folder that paths of packs start from. ``signed``: what replaces annotate and
    redact where the body cannot be changed. ``pinned``: a variable or a flag gave the level.
    """

    level: Level = Level.OFF
    packs: tuple[str, ...] = PACKS
    base: Path = Path()
    signed: Action = Action.OBSERVE
    disabled: frozenset[str] = frozenset()
    allowed: frozenset[str] = frozenset()
    known_prompts: tuple[str, ...] = (AGENTS,)
    actions: Mapping[Part, Action] = field(default_factory=lambda: USUAL)
    pinned: bool = field(default=False, compare=False)

    @property
    def on(self) -> bool:
        """Tell whether any part is looked at."""
        return self.level is not Level.OFF and set(self.actions.values()) != {Action.OFF}

    def action(self, part: Part) -> Action:
        """Return what happens where a rule fires in a part."""
        return self.actions.get(part, Action.OFF)


def read_screening(table: object, file: Path) -> ScreeningTable:
    """Read one table. Raises ``UsageError`` that names file, key and what to write."""
    place = f"{file.name}: screening"
    entries = _table(table, place)
    _known(entries, KEYS, place)
    actions = _table(entries.get("action", {}), f"{place}.action")
    _known(actions, tuple(map(str, Part)), f"{place}.action")
    signed = entries.get("signed")
    return ScreeningTable(
        packs=_texts(entries["packs"], f"{place}.packs") if "packs" in entries else None,
        base=file.parent,
        signed=None if signed is None else _action(signed, SIGNED, f"{place}.signed"),
        disabled=frozenset(_texts(entries.get("disable", []), f"{place}.disable")),
        allowed=frozenset(_hashes(entries.get("allow", []), f"{place}.allow")),
        known_prompts=_lists(entries["known_prompts"], file, f"{place}.known_prompts")
        if "known_prompts" in entries
        else None,
        actions={
            Part(name): _action(
                value, RESPONSE if name == Part.RESPONSE else REQUEST, f"{place}.action.{name}"
            )
            for name, value in actions.items()
        },
    )


def screening_entries(table: object, file: Path) -> Mapping[str, Any]:
    """Return a table that ``read_screening`` takes, as it is written. Raises ``UsageError``."""
    read_screening(table, file)
    return _table(table, f"{file.name}: screening")


def laid_over(lower: ScreeningTable, upper: ScreeningTable) -> ScreeningTable:
    """Return one table over another."""
    packs = upper.packs is not None
    return ScreeningTable(
        packs=upper.packs if packs else lower.packs,
        base=upper.base if packs else lower.base,
        signed=upper.signed or lower.signed,
        disabled=lower.disabled | upper.disabled,
        allowed=lower.allowed | upper.allowed,
        known_prompts=lower.known_prompts if upper.known_prompts is None else upper.known_prompts,
        actions={**lower.actions, **upper.actions},
    )


def screening_of(
    table: ScreeningTable, level: Level | None, *, pinned: bool = False
) -> ScreeningSettings:
    """Return what holds. ``level``: as a file, a variable or a flag gave it; ``None``: nobody."""
    asked = table.packs is not None or bool(table.actions)
    usual = Level.MEDIUM if asked else Level.OFF
    return ScreeningSettings(
        level=usual if level is None else level,
        packs=PACKS if table.packs is None else table.packs,
        base=table.base,
        signed=table.signed or Action.OBSERVE,
        disabled=table.disabled,
        allowed=table.allowed,
        known_prompts=(AGENTS,) if table.known_prompts is None else table.known_prompts,
        actions=MappingProxyType({**USUAL, **table.actions}),
        pinned=pinned,
    )


def _table(value: object, place: str) -> Mapping[str, Any]:
    if isinstance(value, dict):
        return value
    name = place.rpartition(": ")[2]
    msg = f"{place}: is a table; write [{name}] on a line of its own"
    raise UsageError(msg)


def _known(entries: Mapping[str, Any], names: tuple[str, ...], place: str) -> None:
    for name in entries:
        if name not in names:
            close = get_close_matches(name, names, 1, 0.6)
            hint = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(names)}"
            msg = f"{place}.{name}: unknown key; {hint}"
            raise UsageError(msg)


def _texts(value: object, place: str) -> tuple[str, ...]:
    found = value if isinstance(value, list) else None
    if found is None or not all(isinstance(each, str) and each for each in found):
        msg = f'{place}: is a list of texts in quotes; write for example ["injection"]'
        raise UsageError(msg)
    return tuple(found)


def _lists(value: object, file: Path, place: str) -> tuple[str, ...]:
    """Return names of lists; a path starts from the folder of the file that names it."""
    names = _texts(value, place)
    return tuple(
        name if name == AGENTS else str(file.parent / Path(name).expanduser()) for name in names
    )


def _hashes(value: object, place: str) -> tuple[str, ...]:
    found = _texts(value, place)
    wrong = next((each for each in found if HASH.fullmatch(each) is None), None)
    if wrong is not None:
        msg = f"{place}: {wrong!r} is not a text's hash; `leash findings` shows them, 32 digits"
        raise UsageError(msg)
    return found


def _action(value: object, allowed: tuple[Action, ...], place: str) -> Action:
    found = next((each for each in allowed if each == value), None)
    if found is None:
        msg = f"{place}: {value!r} is not one of {', '.join(allowed)}"
        raise UsageError(msg)
    return found
