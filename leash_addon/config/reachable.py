"""Reads what may be reached, and who stands between: hosts, ports and networks."""

import re
from ipaddress import IPv4Network, IPv6Network, ip_network

from leash_addon.config.sources import texts

DENY = "deny"
TUNNEL = "tunnel"

type Network = IPv4Network | IPv6Network
type Passthrough = str | tuple[str, ...]
"""``deny``, ``tunnel``, or the hosts that may be reached beside the providers'."""

_HOST = re.compile(r"(?:\[[0-9a-f:.]+\]|[a-z0-9*_-]+(?:\.[a-z0-9*_-]+)*)(?::[0-9]{1,5})?")


def passthrough(value: object) -> Passthrough:
    """Read ``deny``, ``tunnel`` or a list of hosts."""
    found = texts(value)
    if found in {(DENY,), (TUNNEL,)}:
        return found[0]
    if not found or DENY in found or TUNNEL in found:
        msg = f"{value!r} is neither deny, tunnel nor a list of hosts"
        raise ValueError(msg)
    return tuple(_host(each) for each in found)


def private_hosts(value: object) -> tuple[Network | str, ...]:
    """Read hosts and networks that may be reached although they are not public."""
    return tuple(_network(each) or _host(each) for each in texts(value))


def networks(value: object) -> tuple[Network, ...]:
    """Read addresses and networks."""
    found = []
    for each in texts(value):
        network = _network(each)
        if network is None:
            msg = f"{each!r} is no address or network; write for example 10.0.0.0/8"
            raise ValueError(msg)
        found.append(network)
    return tuple(found)


def ports(value: object) -> tuple[int, ...]:
    """Read port numbers, from a list or joined by commas."""
    parts = value.split(",") if isinstance(value, str) else value
    if isinstance(parts, int) and not isinstance(parts, bool):
        parts = [parts]
    found = [str(part).strip() for part in parts] if isinstance(parts, list | tuple) else []
    if not found or not all(each.isascii() and each.isdigit() for each in found):
        msg = f"{value!r} is no list of ports; write for example [443, 8443]"
        raise ValueError(msg)
    if not all(1 <= int(each) <= 65535 for each in found):  # noqa: PLR2004 - the last port
        msg = f"{value!r}: ports are 1 to 65535"
        raise ValueError(msg)
    return tuple(dict.fromkeys(int(each) for each in found))


def _network(text: str) -> Network | None:
    try:
        return ip_network(text.strip("[]"), strict=False)
    except ValueError:
        return None


def _host(text: str) -> str:
    if _HOST.fullmatch(text) is None and _network(text) is None:
        msg = f"{text!r} is no host; write for example git.example.com, *.example.com or host:8443"
        raise ValueError(msg)
    return text
