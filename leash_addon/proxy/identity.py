"""Who calls: run, user, feature and tenant, from a list of sources in the user's own order.

``proxy-user``, ``path`` and ``header:NAME`` are claims: one that is no id is an error, one that
the token does not allow is refused. ``agent-session``, ``agent-user``, ``key``, ``ip`` and
``token`` are seen, not claimed, and go by unused where the token does not allow them. The first
source that says something decides.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from leash_addon.config.settings import Settings
from leash_addon.config.sources import DEFAULT, FEATURE_FROM, RUN_FROM, TENANT_FROM, USER_FROM
from leash_addon.config.tokens import NAME, Grant
from leash_addon.proxy.identify import RUN_ID
from leash_addon.proxy.presented import NO_USER, ProxyUser
from leash_addon.wire.senders import NOBODY, Sender, session_of

LONGEST = 256
"""Characters of a tag."""

DEFAULT_RUN = "default"
HEADER = "header:"
CLAIMS = ("proxy-user", "path")


class Forbidden(ValueError):  # noqa: N818 - what the claim is
    """A claim that the bearer's token does not allow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """What is seen of a sender. ``headers``: names in lower case. ``key``: the credential's hash.

    ``sender``: as the body says; ``None`` while that has not been read. ``grant``: its token's,
    ``None`` where nobody is asked for one.
    """

    headers: Mapping[str, str]
    user: ProxyUser = NO_USER
    path_run: str = ""
    ip: str = ""
    key: str = ""
    sender: Sender | None = None
    grant: Grant | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who calls. ``run``: as the ledger knows it, "" when only the body may tell.

    ``sure``: reading the body cannot change it.
    """

    run: str
    tags: Mapping[str, str]
    sure: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The sources of each name. ``required``: a call without a run id of its own is refused."""

    run_from: Sequence[str] = RUN_FROM
    user_from: Sequence[str] = USER_FROM
    feature_from: Sequence[str] = FEATURE_FROM
    tenant_from: Sequence[str] = TENANT_FROM
    required: bool = False
    fixed: str | None = None
    _sources: Mapping[str, Sequence[str]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Lay the lists out by name."""
        runs = [each for each in self.run_from if not (self.required and each == DEFAULT)]
        sources = {
            "run": tuple(runs),
            "user": tuple(self.user_from),
            "feature": tuple(self.feature_from),
            "tenant": tuple(self.tenant_from),
        }
        object.__setattr__(self, "_sources", sources)

    @classmethod
    def of(cls, settings: Settings, *, fixed: str | None = None) -> "Identity":
        """Take what the settings say. ``fixed``: the one run that every call belongs to."""
        return cls(
            run_from=settings.run_from,
            user_from=settings.user_from,
            feature_from=settings.feature_from,
            tenant_from=settings.tenant_from,
            required=settings.require_run_id,
            fixed=fixed,
        )

    def caller(self, seen: Sighting) -> Caller:
        """Tell who calls. Raises ``ValueError`` for a claim that is none, ``Forbidden``."""
        named = {tag: self._find(tag, seen) for tag in ("user", "feature", "tenant")}
        tenant = named["tenant"]
        if tenant and NAME.fullmatch(tenant) is None:
            msg = "a tenant is 1 to 128 letters, digits or . _ : -"
            raise ValueError(msg)
        tags = {tag: value for tag, value in named.items() if value}
        tags |= {tag: value for tag, value in (("ip", seen.ip), ("key", seen.key)) if value}
        run = self.fixed or self._run(seen, tenant)
        return Caller(run=run, tags=tags, sure=self._is_sure(seen))

    def _run(self, seen: Sighting, tenant: str) -> str:
        run = self._find("run", seen)
        if not run:
            if seen.sender is None and self._asks_body("run"):
                return ""
            msg = "no run id: send the header X-Loop-Id, or a proxy user name; one is required here"
            raise ValueError(msg)
        return f"{tenant}/{run}" if tenant else run

    def _is_sure(self, seen: Sighting) -> bool:
        """Tell whether the body may still change something: a source that waits for it."""
        if seen.sender is not None:
            return True
        names = ("user", "feature", "tenant") if self.fixed else tuple(self._sources)
        return not any(self._waits(tag, seen) for tag in names)

    def _waits(self, tag: str, seen: Sighting) -> bool:
        for source in self._sources[tag]:
            if source in {"agent-session", "agent-user"} and not _said(source, tag, seen):
                return True
            if _said(source, tag, seen):
                return False
        return False

    def _asks_body(self, tag: str) -> bool:
        return not {"agent-session", "agent-user"}.isdisjoint(self._sources[tag])

    def _find(self, tag: str, seen: Sighting) -> str:
        grant = seen.grant
        for source in self._sources[tag]:
            value = _said(source, tag, seen)
            if not value:
                continue
            is_claim = source in CLAIMS or source.startswith(HEADER)
            if is_claim:
                _check(tag, value)
            if grant is None or source == DEFAULT or grant.allows(tag, value):
                return value
            if is_claim:
                msg = f"the token {grant.name} does not allow {tag} {value!r}"
                raise Forbidden(msg)
        return "" if grant is None else grant.implied(tag)


def _said(source: str, tag: str, seen: Sighting) -> str:
    if source.startswith(HEADER):
        return seen.headers.get(source.removeprefix(HEADER), "").strip()
    if source == "proxy-user":
        return seen.user.run if tag == "run" else seen.user.tags.get(tag, "")
    return _SOURCES[source](seen)


def _session(seen: Sighting) -> str:
    return session_of(seen.headers) or (seen.sender or NOBODY).session


_SOURCES: Mapping[str, Callable[[Sighting], str]] = MappingProxyType(
    {
        "path": lambda seen: seen.path_run,
        "agent-session": _session,
        "agent-user": lambda seen: (seen.sender or NOBODY).user,
        "key": lambda seen: seen.key,
        "ip": lambda seen: seen.ip.replace("%", "-"),
        "token": lambda seen: seen.grant.name if seen.grant else "",
        DEFAULT: lambda _: DEFAULT_RUN,
    }
)


def _check(tag: str, value: str) -> None:
    if tag == "run" and RUN_ID.fullmatch(value) is None:
        msg = "a run id is 1 to 128 letters, digits or . _ : -, the first of them no -"
        raise ValueError(msg)
    if len(value) > LONGEST or not value.isprintable():
        msg = f"a {tag} is up to {LONGEST} printable letters"
        raise ValueError(msg)
