"""The files of an upload: those of a form, or the body itself, and the text of those that are text.

A form is cut at its boundary (RFC 2046, section 5.1; RFC 7578); one that cannot be cut is one file.
What is text is told from its bytes, because programs name types as they please: UTF-8 without NUL,
what a byte order mark says, or whatever is said to be text. The text is read as a document is; of
JSON lines each line by itself.
"""

import codecs
import re
from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec import Struct

from leash_addon.core.part import Part
from leash_addon.wire.texts.escapes import without_lone_surrogates
from leash_addon.wire.texts.gathered import Gathered
from leash_addon.wire.texts.inline import TEXTUAL
from leash_addon.wire.texts.text import Path, text_of

BOUNDARY: Final = re.compile(r'boundary=(?:"([^"]{1,200})"|([^\s;,"]{1,200}))', re.IGNORECASE)
TYPE: Final = re.compile(rb"^content-type:[ \t]*([^\s;]{1,100})", re.IGNORECASE | re.MULTILINE)
HEAD_ENDS: Final = re.compile(rb"\r?\n\r?\n")
OBJECT_LINES: Final = re.compile(r'\s*[{\["][^\n]*\n\s*[{\["]')
"""How JSON lines begin; so may JSON that is spread over lines, which is told by reading it."""

MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
MOST_FILES: Final = 256
FILES: Final = "files"
"""How the place of a file begins; no request has a member of words with that name."""

MULTIPART: Final = "multipart/"


class File(Struct, frozen=True):
    """One file. ``path``: ``("files", index)``. ``kind``: the type that it is said to have."""

    path: Path
    raw: bytes
    kind: str = ""

    @property
    def read(self) -> str:
        """Return what its reading depends on beside its bytes."""
        return self.kind

    def texts(self) -> Gathered:
        """Read it; what is no text is counted. The provider keeps its bytes, so they stay."""
        found = Gathered()
        text = self._text()
        if text is None:
            found.skip()
        elif text.strip():
            lines: list[tuple[Path, str]] = [((), text)]
            if _is_json_lines(text):
                lines = [((number,), line) for number, line in enumerate(text.split("\n")) if line]
            found.texts.append(text_of(Part.TOOL_RESULT, lines, fixed=True))
        return found

    def _text(self) -> str | None:
        coding = next((name for mark, name in MARKS if self.raw.startswith(mark)), "")
        if coding:
            return without_lone_surrogates(self.raw.decode(coding, "replace"))
        try:
            return None if b"\0" in self.raw else self.raw.decode()
        except UnicodeDecodeError:
            said = TEXTUAL.fullmatch(self.kind) is not None
            return self.raw.decode("utf-8", "replace") if said else None


def files_of(headers: Mapping[str, str], body: bytes) -> list[File]:
    """Return the files of an upload. ``headers``: names in lower case; ``body``: not encoded."""
    kind = headers.get("content-type", "").lower()
    if not kind.startswith(MULTIPART):
        return [File((FILES, 0), body, kind.partition(";")[0].strip())]
    named = BOUNDARY.search(headers["content-type"])
    mark = b"--" + (named[1] or named[2]).encode("utf-8", "replace") if named else b""
    pieces = body.split(mark, MOST_FILES + 2)[1:] if mark else []
    if not pieces or len(pieces) > MOST_FILES or not any(HEAD_ENDS.search(one) for one in pieces):
        return [File((FILES, 0), body)]
    whole = [piece for piece in pieces if not piece.startswith(b"--")]
    return [_file(index, piece) for index, piece in enumerate(whole)]


def _file(index: int, piece: bytes) -> File:
    ends = HEAD_ENDS.search(piece)
    if ends is None:
        return File((FILES, index), piece)
    said = TYPE.search(piece[: ends.start()])
    kind = said[1].decode("latin-1").lower() if said else ""
    return File((FILES, index), piece[ends.end() :].removesuffix(b"\r\n"), kind)


def _is_json_lines(text: str) -> bool:
    if OBJECT_LINES.match(text) is None:
        return False
    try:
        msgspec.json.decode(text, type=msgspec.Raw)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return True
    return False
