"""The tables that settings name: providers' packs and prices."""

from leash_addon.config.packs import load_providers
from leash_addon.config.prices import Prices, load_prices
from leash_addon.config.settings import Settings
from leash_addon.wire.routes import Providers


def tables(settings: Settings) -> tuple[Providers, Prices]:
    """Load packs and prices. Raises ``UsageError`` for what is wrong in them."""
    where = settings.files[-1].name if settings.files else "leash.toml"
    return load_providers(settings.providers, where=where), load_prices(settings.prices)
