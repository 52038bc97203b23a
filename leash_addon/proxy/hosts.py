"""Which hosts leash's certificate authority is made for."""

from leash_addon.wire.routes import Providers


def authority_hosts(providers: Providers) -> tuple[str, ...]:
    """Return every host and host pattern of the packs; addresses among them get no leaf."""
    return (*providers.hosts, *providers.patterns)
