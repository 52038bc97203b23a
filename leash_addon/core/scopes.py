"""Scopes: what an account is kept for, and how its key is written.

A cap or rate limit names one scope or several; the values of a call's tags in those scopes, with
the limit's own pattern, make the key of the account. A tag that a call lacks counts as the empty
value, so that calls which nobody named share one account: leaving a tag out escapes nothing.

Keys are ASCII and stable; a long value is kept by its beginning and a digest::

    cap:user=alice,model=gpt-4o|model~gpt-4o*|day:2026-11-21      a cap's account
    rate:key=4fb1|requests:60/60s+60                              a rate limit's bucket
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from hashlib import sha256
from types import MappingProxyType
from urllib.parse import quote, unquote

type Tags = Mapping[str, str]
"""What is known of a call, by scope: ``{"run": "a3f9", "user": "alice", "model": "gpt-4o"}``."""

NO_TAGS: Tags = MappingProxyType({})

LONGEST = 128
"""Longer values come from request bodies; their digest tells them apart and bounds the key."""

_PLAIN = "-._~/@+:"
_PLAIN_VALUE = re.compile(rf"[A-Za-z0-9{re.escape(_PLAIN)}]{{0,{LONGEST}}}")
_GLOB = _PLAIN + "*?[]!"


class Scope(StrEnum):
    """What an account is kept for. The order is the order in which a key names them."""

    TENANT = "tenant"
    USER = "user"
    KEY = "key"
    FEATURE = "feature"
    IP = "ip"
    RUN = "run"
    MODEL = "model"
    ALL = "all"


MATCHABLE = (*(scope.value for scope in Scope if scope is not Scope.ALL), "provider")
"""Tags that a pattern may look at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Which calls a limit concerns, and how it divides them among accounts.

    ``per``: scopes, in any order. ``match``: glob patterns (``*``, ``?``, ``[abc]``) by tag, blind
    to case; all of them must fit. ``pattern``: those as a part of a key.
    Raises ``ValueError`` for scopes that make no sense together.
    """

    per: tuple[Scope, ...] = (Scope.ALL,)
    match: Mapping[str, str] = field(default_factory=lambda: NO_TAGS)
    pattern: str = field(init=False, default="")

    def __post_init__(self) -> None:
        """Bring the scopes into one order, so that two spellings share their accounts."""
        per = tuple(scope for scope in Scope if scope in self.per)
        if not per or len(per) != len(self.per) or (Scope.ALL in per and len(per) > 1):
            msg = "per names each scope once, and 'all' stands alone"
            raise ValueError(msg)
        object.__setattr__(self, "per", per)
        match = {tag: self.match[tag].casefold() for tag in sorted(self.match)}
        object.__setattr__(self, "match", MappingProxyType(match))
        pattern = ",".join(f"{tag}~{quote(glob, safe=_GLOB)}" for tag, glob in match.items())
        object.__setattr__(self, "pattern", pattern)

    def concerns(self, tags: Tags) -> bool:
        """Tell whether a call with these tags is meant."""
        return all(
            fnmatchcase(tags.get(tag, "").casefold(), glob) for tag, glob in self.match.items()
        )

    def key(self, tags: Tags) -> str:
        """Write whose account it is: ``user=alice,model=gpt-4o``."""
        if self.per == (Scope.ALL,):
            return "all"
        return ",".join(f"{scope}={_value(scope, tags)}" for scope in self.per)


def joined(kind: str, *parts: str) -> str:
    """Write an account's key from its kind and its parts; an empty part is left out."""
    return f"{kind}:" + "|".join(part for part in parts if part)


def _value(scope: Scope, tags: Tags) -> str:
    text = tags.get(scope, "")
    if scope is Scope.MODEL:
        text = text.casefold()  # Azure's deployment names are blind to case: one model, one account
    if _PLAIN_VALUE.fullmatch(text):
        return text
    if len(text) > LONGEST:
        digest = sha256(text.encode(errors="surrogatepass")).hexdigest()[:32]
        text = f"{text[:64]}~{digest}"
    return quote(text, safe=_PLAIN, errors="surrogatepass")


def label(scopes: str, pattern: str = "") -> str:
    """Name an account for a person from the parts of its key: ``user alice, model gpt-4o``."""
    names = ", ".join(f"{scope} {_shown(value)}" for scope, value in pairs(scopes, "="))
    globs = " and ".join(f"{tag} {_shown(glob)}" for tag, glob in pairs(pattern, "~"))
    if not globs:
        return names or "all calls"
    return f"{names} ({globs})" if names else f"all calls of {globs}"


def pairs(part: str, sign: str) -> list[tuple[str, str]]:
    """Split a part of a key into names and values, still escaped; ``all`` has none."""
    return [
        (name, value)
        for name, found, value in (x.partition(sign) for x in part.split(","))
        if found
    ]


def _shown(value: str) -> str:
    """Return an escaped value fit for a message: one line, or a word for none."""
    clean = "".join(letter for letter in unquote(value) if letter.isprintable())
    return clean or "(none)"
