"""``leash untrust``: how to forget leash's root, and what is done about it here."""

import shutil
from pathlib import Path

import click

from leash_addon.cli.environment import OURS_ALONE, WHOLE_BUNDLE
from leash_addon.cli.options import config_option, read_settings
from leash_addon.cli.say import say
from leash_addon.proxy.system_trust import STORES, system_store

EXAMPLES = """\b
Examples:
  leash untrust
  sudo leash untrust --install
"""

STEPS = (
    ("the system", ("sudo leash untrust --install",)),
    (
        "a shell: the variables that `leash env` or `leash trust` set",
        tuple(
            f"unset {name}"
            for name in (*WHOLE_BUNDLE, *OURS_ALONE, "JAVA_TOOL_OPTIONS", "NODE_OPTIONS")
        ),
    ),
    ("macOS", ("sudo security delete-certificate -c 'leash root MARK'",)),
    (
        "Firefox, and Chromium on Linux",
        ("certutil -d sql:$HOME/.pki/nssdb -D -n leash",),
    ),
)


@click.command(epilog=EXAMPLES)
@click.option("--install", is_flag=True, help="Take it out of the system's trust store (root).")
@config_option
def untrust(*, install: bool, config: Path | None) -> None:
    """Delete leash's trust files and print where else its root may be trusted.

    The authority's keys stay: `leash ca rotate` replaces them, deleting ~/.leash/ca ends them.
    """
    if install:
        removed = system_store().remove()
        for path in removed:
            click.echo(path)
        say("the system no longer trusts leash's root" if removed else "the system never did")
        return
    folder = read_settings(config).home / "trust"
    if folder.is_dir():
        shutil.rmtree(folder)
        say(f"deleted {folder}")
    for path in (path for store in STORES for path in store.files if path.exists()):
        say(f"the system still trusts {path}")
    for about, lines in STEPS:
        click.echo(f"# {about}")
        for line in lines:
            click.echo(line)
