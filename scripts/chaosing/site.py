"""A fake provider, proxies before it and their ledger: all real processes, all on loopback."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from leash_addon.ledger import Ledger, open_ledger
from scripts.chaosing.caller import PRICES
from scripts.chaosing.world import ROOT
from tests.e2e.house import House
from tests.e2e.nursery import Nursery, nursing
from tests.e2e.serving import Serving, serving
from tests.ledger.postgres_server import Server, running


@dataclass(frozen=True, kw_only=True)
class Provider:
    """A ``leash fakeprovider`` in a process of its own."""

    port: int

    @property
    def url(self) -> str:
        """Return its address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def count(self) -> int:
        """Ask how many model calls have reached it."""
        return int(httpx.get(f"{self.url}/_requests", timeout=30, trust_env=False).json()["count"])


@dataclass(frozen=True, kw_only=True)
class Site:
    """Everything that one experiment has. ``server``: of the ledger, where it is PostgreSQL."""

    house: House
    nursery: Nursery
    provider: Provider
    server: Server | None = None

    @property
    def db(self) -> Path | str:
        """Say where the ledger is."""
        return self.house.db if self.server is None else self.server.url()

    async def serve(self, *flags: str, config: str = "") -> Serving:
        """Start one more proxy; ``config`` is its leash.toml."""
        file = self.house.root / "leash.toml"
        if not file.exists():
            file.write_text(config)
        return await serving(self.house, self.nursery, "--config", str(file), *flags)

    def ledger(self) -> Ledger:
        """Open the ledger."""
        return open_ledger(self.db)


@contextmanager
def site(*, postgres: bool = False, durable: bool = False) -> Iterator[Site]:
    """Build one in a folder that goes away. ``durable``: PostgreSQL waits for its disk."""
    with ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="leash-chaos-")))
        server = stack.enter_context(running(durable=durable)) if postgres else None
        provider = stack.enter_context(_providing(root))
        prices = root / "prices.json"
        prices.write_text(json.dumps(PRICES))
        extra = {"LEASH_UPSTREAM": provider.url, "LEASH_PRICES": str(prices)}
        if server is not None:
            extra["LEASH_DB"] = server.url()
        house = House(root=root, extra=extra)
        nursery = stack.enter_context(nursing())
        yield Site(house=house, nursery=nursery, provider=provider, server=server)


@contextmanager
def _providing(root: Path) -> Iterator[Provider]:
    words = [sys.executable, "-m", "leash_addon", "fakeprovider", "--port", "0"]
    environment = {"HOME": str(root), "PATH": os.defpath}
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment
    ) as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        try:
            yield Provider(port=int(said.rpartition(":")[2]))
        finally:
            process.terminate()
