"""Which servers may be reached, so that a shared proxy is not an open one.

By name: providers, and what ``passthrough`` lets through. By address: public ones only, unless
the host or its network is listed, or a provider is configured there. Names are resolved here and
the connection is made to the very addresses that were looked at, so a name that resolves otherwise
the second time gains nothing. Link-local addresses (cloud metadata) and multicast must be listed
as addresses: no name that resolves to one is let through.

``guarded`` is false for ``leash run``, whose child sits on this machine and reaches it anyway.
"""

import asyncio
import re
import socket
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any
from urllib.parse import urlsplit

from leash_addon.config.reachable import DENY, TUNNEL, Network, Passthrough
from leash_addon.config.settings import Settings
from leash_addon.wire.routes import Providers, host_pattern

type Found = tuple[Any, ...]
"""One answer of ``getaddrinfo``; its last member is the address to connect to."""

type Where = tuple[str, int]

HTTPS = 443
PLAIN_PORTS = (80, HTTPS)
"""Where requests go that need no tunnel: in absolute form, redirected, or by base URL."""

LOOKUP = 10.0
"""Seconds that a name may take to resolve."""

NAT64 = 0x0064FF9B << 96
"""64:ff9b::/96: an IPv4 address lies in the last 32 bits (RFC 6052 section 2.1)."""

UNICAST = IPv6Network("2000::/3")
"""All that is given out of IPv6 (https://www.iana.org/assignments/ipv6-address-space, 2026-11)."""

NOT_PUBLIC = (
    IPv4Network("192.0.0.0/24"),  # protocol assignments; Oracle's metadata is at .192
    IPv4Network("168.63.129.16/32"),  # Azure's WireServer, beside its metadata
    IPv6Network("3fff::/20"),  # documentation (RFC 9637)
)
"""What Python 3.12 calls global and no client has a reason to reach."""


class UnreachableError(Exception):
    """A server that may not be reached. The message names it and the setting that would let it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Decides over servers. ``upstreams``: where providers' calls are sent instead.

    ``private``: hosts and networks that are listed. ``ports``: those of CONNECT.
    """

    providers: Providers
    passthrough: Passthrough = TUNNEL
    guarded: bool = False
    ports: Sequence[int] = (HTTPS,)
    private: Sequence[Network | str] = ()
    upstreams: frozenset[Where] = frozenset()
    _through: tuple[re.Pattern[str], ...] = field(init=False, repr=False, compare=False)
    _named: tuple[re.Pattern[str], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Compile the patterns."""
        hosts = () if isinstance(self.passthrough, str) else self.passthrough
        named = [each for each in self.private if isinstance(each, str)]
        object.__setattr__(self, "_through", tuple(host_pattern(host) for host in hosts))
        object.__setattr__(self, "_named", tuple(host_pattern(host) for host in named))

    @classmethod
    def of(cls, settings: Settings, providers: Providers, *, shared: bool) -> "Reach":
        """Take what the settings say. ``shared``: the proxy serves others than its own child."""
        chosen = settings.passthrough or (DENY if shared else TUNNEL)
        urls = [settings.upstream, *(rule.upstream for rule in providers.rules)]
        return cls(
            providers=providers,
            passthrough=chosen,
            guarded=shared or chosen != TUNNEL,
            ports=settings.connect_ports,
            private=settings.allow_private,
            upstreams=frozenset(_where(url) for url in urls if url),
        )

    def why_not(self, host: str, port: int, *, connect: bool = False) -> str | None:
        """Say why a host may not be reached by name, ``None`` when it may.

        ``connect``: a CONNECT asks, which may go to few ports.
        """
        name = bare(host)
        rule = self.providers.find_host(f"{host}:{port}") or self.providers.find_host(name)
        listed = self._is_through(name, port)
        own_port = (name, port) in self.upstreams or _names_port(self.providers, name, port)
        if rule is None and not listed and not own_port and self.passthrough != TUNNEL:
            return f'{name} is no provider; passthrough = ["{name}"] would let it through'
        if not self.guarded or own_port or self._names(name, port):
            return None
        ports = self.ports if connect else tuple(sorted({*PLAIN_PORTS, *self.ports}))
        if port in ports:
            return None
        what = "CONNECT goes" if connect else "requests go"
        return f"{what} to port {_shown(ports)} only; connect_ports would add {port}"

    def _names(self, name: str, port: int) -> bool:
        """Tell whether a host was listed with this very port."""
        through = () if isinstance(self.passthrough, str) else self.passthrough
        return f"{name}:{port}" in {*through, *self.private}

    async def addresses(self, host: str, port: int) -> list[Found]:
        """Resolve a host to the addresses that may be connected to.

        Raises ``UnreachableError`` when there is none, ``OSError`` when it cannot be resolved.
        """
        name, loop = bare(host), asyncio.get_running_loop()
        async with asyncio.timeout(LOOKUP):
            found = await loop.getaddrinfo(name, port, type=socket.SOCK_STREAM)
        fit = [each for each in found if self.permits(str(each[4][0]), name, port)]
        if not fit:
            msg = f"{name} is at an address that is not public; allow_private would let it through"
            raise UnreachableError(msg)
        return fit

    def permits(self, address: str, name: str, port: int) -> bool:
        """Tell whether an address may be connected to for the sake of a host."""
        if not self.guarded or (name, port) in self.upstreams:
            return True
        ip = embedded(ip_address(address.partition("%")[0]))
        if is_public(ip):
            return True
        if any(ip in network for network in self.private if not isinstance(network, str)):
            return True
        if address == name:
            return self._is_listed(name, port)
        risky = ip.is_link_local or ip.is_multicast or ip.is_unspecified
        return not risky and self._is_listed(name, port)

    def _is_listed(self, name: str, port: int) -> bool:
        """Tell whether a host was named with its private address in mind: exactly, or as such."""
        exact = () if isinstance(self.passthrough, str) else self.passthrough
        if name in exact or f"{name}:{port}" in exact or _names_port(self.providers, name, port):
            return True
        return _fits(self._named, name, port)

    def _is_through(self, name: str, port: int) -> bool:
        return _fits(self._through, name, port)


def bare(host: str) -> str:
    """Return a host as it is compared: lower case, no brackets, no final dot."""
    return host.lower().rstrip(".").strip("[]")


def embedded(ip: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """Return the IPv4 address that one of version 6 stands for (mapped, 6to4, Teredo, NAT64)."""
    if isinstance(ip, IPv4Address):
        return ip
    if ip.ipv4_mapped is not None:
        return ip.ipv4_mapped
    if ip.sixtofour is not None:
        return ip.sixtofour
    if ip.teredo is not None:
        return ip.teredo[1]
    if int(ip) >> 32 == NAT64 >> 32:
        return IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip


def is_public(ip: IPv4Address | IPv6Address) -> bool:
    """Tell whether an address belongs to the internet at large (RFC 6890 registries)."""
    if isinstance(ip, IPv6Address) and ip not in UNICAST:
        return False
    return ip.is_global and not ip.is_multicast and not any(ip in each for each in NOT_PUBLIC)


_CHOSEN: ContextVar[tuple[Where, list[Found]] | None] = ContextVar("chosen", default=None)


def choose(host: str, port: int, found: list[Found]) -> None:
    """Let the connection that this task makes next go to these addresses and no others."""
    _CHOSEN.set(((host, port), found))


def pin_lookups(loop: asyncio.AbstractEventLoop) -> None:
    """Have the loop connect to the addresses that were chosen, instead of asking once more."""
    ask = loop.getaddrinfo

    async def getaddrinfo(host: Any, port: Any, **how: Any) -> list[Found]:  # noqa: ANN401
        chosen = _CHOSEN.get()
        if chosen is not None and chosen[0] == (host, port):
            return chosen[1]
        return await ask(host, port, **how)

    if getattr(ask, "__name__", "") == "getaddrinfo" and ask.__module__ != __name__:
        loop.getaddrinfo = getaddrinfo  # type: ignore[method-assign]


def _fits(patterns: Sequence[re.Pattern[str]], name: str, port: int) -> bool:
    return any(each.fullmatch(name) or each.fullmatch(f"{name}:{port}") for each in patterns)


def _names_port(providers: Providers, name: str, port: int) -> bool:
    """Tell whether a provider is configured on this very port of a host."""
    written = f"[{name}]:{port}" if ":" in name else f"{name}:{port}"
    return written in providers.hosts and providers.find_host(written) is not None


def _where(url: str) -> Where:
    parts = urlsplit(url)
    return bare(parts.hostname or ""), parts.port or (HTTPS if parts.scheme == "https" else 80)


def _shown(ports: Sequence[int]) -> str:
    return ", ".join(map(str, ports))
