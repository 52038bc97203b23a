"""``leash env``: the exports that send a shell's programs through ``leash serve``."""

import os
from pathlib import Path

import click

from leash_addon.cli import shown
from leash_addon.cli.addresses import address
from leash_addon.cli.engine import equip
from leash_addon.cli.environment import Door, check_alone, child_environment, trust_of
from leash_addon.cli.options import config_option, json_option, no_env_option, read_settings
from leash_addon.cli.say import say
from leash_addon.cli.serve import DEFAULT_LISTEN
from leash_addon.cli.session import check_run
from leash_addon.cli.shells import Shell, exported, unset
from leash_addon.config.tokens import VARIABLE
from leash_addon.proxy.bundle import write_bundle
from leash_addon.proxy.presented import NOBODY

SECURE = "https://"
NO_TLS = (
    "the proxy speaks TLS: Java, gRPC and whatever else knows only http:// proxies is refused "
    "there; curl wants its authority in the system's store, or --proxy-cacert"
)
NO_SECRET = "x"  # noqa: S105 - where nobody is asked; but an empty part stops some clients
EXAMPLES = """\b
Examples:
  eval "$(leash env)"
  eval "$(leash env --run nightly --listen 127.0.0.1:9000)"
  eval "$(leash env --listen https://gateway.corp.example:8088)"
  leash env --shell fish | source
  leash env --shell powershell | Out-String | Invoke-Expression
"""


@click.command(epilog=EXAMPLES)
@click.option(
    "--listen",
    metavar="[https://]HOST:PORT",
    default=DEFAULT_LISTEN,
    show_default=True,
    envvar="LEASH_LISTEN",
    help="Where leash serve listens; https:// when it speaks TLS, as with tls_cert here.",
)
@click.option(
    "--run",
    "run_id",
    metavar="NAME",
    envvar="LEASH_RUN",
    help="The run that calls are charged to; else X-Loop-Id, the agent's session or default.",
)
@click.option(
    "--shell",
    type=click.Choice([each.value for each in Shell]),
    default=Shell.SH.value,
    show_default=True,
    help="Write for this shell.",
)
@no_env_option
@json_option
@config_option
def env(
    *,
    listen: str,
    run_id: str | None,
    shell: str,
    no_env: tuple[str, ...],
    as_json: bool,
    config: Path | None,
) -> None:
    """Print the exports that send a shell's programs through leash serve.

    The trust files that they name are kept in ~/.leash/trust.
    """
    settings = read_settings(config)
    equipment = equip(settings)
    door = door_at(listen, run_id, tls=settings.tls_cert is not None)
    if door.tls:
        say(NO_TLS)
    files = write_bundle(settings.home / "trust", equipment.authority.root_pem, os.environ)
    before = dict(os.environ)
    after = child_environment(
        before, door, trust_of(files), governed=equipment.governed_hosts, alone=check_alone(no_env)
    )
    new = {name: value for name, value in sorted(after.items()) if before.get(name) != value}
    if as_json:
        click.echo(shown.as_json(new))
        return
    for name in sorted(set(before) - set(after)):
        click.echo(unset(Shell(shell), name))
    for name, value in new.items():
        click.echo(exported(Shell(shell), name, value))


def door_at(listen: str, run_id: str | None, *, tls: bool) -> Door:
    """Return the door of the proxy at an address, which may say that it speaks TLS."""
    tls, listen = tls or listen.startswith(SECURE), listen.removeprefix(SECURE).rstrip("/")
    host, port = address(listen)
    if tls:  # its certificate is for the name as it was written
        host = listen.rpartition(":")[0].strip("[]")
    return Door(
        host=host,
        port=port,
        run=NOBODY if run_id is None else check_run(run_id),
        secret=os.environ.get(VARIABLE) or NO_SECRET,
        tls=tls,
    )
