"""Where the name of a run, user, feature or tenant may come from, and in which order by default."""

import re
from difflib import get_close_matches

DEFAULT = "default"
RUN_FROM = ("proxy-user", "header:x-loop-id", "path", "agent-session", DEFAULT)
USER_FROM = ("proxy-user", "header:x-leash-user")
FEATURE_FROM = ("proxy-user", "header:x-leash-feature")
TENANT_FROM = ("proxy-user", "header:x-leash-tenant")

WORDS = ("proxy-user", "agent-session", "agent-user", "key", "ip", "token")
_HEADER = re.compile(r"header:[!#$%&'*+.^_`|~0-9a-z-]{1,100}")
"""A header's name is a token (RFC 9110 section 5.6.2), in lower case here."""


def sources(value: object) -> tuple[str, ...]:
    """Read the sources of a user, feature or tenant: a list, or names joined by commas."""
    return _read(value, WORDS)


def run_sources(value: object) -> tuple[str, ...]:
    """Read the sources of a run, which may also be in the path, or the one named default."""
    return _read(value, (*WORDS, "path", DEFAULT))


def _read(value: object, words: tuple[str, ...]) -> tuple[str, ...]:
    found = texts(value)
    for source in found:
        if source not in words and _HEADER.fullmatch(source) is None:
            close = get_close_matches(source, words, 1)
            meant = f"; did you mean {close[0]!r}?" if close else ""
            msg = f"{source!r} is no source: write header:NAME, {', '.join(words)}{meant}"
            raise ValueError(msg)
    if not found:
        msg = "names no source; leave the key out for the usual ones"
        raise ValueError(msg)
    return found


def texts(value: object) -> tuple[str, ...]:
    """Read texts in lower case, from a list or joined by commas, each once."""
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list | tuple) or not all(isinstance(part, str) for part in parts):
        msg = f"{value!r} is no list of texts; write for example ['a', 'b']"
        raise ValueError(msg)
    return tuple(dict.fromkeys(part.strip().lower() for part in parts if part.strip()))
