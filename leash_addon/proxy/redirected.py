"""Connections that a firewall redirects to us: who they come from, and which server they mean.

Such a client knows of no proxy, so it can present no token: a virtual key lets it in, or the
network that it comes from. The firewall tells only the address that it wanted. leash goes on by
the name that it gave instead (SNI, else Host): the name decides what is metered, so what answers
must be what leash itself finds under that name, and not whoever sits at the address.
"""

from collections.abc import Sequence
from ipaddress import ip_address

from mitmproxy.connection import Client
from mitmproxy.http import HTTPFlow
from mitmproxy.proxy.mode_specs import TransparentMode

from leash_addon.config.reachable import TUNNEL, Network
from leash_addon.config.tokens import Grant
from leash_addon.proxy.doors import Address, plain
from leash_addon.proxy.reach import Reach, bare, embedded

BY_NETWORK = Grant(name="a redirected client", digest=b"", tags={})
"""Who comes from a listed network may say which run it is, and nothing else."""


def may_come(client: Client, networks: Sequence[Network]) -> bool:
    """Tell whether a client was redirected to us from a network that needs no token."""
    if not isinstance(client.proxy_mode, TransparentMode) or not client.peername:
        return False
    ip = embedded(ip_address(str(client.peername[0]).partition("%")[0]))
    return any(ip in network for network in networks)


def listed_name(reach: Reach, name: str | None, where: Address) -> Address:
    """Return where a connection to an address leads that gives a name: there, if it is listed."""
    if not name or not _is_address(where[0]) or reach.passthrough == TUNNEL:
        return where
    named = plain(name), where[1]
    return named if reach.why_not(*named) is None else where


def go_by_name(flow: HTTPFlow, provider: str | None, reach: Reach) -> None:
    """Send a request on to the name that it is for. ``provider``: the host of one, if it is."""
    request = flow.request
    if not _is_address(request.host):
        return
    where = request.host, request.port
    named = (provider, request.port) if provider else None
    # Not by the setter of ``host``, which would rewrite the Host header.
    found = named or listed_name(reach, flow.client_conn.sni or request.pretty_host, where)
    request.data.host = found[0]


def _is_address(host: str) -> bool:
    try:
        ip_address(bare(host))
    except ValueError:
        return False
    return True
