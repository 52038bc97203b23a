"""The provider pack: ``rules/providers.toml`` with the user's ``[providers.NAME]`` on top.

A pack is checked as a whole when it is loaded. A key that nobody reads is an error that names
the file, the key and the key that was probably meant, so a typo never changes what is metered.
"""

import tomllib
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from leash_addon.errors import UsageError
from leash_addon.wire.formats import FORMATS, SOCKETS
from leash_addon.wire.routes import (
    BLIND,
    FREE,
    PathRule,
    ProviderRule,
    Providers,
    Upgrade,
    compile_rule,
)

PACK_KEYS: Final = ("paths", "anywhere", "providers", "leave_alone", "client")
PROVIDER_KEYS: Final = (
    "hosts",
    "use",
    "paths",
    "format",
    "free",
    "dialect",
    "elsewhere",
    "imputed",
    "upstream",
    "websocket",
)
LISTS: Final = ("hosts", "use", "free")
PACKAGE: Final = Path(__file__).resolve().parent.parent

type Table = Mapping[str, object]
type Sets = Mapping[str, tuple[PathRule, ...]]


def rules_dir() -> Path:
    """Return the folder of the shipped packs: inside the wheel, or beside it in a checkout."""
    inside = PACKAGE / "rules"
    return inside if inside.is_dir() else PACKAGE.parent / "rules"


def load_providers(
    overrides: Table | None = None, *, where: str = "leash.toml", pack: Path | None = None
) -> Providers:
    """Build the providers of a pack (default: the shipped one) with overrides by provider name.

    ``overrides``: the ``[providers]`` table of the user's file ``where``. Raises UsageError.
    """
    path = pack or rules_dir() / "providers.toml"
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        message = f"{path}: {error}"
        raise UsageError(message) from error
    return build_providers(table, overrides or {}, pack=path.name, where=where)


def build_providers(table: Table, overrides: Table, *, pack: str, where: str) -> Providers:
    """Build providers from tables. The user's own come first: their hosts and rules win."""
    _known(table, PACK_KEYS, pack, "")
    sets = _tables(table.get("paths", {}), f"{pack}: paths")
    compiled = {name: _rules(sets[name].items(), f"{pack}: paths.{name}") for name in sets}
    shipped = _tables(table.get("providers", {}), f"{pack}: providers")
    theirs = _tables(overrides, f"{where}: providers")
    names = [*theirs, *(name for name in shipped if name not in theirs)]
    anywhere = _checked(table.get("anywhere", {}), f"{pack}: anywhere", sets)
    rules = []
    for name in names:
        base = _checked(shipped.get(name, {}), f"{pack}: providers.{name}", sets)
        top = _checked(theirs.get(name, {}), f"{where}: providers.{name}", sets)
        place = f"{where if name in theirs else pack}: providers.{name}"
        default = {} if {"use", "paths", "format"} & {*base, *top} else anywhere
        rules.append(_provider(name, {**default, **_merged(base, top)}, compiled, place))
    return Providers(
        rules=tuple(rules),
        leave_alone=_strings(table.get("leave_alone", []), f"{pack}: leave_alone"),
        anywhere=_provider("unknown", anywhere, compiled, f"{pack}: anywhere", hosted=False),
    )


def _provider(
    name: str, table: Table, sets: Sets, place: str, *, hosted: bool = True
) -> ProviderRule:
    hosts = _strings(table.get("hosts", []), f"{place}.hosts")
    if hosted and not hosts:
        message = f"{place}.hosts: name at least one host"
        raise UsageError(message)
    elsewhere = _string(table, "elsewhere", BLIND, place)
    if elsewhere not in {BLIND, FREE}:
        message = f"{place}.elsewhere: {elsewhere!r} is neither 'blind' nor 'free'"
        raise UsageError(message)
    return ProviderRule(
        name=name,
        hosts=tuple(host.lower() for host in hosts if "*" not in host),
        patterns=tuple(host.lower() for host in hosts if "*" in host),
        rules=_path_rules(table, sets, place),
        dialect=_string(table, "dialect", name, place),
        elsewhere=elsewhere,
        imputed=_flag(table, "imputed", place),
        upstream=_upstream(table, place),
        websocket=_upgrade(table, place),
    )


def _path_rules(table: Table, sets: Sets, place: str) -> tuple[PathRule, ...]:
    free = [(f"* {path}", FREE) for path in _strings(table.get("free", []), f"{place}.free")]
    own = _table(table.get("paths", {}), f"{place}.paths").items()
    used = [rule for name in _strings(table.get("use", []), place) for rule in sets[name]]
    last = [("POST **", table["format"])] if "format" in table else []
    return (*_rules([*free, *own], place), *used, *_rules(last, place))


def _rules(lines: Iterable[tuple[str, object]], place: str) -> tuple[PathRule, ...]:
    return tuple(_rule(line, meaning, place) for line, meaning in lines)


def _rule(line: str, meaning: object, place: str) -> PathRule:
    if not isinstance(meaning, str) or meaning not in {*FORMATS, *SOCKETS, FREE, BLIND}:
        message = f"{place}: {line!r} = {meaning!r}: no such format{_hint(meaning, FORMATS)}"
        raise UsageError(message)
    try:
        return compile_rule(line, meaning)
    except ValueError as error:
        message = f"{place}: {error}"
        raise UsageError(message) from error


def _checked(value: object, place: str, sets: Mapping[str, Table]) -> Table:
    table = _table(value, place)
    _known(table, PROVIDER_KEYS, place, ".")
    for key in LISTS:
        _strings(table.get(key, []), f"{place}.{key}")
    for name in _strings(table.get("use", []), f"{place}.use"):
        if name not in sets:
            message = f"{place}.use: no set of paths is called {name!r}{_hint(name, sets)}"
            raise UsageError(message)
    return table


def _merged(base: Table, top: Table) -> Table:
    """Put a user's keys on top; lists and paths are added to, and the user's come first."""
    merged = {**base, **top}
    for key in LISTS:
        if key in base and key in top:
            merged[key] = [*_list(top[key]), *_list(base[key])]
    if "paths" in base and "paths" in top:
        own, theirs = _table(top["paths"], "paths"), _table(base["paths"], "paths")
        merged["paths"] = {**own, **{key: theirs[key] for key in theirs if key not in own}}
    return merged


def _known(table: Table, keys: tuple[str, ...], place: str, joint: str) -> None:
    for key in table:
        if key not in keys:
            message = f"{place}{joint or ': '}{key}: unknown key{_hint(key, keys)}"
            raise UsageError(message)


def _hint(word: object, words: Mapping[str, object] | tuple[str, ...]) -> str:
    close = get_close_matches(str(word), list(words), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _upstream(table: Table, place: str) -> str | None:
    url = _string(table, "upstream", "", place)
    if url and not url.startswith(("http://", "https://")):
        message = f"{place}.upstream: {url!r} is no URL; write http://HOST:PORT or https://HOST"
        raise UsageError(message)
    return url.rstrip("/") or None


def _upgrade(table: Table, place: str) -> Upgrade | None:
    word = _string(table, "websocket", "", place)
    if word and word not in set(Upgrade):
        message = f"{place}.websocket: {word!r} is none of {', '.join(Upgrade)}"
        raise UsageError(message)
    return Upgrade(word) if word else None


def _table(value: object, place: str) -> Table:
    if not isinstance(value, Mapping):
        message = f"{place}: a table is needed here"
        raise UsageError(message)
    return value


def _tables(value: object, place: str) -> Mapping[str, Table]:
    return {name: _table(item, f"{place}.{name}") for name, item in _table(value, place).items()}


def _string(table: Table, key: str, default: str, place: str) -> str:
    value = table.get(key, default)
    if not isinstance(value, str):
        message = f"{place}.{key}: a string is needed here"
        raise UsageError(message)
    return value


def _flag(table: Table, key: str, place: str) -> bool:
    value = table.get(key, False)
    if not isinstance(value, bool):
        message = f"{place}.{key}: true or false is needed here"
        raise UsageError(message)
    return value


def _list(value: object) -> list[object]:
    return list(value) if isinstance(value, list) else []


def _strings(value: object, place: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        message = f"{place}: a list of strings is needed here"
        raise UsageError(message)
    return tuple(value)
