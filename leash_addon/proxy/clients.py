"""Which program calls, and with which status it lets itself be stopped.

The table is data: ``[[client]]`` in ``rules/providers.toml``, from runs of the real programs.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from leash_addon.config.packs import rules_dir
from leash_addon.errors import UsageError
from leash_addon.proxy.dialects import Dialect, Occasion, read_dialects

STATUSES = (400, 402, 403, 429)
_TOKEN = re.compile(r"[A-Za-z0-9._-]{1,40}")
_KEYS = {
    "name": str,
    "user_agent": list,
    "header": list,
    "final": int,
    "kind_header": list,
    "side_without_tools": bool,
    "programs": list,
    "notes": list,
    "wall": str,
    "answer": list,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """One known program.

    ``user_agent``: texts of which one occurs in its User-Agent (lower case). ``header``: names of
    headers of which one is sent by it alone. ``final``: the status that ends it at once.
    ``kind_header``: headers that say what a call is to it, or ``NAME:MEMBER`` of one in JSON.
    ``side_without_tools``: its calls without tools are not its main loop's. For ``leash doctor``:
    ``programs``: further names of its executable; ``notes``: what is known of it; ``wall``: what
    of it cannot be governed. ``answers``: refusals in its own dialect, the first that fits counts.
    """

    name: str
    user_agent: tuple[str, ...] = ()
    header: tuple[str, ...] = ()
    final: int = 429
    kind_header: tuple[str, ...] = ()
    side_without_tools: bool = False
    programs: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    wall: str = ""
    answers: tuple[Dialect, ...] = ()

    def answer(self, occasion: Occasion, shape: str, *, streamed: bool) -> Dialect | None:
        """Return how a refusal of a call of this format is put to it, if in a way of its own."""
        fitting = (one for one in self.answers if one.fits(occasion, shape, streamed=streamed))
        return next(fitting, None)

    def sent(self, agent: str, headers: Mapping[str, str]) -> bool:
        """Tell whether a request with these headers (lower-case names) is from this program."""
        for text in self.user_agent:
            if text in agent:
                return True
        return not headers.keys().isdisjoint(self.header) if self.header else False


UNKNOWN = Client(name="")


@dataclass(frozen=True, slots=True)
class Clients:
    """The known programs, in the order in which they are tried."""

    known: tuple[Client, ...] = ()

    def find(self, headers: Mapping[str, str]) -> Client:
        """Return the program, or one without a status of its own, named after its User-Agent."""
        agent = headers.get("user-agent", "")[:512]
        lowered = agent.lower()
        for client in self.known:
            if client.sent(lowered, headers):
                return client
        word = _TOKEN.match(agent)
        return Client(name=word.group()) if word else UNKNOWN


def read_clients(rows: Sequence[Mapping[str, object]], place: str) -> Clients:
    """Read the ``[[client]]`` tables of a pack; raises ``UsageError`` naming place and key."""
    return Clients(tuple(_read(row, f"{place}: client {n}") for n, row in enumerate(rows, 1)))


def load_clients(pack: Path | None = None) -> Clients:
    """Read the clients of a provider pack, by default the one that ships."""
    path = pack or rules_dir() / "providers.toml"
    try:
        rows = tomllib.loads(path.read_text(encoding="utf-8")).get("client", [])
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        msg = f"{path}: {error}"
        raise UsageError(msg) from error
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        msg = f"{path}: client: write [[client]] tables"
        raise UsageError(msg)
    return read_clients(rows, path.name)


def _read(row: Mapping[str, object], place: str) -> Client:
    for key, value in row.items():
        if key not in _KEYS:
            msg = f"{place}: {key}: unknown key; known are {', '.join(_KEYS)}"
            raise UsageError(msg)
        if not isinstance(value, _KEYS[key]) or (isinstance(value, bool) and _KEYS[key] is int):
            msg = f"{place}: {key}: must be {_KEYS[key].__name__}"
            raise UsageError(msg)
    name, final = row.get("name"), row.get("final", 429)
    if not isinstance(name, str) or not name:
        msg = f"{place}: name: missing"
        raise UsageError(msg)
    if final not in STATUSES or not isinstance(final, int):
        msg = f"{place}: final: {final} is none of {', '.join(map(str, STATUSES))}"
        raise UsageError(msg)
    agents, headers = _texts(row, "user_agent", place), _texts(row, "header", place)
    if not agents and not headers:
        msg = f"{place}: user_agent or header must say how {name} is known"
        raise UsageError(msg)
    return Client(
        name=name,
        user_agent=agents,
        header=headers,
        final=final,
        kind_header=_texts(row, "kind_header", place),
        side_without_tools=row.get("side_without_tools") is True,
        programs=_texts(row, "programs", place),
        notes=_texts(row, "notes", place, as_written=True),
        wall=str(row.get("wall", "")),
        answers=read_dialects(row.get("answer", []), place),
    )


def _texts(
    row: Mapping[str, object], key: str, place: str, *, as_written: bool = False
) -> tuple[str, ...]:
    found = row.get(key, [])
    texts = found if isinstance(found, list) else []
    if not all(isinstance(text, str) and text for text in texts):
        msg = f"{place}: {key}: must be texts in quotes, none empty"
        raise UsageError(msg)
    return tuple(str(text) if as_written else str(text).lower() for text in texts)
