"""``leash ca``: the authority to trust, and how to know that it is the right one."""

from datetime import UTC, datetime
from pathlib import Path

import click

from leash_addon.cli import shown
from leash_addon.cli.options import config_option, json_option, read_settings
from leash_addon.config.packs import load_providers
from leash_addon.proxy.ca import open_authority
from leash_addon.proxy.hosts import authority_hosts

EXAMPLES = """\b
Examples:
  leash ca
  leash ca --path
"""


@click.command(epilog=EXAMPLES)
@click.option("--path", "only_path", is_flag=True, help="Print only the path of the certificate.")
@json_option
@config_option
def ca(*, only_path: bool, as_json: bool, config: Path | None) -> None:
    """Show the root certificate, its fingerprint and the hosts that it is bound to.

    It is made on first use. Children of `leash -- CMD` trust it without being told; other programs
    need it as a trusted root. It can sign for these hosts and no others.
    """
    settings = read_settings(config)
    hosts = authority_hosts(load_providers(settings.providers))
    authority = open_authority(settings.home / "ca", hosts, datetime.now(UTC))
    if as_json:
        click.echo(
            shown.as_json(
                {
                    "path": str(authority.root_file),
                    "fingerprint_sha256": authority.fingerprint,
                    "hosts": list(authority.names),
                }
            )
        )
    elif only_path:
        click.echo(authority.root_file)
    else:
        click.echo(f"path         {authority.root_file}")
        click.echo(f"fingerprint  SHA-256 {authority.fingerprint}")
        click.echo(f"signs for    {len(authority.names)} names and no others (--json lists them)")
    if authority.notice:
        click.echo(f"leash: {authority.notice}", err=True)
