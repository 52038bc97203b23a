"""Refusals in a client's own dialect, where its provider's error body alone does not end it.

Data of the pack: ``[[client.answer]]`` says to which refusals, of which format, with which status,
headers and body. A body is a text with ``$message``, ``$reason``, ``$run``, ``$leash``, ``$status``
and ``$seconds`` in it, each replaced by JSON.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from string import Template

import msgspec

from leash_addon.errors import UsageError

_KEYS = {
    "to": list,
    "format": str,
    "streamed": bool,
    "status": int,
    "headers": dict,
    "body": str,
}
PLACES = frozenset({"message", "reason", "run", "leash", "status", "seconds"})
LOWEST, HIGHEST = 200, 599


class Occasion(StrEnum):
    """Why a call is refused, as far as the answer goes.

    ``FINAL``: a limit or a kill; ``SCREENING``: a hostile text; ``PASSING``: come back later;
    ``ERROR``: a fault of leash itself.
    """

    FINAL = "final"
    SCREENING = "screening"
    PASSING = "passing"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """One way to refuse.

    ``format``: how the wire format's name begins. ``streamed``: the call asked for a stream;
    ``None``: either way. ``body``: the template; "": the provider's own error body.
    """

    to: frozenset[Occasion] = frozenset({Occasion.FINAL, Occasion.SCREENING})
    format: str = ""
    streamed: bool | None = None
    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""

    def fits(self, occasion: Occasion, shape: str, *, streamed: bool) -> bool:
        """Tell whether a refusal is answered so."""
        return (
            occasion in self.to
            and shape.startswith(self.format)
            and self.streamed in {None, streamed}
        )

    def filled(self, values: Mapping[str, object]) -> bytes:
        """Return the body with each of ``PLACES`` in it replaced by its value's JSON."""
        texts = {name: msgspec.json.encode(value).decode() for name, value in values.items()}
        return Template(self.body).safe_substitute(texts).encode()


def read_dialects(rows: object, place: str) -> tuple[Dialect, ...]:
    """Read the ``[[client.answer]]`` tables; raises ``UsageError`` naming place and key."""
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        msg = f"{place}: answer: write [[client.answer]] tables"
        raise UsageError(msg)
    return tuple(_read(row, f"{place}: answer {n}") for n, row in enumerate(rows, 1))


def _read(row: Mapping[str, object], place: str) -> Dialect:
    for key, value in row.items():
        if key not in _KEYS:
            msg = f"{place}: {key}: unknown key; known are {', '.join(_KEYS)}"
            raise UsageError(msg)
        if not isinstance(value, _KEYS[key]) or (isinstance(value, bool) and key == "status"):
            msg = f"{place}: {key}: must be {_KEYS[key].__name__}"
            raise UsageError(msg)
    status, streamed, headers = row.get("status"), row.get("streamed"), row.get("headers", {})
    if not isinstance(status, int) or not LOWEST <= status <= HIGHEST:
        msg = f"{place}: status: a number from {LOWEST} to {HIGHEST} is needed"
        raise UsageError(msg)
    return Dialect(
        to=_occasions(row.get("to"), place),
        format=str(row.get("format", "")),
        streamed=streamed if isinstance(streamed, bool) else None,
        status=status,
        headers=_headers(headers, place),
        body=_body(str(row.get("body", "")), place),
    )


def _occasions(words: object, place: str) -> frozenset[Occasion]:
    if not isinstance(words, list):
        return frozenset({Occasion.FINAL, Occasion.SCREENING})
    wrong = _strange(words, Occasion)
    if wrong or not words:
        msg = f"{place}: to: {wrong or 'nothing'} is none of {', '.join(Occasion)}"
        raise UsageError(msg)
    return frozenset(Occasion(word) for word in words)


def _headers(headers: object, place: str) -> Mapping[str, str]:
    found = headers if isinstance(headers, dict) else {}
    if not all(isinstance(value, str) and value.isprintable() for value in found.values()):
        msg = f"{place}: headers: must be texts in quotes, on one line"
        raise UsageError(msg)
    return {name.lower(): value for name, value in found.items()}


def _body(body: str, place: str) -> str:
    template = Template(body)
    wrong = _strange(template.get_identifiers(), PLACES)
    if wrong or not template.is_valid():
        known = ", ".join(f"${name}" for name in sorted(PLACES))
        msg = f"{place}: body: ${wrong} is none of {known}; write $$ for a dollar sign"
        raise UsageError(msg)
    return body


def _strange(words: Iterable[object], known: Iterable[str]) -> str:
    names = set(known)
    return next((str(word) for word in words if word not in names), "")
