"""Virtual keys: what stands for a provider's key in the hands of an agent, and what it may do.

An agent is given ``lsh_...``; the provider's own key stays with leash, which puts it in its place
in flight. A virtual key is for some providers, perhaps for some models only, has caps of its own
and may expire. Its account in caps is its name: the tag ``key`` of its calls.
"""

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase

from msgspec import Struct

from leash_addon.core.caps import Cap
from leash_addon.core.limits import Ceiling
from leash_addon.core.money import Instant
from leash_addon.core.scopes import Scope, Target
from leash_addon.core.windows import WindowKind

PREFIX = "lsh_"
TOKEN = re.compile(r"lsh_[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])")
"""A virtual key: 256 random bits in base64url."""

LOOKS_LIKE_ONE = re.compile(r"(?<![A-Za-z0-9])lsh_[A-Za-z0-9_.-]{8,}")
"""What may be one, whole or damaged: it is never sent on."""

NAME = re.compile(r"(?![0-9a-f]{16}$)[a-z0-9][a-z0-9._-]{0,63}")
"""Lower case, since patterns are blind to it; 16 hex digits would look like a key's hash."""


class VirtualKey(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One virtual key, without anything secret.

    ``id``: eight hex digits, for ever. ``providers``: whose hosts the provider's key is sent to.
    ``models``: globs, blind to case; none: every model. ``caps``: a ceiling by window.
    ``ends``: how the ``lsh_`` key ends, so that a person can tell it.
    """

    id: str
    name: str
    providers: tuple[str, ...]
    created_at: Instant
    models: tuple[str, ...] = ()
    caps: Mapping[WindowKind, Ceiling] = {}
    expires_at: Instant | None = None
    revoked_at: Instant | None = None
    by: str = ""
    ends: str = ""

    def why_not(self, provider: str, now: Instant) -> str | None:
        """Say why it is of no use for a provider at a moment; ``None``: it is good."""
        if self.revoked_at is not None:
            return f"the virtual key {self.name} was revoked"
        if self.expires_at is not None and self.expires_at <= now:
            return f"the virtual key {self.name} has expired"
        if provider not in self.providers:
            return f"the virtual key {self.name} is for {', '.join(self.providers)} only"
        return None

    def state(self, now: Instant) -> str:
        """Name its state in a word."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= now else "active"


class Grant(Struct, frozen=True, kw_only=True):
    """What a virtual key allows a call. ``stamp``: changes whenever the key's terms do."""

    name: str
    stamp: str
    models: tuple[str, ...] = ()
    caps: tuple[Cap, ...] = ()

    def allows(self, model: str) -> bool:
        """Tell whether it is for a model; a call that names none is for any."""
        return not self.models or any(
            fnmatchcase(model.casefold(), glob.casefold()) for glob in self.models
        )


def grant_of(key: VirtualKey, stamp: str) -> Grant:
    """Return what a good key allows."""
    return Grant(name=key.name, stamp=stamp, models=key.models, caps=caps_of(key))


def caps_of(key: VirtualKey) -> tuple[Cap, ...]:
    """Return a key's caps as the ledger counts them: on the account of its name."""
    target = Target(per=(Scope.KEY,), match={"key": key.name})
    return tuple(
        Cap(target=target, window=window, ceiling=ceiling)
        for window, ceiling in sorted(key.caps.items())
        if ceiling != Ceiling()
    )
