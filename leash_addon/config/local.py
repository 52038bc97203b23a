"""Writes ``leash.local.toml``: what leash changes itself, layered over the user's own file."""

import os
import tempfile
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import tomli_w

from leash_addon.config.load import local_of, read_toml
from leash_addon.config.screening import read_screening, screening_entries
from leash_addon.config.settings import KEYS
from leash_addon.errors import UsageError

MODE = 0o600


def change(config: Path, dotted: str, value: str | None) -> Path:
    """Set one key (``limits.max_cost``) in the local file beside ``config``; ``None`` unsets it.

    Returns the local file's path. Raises ``UsageError`` for an unknown key or a wrong value, and
    then writes nothing.
    """
    key = next((each for each in KEYS if each.dotted == dotted), None)
    if key is None:
        close = get_close_matches(dotted, [each.dotted for each in KEYS], 1)
        known = close[0] if close else "limits.max_cost"
        msg = f"{dotted}: unknown key; write one as leash.toml has it, such as {known}"
        raise UsageError(msg)
    path = local_of(config)
    table = read_toml(path) if path.exists() else {}
    section = table.setdefault(key.section, {}) if key.section else table
    if not isinstance(section, dict):
        msg = f"{path}: {key.section} is no table"
        raise UsageError(msg)
    if value is None:
        section.pop(key.name, None)
    else:
        try:
            key.read(value)
        except ValueError as error:
            msg = f"{dotted}: {error}"
            raise UsageError(msg) from None
        section[key.name] = value
    _write(path, tomli_w.dumps(table))
    return path


def list_entry(config: Path, dotted: str, entry: str, *, there: bool) -> Path:
    """Put an entry into a list of ``[screening]`` in the local file, or take it out.

    Returns the local file's path. Raises ``UsageError`` where the file would be wrong afterwards,
    or has no such entry to take out, and then writes nothing.
    """
    path = local_of(config)
    table = read_toml(path) if path.exists() else {}
    section, _, name = dotted.rpartition(".")
    entries: dict[str, Any] = dict(screening_entries(table.get(section, {}), path))
    listed = list(entries.get(name, []))
    if there == (entry in listed):
        msg = f"{path}: {entry} is {'already' if there else 'not'} in {dotted}"
        raise UsageError(msg)
    changed = [*listed, entry] if there else [each for each in listed if each != entry]
    table[section] = {**entries, name: changed}
    read_screening(table[section], path)
    _write(path, tomli_w.dumps(table))
    return path


def _write(path: Path, text: str) -> None:
    """Replace the file at once: a reader sees the old one or the new one, whole."""
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".leash-")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            os.fchmod(file.fileno(), MODE)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except OSError as error:
        msg = f"{path}: cannot be written: {error.strerror}"
        raise UsageError(msg) from error
