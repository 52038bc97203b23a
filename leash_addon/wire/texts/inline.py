"""Files inside a request, in base64: those that are text are read, as uploaded ones are.

Their bytes stay as they are. What is text is told from the bytes, except where a file is said to
be a picture, a recording or a film.
"""

import re
from base64 import b64decode
from typing import Final

from leash_addon.core.part import Part
from leash_addon.wire.texts.escapes import without_lone_surrogates
from leash_addon.wire.texts.gathered import Gathered, text
from leash_addon.wire.texts.text import Path, text_of

ADDRESS: Final = re.compile(r"data:([^;,]{0,100})[^,]{0,200},", re.IGNORECASE)
"""How an address begins that is the file itself (RFC 2397)."""

TEXTUAL: Final = re.compile(r"text/.+|.+[/+](?:json|jsonl|ndjson|xml|yaml|csv|markdown)")
MEDIA: Final = ("image/", "audio/", "video/", "application/pdf")


def inline(  # noqa: PLR0917 - the fields of a text
    found: Gathered, kind: object, value: object, path: Path, call: str = "", tool: str = ""
) -> None:
    """Read a file, or count it. ``value``: base64, or an address that holds it."""
    data, said = text(value), text(kind).lower()
    if (address := ADDRESS.match(data)) is not None:
        data, said = data[address.end() :], address[1].lower() or said
    words = _words(said, data)
    if words is None:
        found.skip()
    elif words.strip():
        strings = [(path, words)]
        found.texts.append(text_of(Part.TOOL_RESULT, strings, call=call, tool=tool, fixed=True))


def _words(said: str, data: str) -> str | None:
    textual = TEXTUAL.fullmatch(said) is not None
    if not data or (said.startswith(MEDIA) and not textual):
        return None
    try:
        raw = b64decode(data.translate(_URL_SAFE) + "==")
    except ValueError:
        return None
    try:
        return None if b"\0" in raw else without_lone_surrogates(raw.decode())
    except UnicodeDecodeError:
        return raw.decode("utf-8", "replace") if textual else None


_URL_SAFE: Final = str.maketrans("-_", "+/")
