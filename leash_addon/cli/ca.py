"""``leash ca``: the authority to trust, how to know that it is the right one, and its renewal."""

from datetime import UTC, datetime
from pathlib import Path

import click

from leash_addon.cli import shown
from leash_addon.cli.options import config_option, json_option, read_settings
from leash_addon.cli.say import say
from leash_addon.config.packs import load_providers
from leash_addon.config.settings import Settings
from leash_addon.proxy.ca import Authority, fingerprint_of, finish, open_authority
from leash_addon.proxy.ca import rotate as begin
from leash_addon.proxy.hosts import authority_hosts
from leash_addon.proxy.secret import open_secret

EXAMPLES = """\b
Examples:
  leash ca
  leash ca --path
  leash ca rotate             # makes the next root; every bundle carries both
  leash ca rotate --finish    # once everyone trusts it: signs with it from now on
"""


@click.group(invoke_without_command=True, epilog=EXAMPLES)
@click.option("--path", "only_path", is_flag=True, help="Print only the path of the certificate.")
@json_option
@config_option
@click.pass_context
def ca(ctx: click.Context, /, *, only_path: bool, as_json: bool, config: Path | None) -> None:
    """Show the root certificate, its fingerprint and the hosts that it is bound to.

    It is made on first use. Children of `leash -- CMD` trust it without being told; other programs
    need it as a trusted root (`leash trust`). It can sign for these hosts and no others.
    """
    if ctx.invoked_subcommand is not None:
        return
    settings = read_settings(config)
    authority = open_authority(settings.home / "ca", hosts_of(settings), datetime.now(UTC))
    open_secret(settings.home)  # replicas share both, so whoever copies the one finds the other
    if as_json:
        click.echo(shown.as_json(_shown(authority)))
    elif only_path:
        click.echo(authority.root_file)
    else:
        click.echo(f"path         {authority.root_file}")
        click.echo(f"fingerprint  SHA-256 {authority.fingerprint}")
        click.echo(f"ends         {authority.root.not_valid_after_utc:%Y-%m-%d}")
        click.echo(f"signs for    {len(authority.names)} names and no others (--json lists them)")
        if authority.coming is not None:
            click.echo(f"next         {authority.next_file}")
            click.echo(f"             SHA-256 {fingerprint_of(authority.coming)}")
    if authority.notice:
        say(authority.notice)


@ca.command(epilog=EXAMPLES)
@click.option("--finish", "at_once", is_flag=True, help="Sign with the next root from now on.")
@config_option
def rotate(*, at_once: bool, config: Path | None) -> None:
    """Bring in a new root, in two steps: make it, then (--finish) sign with it.

    Between the two every bundle of leash carries both, and clients elsewhere have the time to
    trust the next one. After a theft do both at once.
    """
    settings = read_settings(config)
    directory, hosts, now = settings.home / "ca", hosts_of(settings), datetime.now(UTC)
    if at_once:
        made = finish(directory, hosts, now)
        if made.notice:
            say(made.notice)
        click.echo(f"fingerprint  SHA-256 {made.fingerprint}")
        say(
            "the new root signs from now on; restart leash serve. Whoever trusts only the old one "
            f"must trust {made.root_file}; `leash untrust` says how to forget the old"
        )
        return
    made = begin(directory, hosts, now)
    if made.coming is not None:
        click.echo(f"next         {made.next_file}")
        click.echo(f"fingerprint  SHA-256 {fingerprint_of(made.coming)}")
    say(
        f"wherever {made.root_file.name} is trusted, {made.next_file} must be trusted too (`leash "
        "trust`; http://mitm.it/ offers both after a restart); then `leash ca rotate --finish`"
    )


def hosts_of(settings: Settings) -> tuple[str, ...]:
    """Return the hosts and patterns that the authority is for."""
    where = settings.files[-1].name if settings.files else "leash.toml"
    return authority_hosts(load_providers(settings.providers, where=where))


def _shown(authority: Authority) -> shown.Shown:
    found: shown.Shown = {
        "path": str(authority.root_file),
        "fingerprint_sha256": authority.fingerprint,
        "hosts": list(authority.names),
    }
    if authority.coming is not None:
        found = {
            **found,
            "next_path": str(authority.next_file),
            "next_fingerprint_sha256": fingerprint_of(authority.coming),
        }
    return found
