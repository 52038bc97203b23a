"""Which connections are opened up, which are tunnelled, and which are refused at the door.

A connection is intercepted when its CONNECT host *or* its SNI is a provider's; when both are
named and differ it is refused, else ``CONNECT api.openai.com`` with another SNI would pass
unmetered. That also catches an encrypted hello: its outer name is its front's, not the
provider's. An ECH extension beside the provider's own name is what some TLS stacks send as
grease, and is harmless, because the handshake then ends here.
"""

from enum import Enum

from leash_addon.wire.routes import Providers

type Address = tuple[str, int]

HTTPS = 443


class Door(Enum):
    """What is done with a TLS connection."""

    INTERCEPT = "intercept"
    TUNNEL = "tunnel"
    REFUSE = "refuse"


def door(
    providers: Providers, sni: str | None, *, connect: Address | None, address: Address | None
) -> Door:
    """Decide over a TLS hello.

    ``connect``: what the client's CONNECT named; ``address``: where the connection leads, which
    is all that is known without a CONNECT (transparent and reverse modes).
    """
    port = (connect or address or ("", HTTPS))[1]
    name = plain(sni) if sni else None
    host = plain((connect or address or ("", 0))[0])
    if not any(each and is_provider(providers, each, port) for each in (host, name)):
        return Door.TUNNEL
    if connect and name and host != name:
        return Door.REFUSE
    return Door.INTERCEPT


def is_provider(providers: Providers, host: str, port: int) -> bool:
    """Tell whether a host is a provider's; some are named with their port."""
    return providers.find_host(f"{host}:{port}") is not None


def plain(host: str) -> str:
    """Return a host name as it is compared."""
    return host.lower().rstrip(".")
