"""leash: a spend governor for AI agents, as a mitmproxy addon and an intercepting proxy."""

__version__ = "0.1.0"
