"""Lists of agents whose prompts are known: TOML <-> ``KnownPrompts``.

    [[agent]]
    name = "my-agent"
    version = "1.4"
    system = ["0c4e0d9e5b1f2a3c4d5e6f708192a3b4"]     # paragraphs of its system prompt
    user = []                                         # of what it puts in front of the user's turns

``screening.known_prompts`` names lists: ``agents`` is the shipped ``rules/known_prompts.toml``,
anything else a path. Tool results have no key here: what an agent says in its own name gives a
tool's output no pass, and neither do a model's own words.
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Final

import tomli_w

from leash_addon.config.packs import rules_dir
from leash_addon.config.screening import AGENTS, HASH
from leash_addon.core.part import Part
from leash_addon.errors import UsageError
from leash_addon.screen.known import KnownPrompts

PARTS: Final = (Part.SYSTEM, Part.USER)
AGENT: Final = ("name", "version", *map(str, PARTS))

type Table = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """One version of one agent. ``hashes``: its paragraphs by the parts that it puts them into."""

    name: str
    version: str
    hashes: Mapping[Part, tuple[str, ...]]


def known_file(name: str) -> Path:
    """Return where a list is that ``screening.known_prompts`` names."""
    return rules_dir() / "known_prompts.toml" if name == AGENTS else Path(name)


def load_known(names: Iterable[str]) -> KnownPrompts:
    """Read lists into one. Raises ``UsageError`` that names the file and what is wrong in it."""
    return known_of(agent for name in names for agent in load_agents(name))


def known_of(agents: Iterable[Agent]) -> KnownPrompts:
    """Put what is known of several agents together."""
    found: dict[Part, set[str]] = {}
    for agent in agents:
        for part, each in agent.hashes.items():
            found.setdefault(part, set()).update(each)
    return KnownPrompts(MappingProxyType({part: frozenset(each) for part, each in found.items()}))


def load_agents(name: str) -> tuple[Agent, ...]:
    """Read one list. Raises ``UsageError``."""
    file = known_file(name)
    try:
        table = tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        hint = f"; {AGENTS!r} names the list that leash ships"
        msg = f"screening.known_prompts: {file}: cannot be read ({error.strerror}){hint}"
        raise UsageError(msg) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        msg = f"{file}: is not TOML: {error}"
        raise UsageError(msg) from None
    return agents_of(table, file.name)


def agents_of(table: Table, place: str) -> tuple[Agent, ...]:
    """Read a parsed list. ``place``: the file's name, for messages. Raises ``UsageError``."""
    _known_keys(table, ("agent",), place)
    agents = table.get("agent", [])
    if not isinstance(agents, list) or not all(isinstance(each, Mapping) for each in agents):
        msg = f"{place}: agent: write [[agent]] for each; `leash rules known FILE` prints one"
        raise UsageError(msg)
    return tuple(_agent(each, f"{place}: agent {n}") for n, each in enumerate(agents, 1))


def _agent(table: Table, place: str) -> Agent:
    _known_keys(table, AGENT, place)
    place = f"{place} ({table.get('name', 'no name')})"
    for key in ("name", "version"):
        value = table.get(key)
        if not isinstance(value, str) or not value.strip():
            msg = f"{place}: {key}: a text in quotes is needed here"
            raise UsageError(msg)
    hashes = {part: _hashes(table.get(part, []), f"{place}: {part}") for part in PARTS}
    return Agent(name=str(table["name"]), version=str(table["version"]), hashes=hashes)


def _hashes(value: object, place: str) -> tuple[str, ...]:
    if not isinstance(value, list):
        msg = f"{place}: a list of hashes is needed here; `leash rules known FILE` prints them"
        raise UsageError(msg)
    for each in value:
        if not isinstance(each, str) or HASH.fullmatch(each) is None:
            msg = f"{place}: {each!r} is no paragraph's hash of 32 digits"
            raise UsageError(msg)
    return tuple(value)


def _known_keys(table: Table, keys: tuple[str, ...], place: str) -> None:
    for key in table:
        if key not in keys:
            close = get_close_matches(key, keys, 1, 0.6)
            hint = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(keys)}"
            msg = f"{place}: {key}: unknown key; {hint}"
            raise UsageError(msg)


def as_toml(agents: Iterable[Agent]) -> str:
    """Write a list, a hash a line."""
    return tomli_w.dumps({"agent": [_table(agent) for agent in agents]})


def _table(agent: Agent) -> dict[str, object]:
    found = {str(part): sorted(set(agent.hashes.get(part, ()))) for part in PARTS}
    filled = {part: each for part, each in found.items() if each}
    return {"name": agent.name, "version": agent.version, **filled}
