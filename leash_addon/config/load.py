"""Files, environment and flags, merged into ``Settings``: flag > variable > local file > file.

``leash.toml`` belongs to its owner and is never rewritten; what leash itself changes goes to
``leash.local.toml`` beside it. Whatever is wrong names its place: the file and key, the variable,
or the flag.
"""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Any

from leash_addon.config.caps import read_caps, read_rates
from leash_addon.config.screening import (
    ScreeningSettings,
    ScreeningTable,
    laid_over,
    read_screening,
    screening_of,
)
from leash_addon.config.settings import KEYS, PATHS, Key, Settings
from leash_addon.config.tokens import VARIABLE, Grant, master_grant, read_tokens
from leash_addon.config.variables import check_variables
from leash_addon.core.caps import Cap
from leash_addon.core.database_url import database_url
from leash_addon.core.holds import Holds
from leash_addon.core.limits import Limits
from leash_addon.core.rate_limits import RateLimit
from leash_addon.errors import UsageError

FILE = "leash.toml"
LOCAL = "leash.local.toml"
TABLES = frozenset({"providers", "cap", "rate", "token", "screening"})
"""Tables that are read by readers of their own."""

IDENTITY = "identity"
"""A table whose keys may also stand above the first table."""

type Layer = dict[str, object]
"""Values by flat key name, read and checked."""

type Providers = dict[str, dict[str, object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """What the files said, the local one laid over the other; its caps and rates replace theirs."""

    values: Layer
    providers: Providers
    read: tuple[Path, ...]
    caps: tuple[Cap, ...] = ()
    rates: tuple[RateLimit, ...] = ()
    tokens: tuple[Grant, ...] = ()
    screening: ScreeningTable = field(default_factory=ScreeningTable)


def load(
    *,
    env: Mapping[str, str],
    cwd: Path,
    home: Path,
    flags: Mapping[str, object] | None = None,
    config: Path | None = None,
    flag_place: Callable[[Key], str] = lambda key: key.flag,
) -> Settings:
    """Return the merged settings.

    ``home``: the user's home folder. ``flags``: values by flat name (``max_cost``), ``None`` for
    not given. ``config``: replaces the search for a file, as ``LEASH_CONFIG`` does.
    Raises ``UsageError`` that names the place and the mend.
    """
    named = config if config is not None else _named(env)
    path = find(named, cwd, home)
    files = read_files(path, home)
    variables = {key.flat: env.get(key.variable) for key in KEYS}
    over = _layer(variables, lambda key: key.variable, cwd, home)
    over |= _layer(flags or {}, flag_place, cwd, home)
    check_variables(env)
    settings = _settings(files.values | over, files, home)
    screening = replace(settings.screening, pinned="screening" in over)
    token = env.get(VARIABLE)
    own = (master_grant(token),) if token else ()
    tokens = (*own, *files.tokens)
    return replace(settings, config=path, screening=screening, tokens=tokens)


def reread_screening(settings: Settings) -> ScreeningSettings:
    """Return what the files say of screening by now; a variable or a flag still wins.

    Raises ``UsageError`` for anything that is wrong in them.
    """
    now = settings.screening
    if settings.config is None:
        return now
    files = read_files(settings.config, settings.home.parent)
    level: Any = now.level if now.pinned else files.values.get("screening")
    return screening_of(files.screening, level, pinned=now.pinned)


def find(named: Path | None, cwd: Path, home: Path) -> Path:
    """Return the path of ``leash.toml``; the file itself may be missing unless it was named."""
    if named is not None:
        path = cwd / named.expanduser()
        if not path.is_file():
            msg = f"{named}: no such configuration file; `leash init` writes one"
            raise UsageError(msg)
        return path
    own = home / ".config" / "leash" / FILE
    here = cwd / FILE
    if not here.exists() and not (cwd / LOCAL).exists() and own.parent.is_dir():
        return own
    return here


def watched(settings: Settings) -> tuple[Path, ...]:
    """Return the files whose change may matter while a proxy runs, also ones yet to be written."""
    path = settings.config
    own = () if path is None else (path, local_of(path))
    named = (settings.prices, settings.tls_cert, settings.tls_key)
    return (*own, *(file for file in named if file is not None))


def local_of(path: Path) -> Path:
    """Return where leash writes what it changes itself: beside the user's file."""
    return path.with_name(path.stem + ".local.toml")


def read_files(path: Path, home: Path) -> Files:
    """Read a configuration file and the local one over it; a missing one is empty."""
    merged: Layer = {}
    providers: Providers = {}
    read: list[Path] = []
    caps: tuple[Cap, ...] = ()
    rates: tuple[RateLimit, ...] = ()
    tokens: tuple[Grant, ...] = ()
    screening = ScreeningTable()
    for file in (path, local_of(path)):
        if not file.exists():
            continue
        table = read_toml(file)
        merged |= checked(table, file, home)
        for name, entries in _provider_tables(table, file).items():
            providers[name] = providers.get(name, {}) | entries
        caps = read_caps(table["cap"], file.name) if "cap" in table else caps
        rates = read_rates(table["rate"], file.name) if "rate" in table else rates
        tokens = read_tokens(table["token"], file.name) if "token" in table else tokens
        if "screening" in table:
            screening = laid_over(screening, read_screening(table["screening"], file))
        read.append(file)
    return Files(
        values=merged,
        providers=providers,
        read=tuple(read),
        caps=caps,
        rates=rates,
        tokens=tokens,
        screening=screening,
    )


def read_toml(file: Path) -> dict[str, object]:
    """Parse one file; numbers with a point stay exact decimals."""
    try:
        return tomllib.loads(file.read_text("utf-8"), parse_float=Decimal)
    except OSError as error:
        msg = f"{file}: cannot be read ({error.strerror})"
    except UnicodeDecodeError:
        msg = f"{file}: is not UTF-8 text"
    except tomllib.TOMLDecodeError as error:
        msg = f"{file}: is not TOML: {error}"
    raise UsageError(msg)


def checked(table: Mapping[str, object], file: Path, home: Path) -> Layer:
    """Read every value of a parsed file. Raises ``UsageError`` for an unknown or wrong key."""
    known = {key.dotted: key for key in KEYS}
    found: Layer = {}
    for dotted, value in _flat(table, file):
        key = known.get(dotted)
        if key is None:
            msg = f"{file.name}: {dotted}: unknown key{_meant(dotted)}"
            raise UsageError(msg)
        found[key.flat] = _read(key, value, f"{file.name}: {dotted}", file.parent, home)
    return found


def _named(env: Mapping[str, str]) -> Path | None:
    return Path(env["LEASH_CONFIG"]) if env.get("LEASH_CONFIG") else None


def _flat(table: Mapping[str, object], file: Path) -> list[tuple[str, object]]:
    found: list[tuple[str, object]] = []
    for name, value in table.items():
        if name == "screening" and isinstance(value, dict) and "sensitivity" in value:
            found.append(("screening.sensitivity", value["sensitivity"]))
        if name in TABLES:
            continue
        if name not in {"limits", "holds", IDENTITY}:
            found.append((name, value))
        elif isinstance(value, dict) and name == IDENTITY:
            found.extend(value.items())
        elif isinstance(value, dict):
            found.extend((f"{name}.{inner}", worth) for inner, worth in value.items())
        else:
            msg = f"{file.name}: {name}: is a table; write [{name}] on a line of its own"
            raise UsageError(msg)
    return found


def _provider_tables(table: Mapping[str, object], file: Path) -> Providers:
    providers = table.get("providers", {})
    if isinstance(providers, dict) and all(isinstance(each, dict) for each in providers.values()):
        return providers
    msg = f"{file.name}: providers: holds tables; write [providers.openai] on a line of its own"
    raise UsageError(msg)


def _meant(dotted: str) -> str:
    """Suggest the key that was meant, by its bare name, or where it belongs."""
    name = dotted.rpartition(".")[2]
    names = {key.name: key for key in KEYS}
    section = dotted.rpartition(".")[0]
    if name in names and names[name].section != section:
        home = names[name].section
        return f"; it belongs to [{home}]" if home else "; it belongs above the first [table]"
    if not section:
        names |= dict.fromkeys(("limits", "holds", IDENTITY, *TABLES), KEYS[0])
    close = get_close_matches(name, names, 1, 0.6)
    return f"; did you mean {close[0]!r}?" if close else ""


def _layer(
    given: Mapping[str, object], place: Callable[[Key], str], cwd: Path, home: Path
) -> Layer:
    keys = {key.flat: key for key in KEYS}
    return {
        name: _read(keys[name], value, place(keys[name]), cwd, home)
        for name, value in given.items()
        if value is not None
    }


def _read(key: Key, value: object, place: str, folder: Path, home: Path) -> object:
    try:
        found = key.read(value)
    except ValueError as error:
        msg = f"{place}: {error}"
        raise UsageError(msg) from None
    if key.flat in PATHS:
        text = str(found)
        if key.flat == "db" and (url := database_url(text)) is not None:
            return url
        return home / text[2:] if text.startswith("~/") else folder / text
    return found


def _settings(merged: Layer, files: Files, home: Path) -> Settings:
    own = home / ".leash"
    every: dict[str, Any] = {"home": own, "db": own / "leash.db"}
    limits: dict[str, Any] = {}
    holds: dict[str, Any] = {}
    screening: dict[str, Any] = {}
    sections = {"": every, "limits": limits, "holds": holds, "screening": screening}
    for key in KEYS:
        if key.flat in merged:
            sections[key.section][key.name] = merged[key.flat]
    return Settings(
        **every,
        limits=Limits(**limits),
        holds=Holds(**holds),
        caps=files.caps,
        rates=files.rates,
        screening=screening_of(files.screening, screening.get("sensitivity")),
        providers=MappingProxyType(files.providers),
        given=frozenset(merged),
        files=files.read,
    )
