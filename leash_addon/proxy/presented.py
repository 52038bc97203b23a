"""What a client proves itself with, and the name that it gives: Proxy-Authorization, X-Leash-Token.

A proxy user name carries the run and tags: ``nightly-7;user=alice;feature=search``, or
``leash:run=42;user=alice;team=core``. RFC 7617 (https://www.rfc-editor.org/rfc/rfc7617, 2015-09)
ends a user name at the first colon; the second spelling has one of its own, so there it ends at
the last.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from leash_addon.core.scopes import NO_TAGS

TOKEN_HEADER = "x-leash-token"  # noqa: S105 - the header's name
PROXY_HEADER = "proxy-authorization"
LONGEST = 4096
"""Characters of a credential that are looked at; a longer one is none."""

NOBODY = "-"
"""A user name that names no run, for clients that must send one."""

_WITH_COLON = re.compile(r"leash:[^:=]*=", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyUser:
    """A proxy user name taken apart. ``run``: "" when it names none."""

    run: str = ""
    tags: Mapping[str, str] = field(default_factory=lambda: NO_TAGS)


NO_USER = ProxyUser()


@dataclass(frozen=True, slots=True, kw_only=True)
class Presented:
    """What one request presents. ``token``: the bytes; ``None``: nothing at all."""

    user: ProxyUser = NO_USER
    token: bytes | None = field(default=None, repr=False)


NOTHING = Presented()


def presented(headers: Mapping[str, str]) -> Presented:
    """Read what a request presents. ``headers``: names in lower case.

    A proxy credential that cannot be read is a wrong token, not none.
    """
    user, password = _proxy_credential(headers.get(PROXY_HEADER, ""))
    token = headers.get(TOKEN_HEADER)
    if token is None:
        return (
            NOTHING
            if user is NO_USER and password is None
            else Presented(user=user, token=password)
        )
    return Presented(user=user, token=_bytes(token.strip()))


def proxy_user(name: str) -> ProxyUser:
    """Take a proxy user name apart; a tag without a value counts for nothing."""
    head, *parts = name.split(";")
    if _WITH_COLON.match(head):
        head, parts = "", [head.partition(":")[2], *parts]
    tags = {
        tag.strip(): value.strip()
        for tag, _, value in (part.partition("=") for part in parts)
        if tag.strip() and value.strip()
    }
    run = head.strip()
    named = tags.pop("run", "")
    return ProxyUser(run=named if run in {"", NOBODY} else run, tags=tags)


def _proxy_credential(value: str) -> tuple[ProxyUser, bytes | None]:
    scheme, _, rest = value.strip().partition(" ")
    if not scheme:
        return NO_USER, None
    if len(value) > LONGEST:
        return NO_USER, b""
    if scheme.lower() == "bearer":
        return NO_USER, _bytes(rest.strip())
    if scheme.lower() != "basic":
        return NO_USER, b""
    try:
        plain = base64.b64decode(rest.strip(), validate=True)
    except (binascii.Error, ValueError):
        return NO_USER, b""
    return _basic(plain)


def _basic(plain: bytes) -> tuple[ProxyUser, bytes]:
    first, last = plain.partition(b":"), plain.rpartition(b":")
    name, password = first[0], first[2]
    if _WITH_COLON.match(last[0].decode("ascii", "replace")):
        name, password = last[0], last[2]
    try:
        return proxy_user(name.decode()), password
    except UnicodeDecodeError:
        return NO_USER, password


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape") if len(text) <= LONGEST else b""
