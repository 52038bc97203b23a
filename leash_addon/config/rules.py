"""Rule packs for screening: TOML -> ``Pack``.

A pack is a shipped one by name (``injection`` is ``rules/injection.toml`` and every
``rules/injection/*.toml``) or a path to a file or folder. Whatever is wrong is a ``UsageError``
that names the file, the rule and the key, and what to write instead.
"""

import tomllib
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import Final

from leash_addon.config.packs import rules_dir
from leash_addon.core.part import Part
from leash_addon.errors import UsageError
from leash_addon.screen.rule import DEFAULT_SCAN, Pack, Rule, Status
from leash_addon.screen.sensitivity import LOOSEST, STRICT
from leash_addon.screen.views import VIEWS

TOP: Final = ("pack", "rule")
KIND: Final = "screening"
RULE: Final = (
    *("id", "title", "severity", "scan", "views", "keywords", "any_of", "why", "status"),
    *("replaces", "references", "examples", "known_miss", "known_false_alarm"),
)
SUFFIX: Final = ".toml"


def load_packs(names: Sequence[str], base: Path) -> tuple[Pack, ...]:
    """Read the packs that settings name. ``base``: the folder that relative paths start from.

    Raises ``UsageError``, also where two packs have a rule of the same id.
    """
    packs = tuple(load_pack(name, base) for name in dict.fromkeys(names))
    homes: dict[str, str] = {}
    for pack in packs:
        for rule in pack.rules:
            if rule.id in homes:
                msg = f"{pack.name}: {rule.id}: the pack {homes[rule.id]!r} has a rule of this id"
                raise UsageError(msg)
            homes[rule.id] = pack.name
    return packs


def load_pack(name: str, base: Path) -> Pack:
    """Read one pack, of one file or of several."""
    files = pack_files(name, base)
    parts = [_read(file) for file in files]
    rules = tuple(rule for part in parts for rule in part.rules)
    seen: set[str] = set()
    for rule in rules:
        if rule.id in seen:
            msg = f"{name}: {rule.id}: there are two rules of this id"
            raise UsageError(msg)
        seen.add(rule.id)
    return Pack(
        name=parts[0].name,
        version=max(part.version for part in parts),
        rules=rules,
        files=tuple(str(file) for file in files),
    )


def pack_files(name: str, base: Path) -> tuple[Path, ...]:
    """Find the files of a pack, sorted by name; at least one."""
    shipped = "/" not in name and not name.endswith(SUFFIX)
    root = rules_dir() / name if shipped else base / Path(name).expanduser()
    file = root.with_name(root.name + SUFFIX) if shipped else root
    found = [file] if file.is_file() else []
    if root.is_dir():
        found += sorted(root.glob("*" + SUFFIX))
    if not found:
        hint = f"; leash ships {', '.join(shipped_packs())}" if shipped else ""
        msg = f"screening.packs: {name}: no such rule pack{hint}"
        raise UsageError(msg)
    return tuple(found)


def shipped_packs() -> tuple[str, ...]:
    """Name the screening packs that ship."""
    root = rules_dir()
    files = {file.stem for file in root.glob("*" + SUFFIX) if _is_screening(file)}
    return tuple(sorted(files | {folder.name for folder in root.iterdir() if folder.is_dir()}))


def _is_screening(file: Path) -> bool:
    return "[[rule]]" in file.read_text("utf-8")


def _read(file: Path) -> Pack:
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        msg = f"{file}: cannot be read ({error.strerror})"
        raise UsageError(msg) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        msg = f"{file}: is not TOML: {error}"
        raise UsageError(msg) from error
    return build_pack(table, file.name)


def build_pack(table: Mapping[str, object], file: str) -> Pack:
    """Build a pack of one parsed file. ``file``: the name for messages."""
    _known(table, TOP, file)
    head = _Reader(table.get("pack", {}), f"{file}: pack")
    name = head.text("name")
    version = head.number("version", range(1, 1 << 31))
    if head.text("kind", KIND) != KIND:
        msg = f"{file}: pack.kind: only {KIND!r} packs have rules"
        raise UsageError(msg)
    head.close()
    rules = table.get("rule", [])
    if not isinstance(rules, list):
        msg = f"{file}: rule: write [[rule]] for each rule"
        raise UsageError(msg)
    built = tuple(_rule(rule, f"{file}: rule {n}") for n, rule in enumerate(rules, 1))
    return Pack(name=name, version=version, rules=built, files=(file,))


def _rule(table: object, place: str) -> Rule:
    rule = _Reader(table, place)
    if isinstance(table, Mapping):  # before a misspelt key is missed
        _known(table, RULE, f"{place} ({table.get('id', 'no id')})")
    rule.place = f"{place} ({rule.text('id')})"
    examples = _Reader(rule.table("examples"), f"{rule.place}: examples")
    built = Rule(
        id=rule.text("id"),
        title=rule.text("title"),
        severity=rule.number("severity", range(STRICT, LOOSEST + 1)),
        scan=frozenset(rule.words("scan", Part, sorted(DEFAULT_SCAN))),
        views=frozenset(rule.among("views", VIEWS)),
        keywords=rule.texts("keywords"),
        any_of=rule.texts("any_of"),
        why=rule.text("why"),
        status=rule.word("status", Status, Status.STABLE),
        replaces=rule.texts("replaces"),
        references=rule.texts("references"),
        match=examples.texts("match"),
        no_match=examples.texts("no_match"),
        known_miss=rule.texts("known_miss"),
        known_false_alarm=rule.texts("known_false_alarm"),
    )
    examples.close()
    if not built.any_of:
        msg = f"{rule.place}: any_of: write at least one pattern"
        raise UsageError(msg)
    return built


class _Reader:
    """One table, read key by key; what is left over at the end is a mistake."""

    def __init__(self, table: object, place: str) -> None:
        self.place = place
        if not isinstance(table, Mapping):
            msg = f"{place}: a table is needed here"
            raise UsageError(msg)
        self._table = table
        self._known: list[str] = []

    def _get(self, key: str) -> object:
        self._known.append(key)
        return self._table.get(key)

    def _wrong(self, key: str, needed: str) -> UsageError:
        return UsageError(f"{self.place}: {key}: {needed}")

    def table(self, key: str) -> object:
        found = self._get(key)
        return {} if found is None else found

    def text(self, key: str, default: str = "") -> str:
        found = self._get(key)
        if found is None and default:
            return default
        if not isinstance(found, str) or not found.strip():
            raise self._wrong(key, "a text in quotes is needed here")
        return found

    def texts(self, key: str) -> tuple[str, ...]:
        found = self._get(key)
        if found is None:
            return ()
        if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
            raise self._wrong(key, "a list of texts is needed here")
        return tuple(found)

    def number(self, key: str, allowed: range) -> int:
        found = self._get(key)
        if isinstance(found, bool) or not isinstance(found, int) or found not in allowed:
            last = f" to {allowed[-1]}" if allowed[-1] < 1 << 16 else ""
            raise self._wrong(key, f"a whole number from {allowed[0]}{last} is needed here")
        return found

    def words[E: StrEnum](self, key: str, kind: type[E], default: Sequence[E]) -> tuple[E, ...]:
        if key not in self._table:
            self._known.append(key)
            return tuple(default)
        return tuple(self._one(key, word, kind) for word in self.texts(key))

    def word[E: StrEnum](self, key: str, kind: type[E], default: E) -> E:
        return self._one(key, self.text(key, default), kind)

    def among(self, key: str, known: Sequence[str]) -> tuple[str, ...]:
        found = self.texts(key)
        for word in found:
            if word not in known:
                raise self._wrong(key, f"{word!r} is not one of {', '.join(known)}")
        return found

    def _one[E: StrEnum](self, key: str, word: str, kind: type[E]) -> E:
        try:
            return kind(word)
        except ValueError:
            known = list(kind)
            raise self._wrong(key, f"{word!r} is not one of {', '.join(known)}") from None

    def close(self) -> None:
        _known(self._table, self._known, self.place)


def _known(table: Mapping[str, object], keys: Sequence[str], place: str) -> None:
    for key in table:
        if key not in keys:
            close = get_close_matches(key, keys, 1, 0.6)
            mend = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(keys)}"
            msg = f"{place}: {key}: unknown key; {mend}"
            raise UsageError(msg)
