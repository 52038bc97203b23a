"""A provider for demos and tests: the formats that agents use, no model, no key, no network."""

from leash_addon.cli.fakeprovider.script import Script
from leash_addon.cli.fakeprovider.server import FakeProvider

__all__ = ["FakeProvider", "Script"]
