"""Whose host it is, and what a path of that host means: a format, free, or blind.

Hosts are exact names or patterns in which ``*`` stands for any letters but a dot. Path rules are
``METHOD pattern``: ``*`` stays inside a segment, ``**`` crosses segments, ``{model}`` captures the
model's name. The first rule that matches decides; a request that none matches is free when its
method only reads, and else blind: never free because it is not known.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Final
from urllib.parse import unquote

READING: Final = frozenset({"GET", "HEAD", "OPTIONS", "DELETE", "CONNECT", "TRACE"})
"""Methods that cannot make a bill unless a rule says so."""

FREE: Final = "free"
BLIND: Final = "blind"
TOKENS: Final = re.compile(r"(\*\*|\*|\{model\})")
MEANING: Final = {"**": ".*", "*": "[^/]*", "{model}": "(?P<model>.+?)"}


class Upgrade(StrEnum):
    """What a WebSocket meets: a meter, where its format is known; 426; or a refusal."""

    METER = "meter"
    DOWNGRADE = "downgrade"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """What one request is. ``format`` ``None`` and not ``free``: a blind call.

    ``model``: as the URL names it. ``dialect``: whose differences the format has to undo.
    """

    provider: str
    format: str | None = None
    free: bool = False
    model: str | None = None
    dialect: str = ""


@dataclass(frozen=True, slots=True)
class PathRule:
    """One line of a pack. ``meaning``: a format, ``free`` or ``blind``."""

    method: str
    path: re.Pattern[str]
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderRule:
    """One provider: its hosts (exact and patterns), its path rules, and where its calls are sent.

    ``elsewhere``: what an unlisted writing request means, ``blind`` or ``free`` (hosts that serve
    more than models). ``imputed``: a subscription pays, so dollars are imputed. ``upstream``: the
    base URL of another server that takes the calls. ``websocket``: what an upgrade meets; ``None``:
    what the settings say.
    """

    name: str
    hosts: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    rules: tuple[PathRule, ...] = ()
    dialect: str = ""
    elsewhere: str = BLIND
    imputed: bool = False
    upstream: str | None = None
    websocket: Upgrade | None = None

    def route(self, method: str, path: str) -> Route:
        """Say what a request for a path (with or without its query) is.

        One that is free only as it is written, and not as a server may read it (``/free/../paid``,
        ``/a//b``), is blind.
        """
        method, path = method.upper(), path.partition("?")[0].partition("#")[0]
        found = self._read(method, path)
        if found.free and method not in READING and (other := resolved(path)) != path:
            return found if self._read(method, other).free else self._as(BLIND, None)
        return found

    def _read(self, method: str, path: str) -> Route:
        for rule in self.rules:
            if rule.method in {method, "*"} and (found := rule.path.fullmatch(path)):
                return self._as(rule.meaning, _model(found))
        if method in READING or self.elsewhere == FREE:
            return self._as(FREE, None)
        return self._as(BLIND, None)

    def _as(self, meaning: str, model: str | None) -> Route:
        free = meaning == FREE
        named = None if free or meaning == BLIND else meaning
        return Route(provider=self.name, format=named, free=free, model=model, dialect=self.dialect)


@dataclass(frozen=True, slots=True, kw_only=True)
class Providers:
    """All providers that are metered. ``leave_alone``: hosts that are tunnelled all the same.

    ``anywhere``: path rules that read a call by its path alone, for servers that nobody named.
    """

    rules: tuple[ProviderRule, ...] = ()
    leave_alone: tuple[str, ...] = ()
    anywhere: ProviderRule = field(default_factory=lambda: ProviderRule(name="unknown"))
    _exact: Mapping[str, ProviderRule] = field(init=False, repr=False, compare=False)
    _patterns: Sequence[tuple[re.Pattern[str], ProviderRule]] = field(
        init=False, repr=False, compare=False
    )
    _not: Sequence[re.Pattern[str]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Index the hosts; where two providers name one, the first wins."""
        exact: dict[str, ProviderRule] = {}
        patterns: list[tuple[re.Pattern[str], ProviderRule]] = []
        for rule in self.rules:
            for host in rule.hosts:
                exact.setdefault(host, rule)
            patterns += [(host_pattern(pattern), rule) for pattern in rule.patterns]
        object.__setattr__(self, "_exact", exact)
        object.__setattr__(self, "_patterns", tuple(patterns))
        object.__setattr__(self, "_not", tuple(host_pattern(host) for host in self.leave_alone))

    def become(self, other: "Providers") -> None:
        """Take over what another one holds, for everyone who has this one: packs were reloaded."""
        for each in fields(self):
            object.__setattr__(self, each.name, getattr(other, each.name))

    @property
    def hosts(self) -> tuple[str, ...]:
        """Every exact host, some with a port."""
        return tuple(self._exact)

    @property
    def patterns(self) -> tuple[str, ...]:
        """Every host pattern."""
        return tuple(pattern for rule in self.rules for pattern in rule.patterns)

    def find(self, name: str) -> ProviderRule | None:
        """Return the provider of this name."""
        return next((rule for rule in self.rules if rule.name == name), None)

    def find_host(self, host: str) -> ProviderRule | None:
        """Return whose host (``name`` or ``name:port``) it is; ``None``: nobody's, tunnel it."""
        host = host.lower()
        name = _without_port(host).rstrip(".")
        if any(pattern.fullmatch(name) for pattern in self._not):
            return None
        found = self._exact.get(host) or self._exact.get(name)
        if found is not None:
            return found
        return next((rule for pattern, rule in self._patterns if pattern.fullmatch(name)), None)

    def route(self, method: str, host: str, path: str) -> Route | None:
        """Say what a request is; ``None``: the host is nobody's."""
        rule = self.find_host(host)
        return None if rule is None else rule.route(method, path)

    def guess(self, method: str, path: str) -> Route | None:
        """Say what a call to an unnamed server is by its path; ``None`` if that says nothing."""
        route = self.anywhere.route(method, path)
        return None if route.format is None else route


def compile_rule(line: str, meaning: str) -> PathRule:
    """Compile ``"POST **/chat/completions"``. Raises ValueError for a line of another shape."""
    method, _, pattern = line.partition(" ")
    if not pattern.startswith(("/", "**")) or not (method.isupper() or method == "*"):
        message = f"{line!r}: write a method and a path, as in 'POST /v1/chat/completions'"
        raise ValueError(message)
    return PathRule(method, re.compile(_regex(pattern), re.DOTALL), meaning)


def host_pattern(pattern: str) -> re.Pattern[str]:
    """Compile a host pattern: ``*`` is one or more characters of one label."""
    return re.compile("[^.]+".join(re.escape(part) for part in pattern.lower().split("*")))


def resolved(path: str) -> str:
    """Return a path as a lenient server reads it: decoded, without empty and dot segments."""
    kept: list[str] = []
    for segment in unquote(path).replace("\\", "/").split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment not in {"", "."}:
            kept.append(segment)
    return "/" + "/".join(kept)


def _regex(pattern: str) -> str:
    pieces = TOKENS.split(pattern)
    return "".join(MEANING.get(piece) or re.escape(piece) for piece in pieces)


def _model(found: re.Match[str]) -> str | None:
    captured = found.groupdict().get("model")
    return unquote(captured) if captured else None


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() and "]" not in port else host
