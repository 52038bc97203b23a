"""Tokens: who may use the proxy, and what each may say of itself.

``LEASH_AUTH_TOKEN`` holds one token that may say anything. ``[[token]]`` tables hold the hashes of
others, as ``leash gen-token --hash`` prints them, so that a file which is read gives nothing away::

    [[token]]
    name = "team-a"
    hash = "sha256:2c26b46b68ffc68f..."
    tenant = "acme"                            # whoever bears it is of this tenant
    tags = { user = ["alice", "bob-*"], feature = "*", run = "nightly-*" }
    expires = 2027-01-31

A token is 256 random bits, so a plain hash keeps it; a short word would not be kept by any.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from difflib import get_close_matches
from fnmatch import fnmatchcase
from hashlib import sha256
from types import MappingProxyType

from leash_addon.core.money import Instant
from leash_addon.errors import UsageError

VARIABLE = "LEASH_AUTH_TOKEN"
SHORTEST = 20
"""Characters of a token, at least; ``leash gen-token`` makes 49."""

CLAIMS = ("run", "user", "feature", "tenant")
"""What a bearer may say of itself."""

NAME = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_HASH = re.compile(r"sha256:([0-9a-f]{64})")
_KEYS = ("name", "hash", "tenant", "tags", "expires")


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What the bearer of a token may say. ``digest``: of the token, SHA-256.

    ``tags``: glob patterns by tag; ``None``: anything may be said. A tag that is not there may not
    be said at all, but for ``run``. ``tenant``: the bearer's, whatever it says; "" for none.
    ``expires``: from then on it is worth nothing.
    """

    name: str
    digest: bytes = field(repr=False)
    tenant: str = ""
    tags: Mapping[str, tuple[str, ...]] | None = None
    expires: Instant | None = None

    def allows(self, tag: str, value: str) -> bool:
        """Tell whether the bearer may say that a tag of its calls has this value."""
        if tag == "tenant" and self.tenant:
            return value == self.tenant
        if self.tags is None or (tag == "run" and tag not in self.tags):
            return True
        return any(fnmatchcase(value, glob) for glob in self.tags.get(tag, ()))

    def implied(self, tag: str) -> str:
        """Return the value that a tag has when the bearer says nothing: the only one it may."""
        if tag == "tenant" and self.tenant:
            return self.tenant
        globs = (self.tags or {}).get(tag, ())
        only = globs[0] if len(globs) == 1 else ""
        return "" if set(only) & set("*?[") else only


def digest_of(token: bytes) -> bytes:
    """Return what a token is known by."""
    return sha256(token).digest()


def shown_hash(token: str) -> str:
    """Write a token's hash as ``[[token]]`` has it."""
    return "sha256:" + digest_of(token.encode()).hex()


def master_grant(token: str) -> Grant:
    """Return the grant of ``LEASH_AUTH_TOKEN``. Raises ``UsageError`` for one that is no token."""
    if len(token) < SHORTEST or not token.isascii() or not token.isprintable() or " " in token:
        msg = (
            f"{VARIABLE}: is no token: at least {SHORTEST} printable letters without spaces; "
            "`leash gen-token` makes one"
        )
        raise UsageError(msg)
    return Grant(name=VARIABLE, digest=digest_of(token.encode()))


def read_tokens(value: object, file: str) -> tuple[Grant, ...]:
    """Read the ``[[token]]`` tables of a file. Raises ``UsageError`` naming place and mend."""
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        msg = f"{file}: token: write [[token]] tables"
        raise UsageError(msg)
    found = tuple(_read(row, f"{file}: token {n}") for n, row in enumerate(value, 1))
    if len({grant.digest for grant in found}) < len(found):
        msg = f"{file}: token: two entries have the same hash; each token has one entry"
        raise UsageError(msg)
    return found


def _read(row: Mapping[str, object], place: str) -> Grant:
    for key in row:
        if key not in _KEYS:
            close = get_close_matches(key, _KEYS, 1)
            meant = f"; did you mean {close[0]!r}?" if close else ""
            msg = f"{place}: {key}: unknown key{meant}"
            raise UsageError(msg)
    written = _HASH.fullmatch(str(row.get("hash", "")).strip().lower())
    if written is None:
        msg = f"{place}: hash: write sha256: and 64 hex digits, as `leash gen-token --hash` does"
        raise UsageError(msg)
    tags = row.get("tags", {})
    if not isinstance(tags, dict):
        msg = f"{place}: tags: is a table, for example {{ user = ['alice'], feature = '*' }}"
        raise UsageError(msg)
    return Grant(
        name=_name(row, "name", place) or place.rpartition(": ")[2].replace(" ", "-"),
        digest=bytes.fromhex(written[1]),
        tenant=_name(row, "tenant", place),
        tags=MappingProxyType({tag: _globs(tag, value, place) for tag, value in tags.items()}),
        expires=_expiry(row["expires"], place) if "expires" in row else None,
    )


def _name(row: Mapping[str, object], key: str, place: str) -> str:
    value = row.get(key, "")
    if value != "" and (not isinstance(value, str) or NAME.fullmatch(value) is None):
        msg = f"{place}: {key}: is 1 to 128 letters, digits or . _ : -"
        raise UsageError(msg)
    return str(value)


def _globs(tag: str, value: object, place: str) -> tuple[str, ...]:
    if tag not in CLAIMS:
        msg = f"{place}: tags.{tag}: is none of {', '.join(CLAIMS)}"
        raise UsageError(msg)
    globs = value if isinstance(value, list) else [value]
    if not globs or not all(isinstance(glob, str) and glob for glob in globs):
        msg = f"{place}: tags.{tag}: write a text or a list of texts; * stands for anything"
        raise UsageError(msg)
    return tuple(map(str, globs))


def _expiry(value: object, place: str) -> Instant:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            value = None
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time())
    if not isinstance(value, datetime):
        msg = f"{place}: expires: is no date; write for example 2027-01-31"
        raise UsageError(msg)
    aware = value if value.tzinfo is not None else value.replace(tzinfo=UTC)
    return Instant(int(aware.timestamp()) * 1_000_000)
