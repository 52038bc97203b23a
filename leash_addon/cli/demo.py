"""``leash demo``: a runaway loop meets a budget, with no key and no network."""

import asyncio
import os
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import click
import msgspec

from leash_addon.cli.engine import rng
from leash_addon.cli.fakeprovider import FakeProvider, Script
from leash_addon.cli.options import ledger_options, now, read_settings
from leash_addon.cli.ps import print_runs
from leash_addon.cli.session import Order, govern
from leash_addon.config.settings import NO_PROVIDERS, Settings
from leash_addon.core.limits import Limits
from leash_addon.core.money import usd
from leash_addon.ledger import open_ledger

BUDGET = usd("0.10")
SCRIPT = Script(input_tokens=2_000, output_tokens=2_000)
"""Two and a half cents a call, at the demo's own prices."""

PRICES = {"gpt-4o": {"input": 2.5, "output": 10}}
AGENT = Path(__file__).with_name("demo_agent.py")


@click.command(epilog="\b\nExample:\n  leash demo")
@ledger_options
@click.pass_context
def demo(ctx: click.Context, /, *, config: Path | None, db: str | None) -> None:
    """Watch a ten-call loop meet a budget of $0.10, at 2.5 cents a call.

    A fake provider answers on loopback; the calls go through real TLS interception. The run is
    booked in your ledger, so that leash ps and leash inspect have something to show.
    The exit code is 3, as for every stopped run.
    """
    settings = read_settings(config, db=db)
    with open_ledger(settings.db) as ledger:
        run = ledger.new_run_id(rng())
    code = asyncio.run(_demo(settings, run))
    click.echo("\n$ leash ps")
    with open_ledger(settings.db) as ledger:
        print_runs([ledger.standing(run, now())], now())
    ctx.exit(code)


async def _demo(settings: Settings, run: str) -> int:
    with tempfile.TemporaryDirectory(prefix="leash-demo-") as folder:
        prices = Path(folder) / "demo.json"
        prices.write_bytes(msgspec.json.encode(PRICES))
        async with FakeProvider(SCRIPT) as fake:
            staged = replace(
                settings,
                limits=Limits(max_cost=BUDGET),
                given=frozenset({"max_cost"}),
                prices=prices,
                providers=NO_PROVIDERS,
                upstream=f"http://127.0.0.1:{fake.port}",
            )
            command = (sys.executable, str(AGENT))
            order = Order(settings=staged, command=command, run=run, environ=dict(os.environ))
            return await govern(order)
