"""leash's own Master with nothing in leash's place but a redirect: the ground to measure from.

Usage: python trimmed.py PORT PROVIDER_PORT
"""

import asyncio
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

from mitmproxy import http

from leash_addon.proxy.ca import open_authority
from leash_addon.proxy.master import Proxy


class Redirect:
    """Sends every request to the instant provider and streams what comes back."""

    def __init__(self, port: int) -> None:
        """Take the provider's port."""
        self._port = port
        self.keys = SimpleNamespace(swaps={})

    def request(self, flow: http.HTTPFlow) -> None:
        """Rewrite the destination."""
        flow.request.scheme, flow.request.host, flow.request.port = "http", "127.0.0.1", self._port

    def responseheaders(self, flow: http.HTTPFlow) -> None:
        """Stream, as leash does."""
        if flow.response:
            flow.response.stream = True


async def main() -> None:
    """Serve until stopped."""
    port, provider = int(sys.argv[1]), int(sys.argv[2])
    with tempfile.TemporaryDirectory() as place:
        authority = open_authority(Path(place), ["api.openai.com"], datetime.now(UTC))
        async with Proxy(Redirect(provider), authority, port=port):  # type: ignore[arg-type]
            await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
