"""``leash doctor``: will programs be governed here, and if not, why."""

import asyncio
import os
import secrets
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import click

from leash_addon.cli import shown
from leash_addon.cli.checkup import checked
from leash_addon.cli.engine import Engine, Equipment, equip, proxying, writing
from leash_addon.cli.environment import Door, child_environment
from leash_addon.cli.fakeprovider import FakeProvider, Script
from leash_addon.cli.known import told
from leash_addon.cli.options import config_option, json_option, read_settings
from leash_addon.cli.probes import PROBES, Found, tried, version_of
from leash_addon.cli.tables import print_table
from leash_addon.cli.troubles import quiet
from leash_addon.config.settings import NO_PROVIDERS
from leash_addon.core.limits import Limits
from leash_addon.proxy.clients import load_clients
from leash_addon.proxy.policy import Policy

RUN = "doctor"
COLUMNS = (("CHECK", False), ("", False), ("WHY", False))
EXAMPLES = """\b
Examples:
  leash doctor
  leash doctor -- claude
  leash doctor --json

Exit codes: 0 when nothing failed, 1 when something did.
"""


@click.command(epilog=EXAMPLES)
@click.argument("program", nargs=-1, type=click.UNPROCESSED)
@json_option
@config_option
@click.pass_context
def doctor(
    ctx: click.Context, /, *, program: tuple[str, ...], as_json: bool, config: Path | None
) -> None:
    """Check this machine, then let a small program in each language call a fake provider.

    With a PROGRAM its version is asked for and what is known of it is told. Nothing goes to the
    network and nothing is booked in your ledger.
    """
    equipment = equip(read_settings(config))
    found = asyncio.run(examined(equipment, dict(os.environ), program[0] if program else None))
    if as_json:
        rows = [{"check": one.name, "verdict": one.verdict, "why": one.why} for one in found]
        click.echo(shown.as_json(rows))
    else:
        print_table(COLUMNS, [(one.name, one.verdict, one.why) for one in found])
    ctx.exit(1 if any(one.verdict == "fail" for one in found) else 0)


async def examined(
    equipment: Equipment, environ: dict[str, str], program: str | None
) -> list[Found]:
    """Return everything that was found."""
    with quiet() as troubles, tempfile.TemporaryDirectory(prefix="leash-doctor-") as name:
        folder = Path(name)
        found = list(checked(equipment, environ, folder))
        async with staged(equipment, environ, folder) as (engine, env):
            seen = engine.addon.coverage
            found += [await tried(probe, env, folder, seen) for probe in PROBES]
            if program is not None:
                found += await _program(program, env)
    return found + [Found(name="leash", verdict="fail", why=line) for line in troubles.lines()]


@asynccontextmanager
async def staged(
    equipment: Equipment, environ: dict[str, str], folder: Path
) -> AsyncIterator[tuple[Engine, Mapping[str, str]]]:
    """Run a proxy before a fake provider, with a ledger that goes away; yield a child's room."""
    async with FakeProvider(Script()) as fake:
        settings = replace(
            equipment.settings,
            db=folder / "doctor.db",
            limits=Limits(),
            caps=(),
            rates=(),
            providers=NO_PROVIDERS,
            upstream=f"http://127.0.0.1:{fake.port}",
        )
        stage = replace(equipment, settings=settings)
        async with writing(settings) as (_, writer):
            await writer.start_run(RUN, Limits(), prices=equipment.prices.describe())
            policy = Policy.of(settings, run=RUN)
            async with proxying(stage, writer, policy, environ) as engine:
                door = Door(
                    host="127.0.0.1", port=engine.port, run=RUN, secret=secrets.token_hex(16)
                )
                yield engine, child_environment(environ, door, engine.trust)


async def _program(program: str, env: Mapping[str, str]) -> list[Found]:
    version = await version_of(program, env)
    if version is None:
        return [Found(name=program, verdict="fail", why="it is not on the PATH")]
    return [
        Found(name=program, verdict="ok", why=version),
        *told(Path(program).name, load_clients()),
    ]
