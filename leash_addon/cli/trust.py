"""``leash trust``: what each runtime needs to trust leash's root."""

import os
import shlex
from datetime import UTC, datetime
from pathlib import Path

import click

from leash_addon.cli import shown
from leash_addon.cli.ca import hosts_of
from leash_addon.cli.environment import OURS_ALONE, WHOLE_BUNDLE
from leash_addon.cli.options import config_option, json_option, read_settings
from leash_addon.cli.say import say
from leash_addon.config.settings import Settings
from leash_addon.proxy.bundle import Bundle, write_bundle
from leash_addon.proxy.ca import Authority, open_authority
from leash_addon.proxy.ca_files import pem_of
from leash_addon.proxy.system_trust import system_store

KEYCHAIN = "/Library/Keychains/System.keychain"
EXAMPLES = """\b
Examples:
  leash trust
  sudo leash trust --install --home ~/.leash
  leash untrust
"""
home_option = click.option(
    "--home",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="FOLDER",
    help="leash's folder, where root is another user; default ~/.leash.",
)


@click.command(epilog=EXAMPLES)
@click.option("--install", is_flag=True, help="Put it into the system's trust store (Linux, root).")
@home_option
@json_option
@config_option
def trust(*, install: bool, home: Path | None, as_json: bool, config: Path | None) -> None:
    """Print what each runtime needs to trust leash's root; --install does it for the system.

    Children of `leash -- CMD` have all of this already. No single setting serves every program:
    most take the system's store, some a variable, Java and browsers their own.
    """
    settings = read_settings(config)
    if install:
        _install(home or settings.home)
        return
    authority = open_authority(settings.home / "ca", hosts_of(settings), datetime.now(UTC))
    files = write_bundle(settings.home / "trust", authority.root_pem, os.environ)
    if as_json:
        click.echo(shown.as_json(_shown(settings, authority, files)))
        return
    click.echo(f"# SHA-256 {authority.fingerprint}")
    for about, lines in _runtimes(authority, files).items():
        click.echo(f"\n# {about}")
        for line in lines:
            click.echo(line)


def _install(home: Path) -> None:
    roots = [home / "ca" / "root.pem", home / "ca" / "next-root.pem"]
    there = [path.read_bytes() for path in roots if path.is_file()]
    if not there:
        msg = f"{roots[0]}: not there; `leash ca` makes it, --home names another folder"
        raise click.UsageError(msg)
    for path in system_store().install(there):
        click.echo(path)
    say("the system trusts leash's root; `leash untrust --install` takes it out again")


def _runtimes(authority: Authority, files: Bundle) -> dict[str, list[str]]:
    root = authority.root_file
    java = (
        f"-Djavax.net.ssl.trustStore={files.truststore} -Djavax.net.ssl.trustStoreType=PKCS12 "
        f"-Djavax.net.ssl.trustStorePassword={files.truststore_password}"
    )
    return {
        "the system (Go, curl, git, most programs on Linux)": [
            f"sudo leash trust --install --home {root.parent.parent}"
        ],
        "Python, curl, AWS, git, Rust, gRPC: a bundle of the system's roots and leash's": [
            f"export {name}={files.bundle}" for name in WHOLE_BUNDLE
        ],
        "Node and Deno: added to their own": [f"export {name}={files.root}" for name in OURS_ALONE],
        "Java": [
            f"export JAVA_TOOL_OPTIONS={shlex.quote(java)}",
        ],
        "macOS": [
            f"sudo security add-trusted-cert -d -r trustRoot -k {KEYCHAIN} {root}",
        ],
        "Firefox, and Chromium on Linux (libnss3-tools)": [
            f"certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n leash -i {root}"
        ],
        "a container image (Debian, Ubuntu, Alpine)": [
            "COPY root.pem /usr/local/share/ca-certificates/leash-root.crt",
            "RUN update-ca-certificates",
        ],
        "another machine: through the proxy, compared with the fingerprint above": [
            "curl -x http://RUN:TOKEN@HOST:8088 http://mitm.it/cert/pem -o leash-root.pem"
        ],
    }


def _shown(settings: Settings, authority: Authority, files: Bundle) -> shown.Shown:
    return {
        "root": str(authority.root_file),
        "fingerprint_sha256": authority.fingerprint,
        "certificate": pem_of(authority.root).decode(),
        "folder": str(settings.home / "trust"),
        "variables": dict.fromkeys(WHOLE_BUNDLE, str(files.bundle))
        | dict.fromkeys(OURS_ALONE, str(files.root)),
    }
