"""``leash run`` (also ``leash [flags] -- CMD``): govern one command."""

import asyncio
import os
from pathlib import Path

import click

from leash_addon.cli.environment import check_alone
from leash_addon.cli.jail import WAYS, closed, walls_of, way_in
from leash_addon.cli.options import no_env_option, read_settings, settings_options
from leash_addon.cli.session import Order, check_run, govern

EXAMPLES = """\b
Examples:
  leash -- python my_agent.py
  leash --max-cost 5 --deadline 15m --compute-rate 4 -- python my_agent.py
  leash --run nightly --max-calls 500 -- claude -p "fix the tests"
  leash --run nightly -- claude          (continues the account)

Without any limit the run may cost $5.00.

Exit codes: the command's own; 2 usage or configuration; 3 stopped or killed; 4 a success that
--require-coverage does not accept; 125 leash failed;
126 and 127 as the shell; 128+n when a signal ended the command.
"""


@click.command(
    epilog=EXAMPLES,
    context_settings={"ignore_unknown_options": False, "allow_interspersed_args": False},
)
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
@click.option(
    "--run", "run_id", metavar="NAME", envvar="LEASH_RUN", help="Continue or name an account."
)
@no_env_option
@click.option(
    "--require-coverage",
    is_flag=True,
    envvar="LEASH_REQUIRE_COVERAGE",
    help="Exit with 4 when CMD succeeds but something to a provider went unmetered.",
)
@click.option(
    "--jail",
    is_flag=True,
    envvar="LEASH_JAIL",
    help="Give CMD a network with nothing but leash (Linux).",
)
@click.option(
    "--jail-by",
    type=click.Choice(WAYS),
    envvar="LEASH_JAIL_BY",
    help="How: namespaces of leash's own, or bubblewrap's; default: what works.",
)
@settings_options
@click.pass_context
def run(
    ctx: click.Context,
    /,
    command: tuple[str, ...],
    *,
    run_id: str | None,
    no_env: tuple[str, ...],
    require_coverage: bool,
    jail: bool,
    jail_by: str | None,
    config: Path | None,
    **flags: str | None,
) -> None:
    """Run CMD with its model calls metered, and refused once a limit is reached.

    Everything after the first -- belongs to CMD. A model server on this machine (localhost) is
    not governed unless leash.toml names it under [providers].
    """
    settings, way = read_settings(config, **flags), None
    if jail or jail_by:
        settings = closed(settings)
        way = way_in(jail_by, walls_of(settings, Path.cwd()))
    order = Order(
        settings=settings,
        command=command,
        run=None if run_id is None else check_run(run_id),
        environ=dict(os.environ),
        alone=check_alone(no_env),
        require_coverage=require_coverage,
        jail=way,
    )
    ctx.exit(asyncio.run(govern(order)))
