"""Flags that commands share: the settings, the ledger, the configuration file, ``--json``."""

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from leash_addon.config.load import load
from leash_addon.config.settings import KEYS, Key, Settings
from leash_addon.core.database_url import DatabaseUrl
from leash_addon.core.money import Instant
from leash_addon.errors import UsageError
from leash_addon.ledger import Ledger, open_ledger

if TYPE_CHECKING:
    from leash_addon.cli.remote import Source

type Command = Callable[..., Any]

SWITCHES = frozenset(
    {"no_inject", "count_imputed", "holds_clamp", "require_run_id", "cut", "stall_mask"}
)


def settings_options(command: Command) -> Command:
    """Give a command one flag per setting, in the order of the table, and ``--config``."""
    return _with_options(command, [key for key in KEYS if not key.listener])


def serving_options(command: Command) -> Command:
    """Give a command that listens for others the flags of its port, too."""
    return _with_options(command, KEYS)


def _with_options(command: Command, keys: Sequence[Key]) -> Command:
    for key in reversed(keys):
        command = _option(key)(command)
    return config_option(command)


def _option(key: Key) -> Callable[[Command], Command]:
    # The variables are read by config.load, which names them in its errors.
    if key.flat in SWITCHES:
        return click.option(key.flag, key.flat, flag_value="true", default=None, help=key.about)
    return click.option(key.flag, key.flat, metavar=key.example, help=key.about)


def config_option(command: Command) -> Command:
    """Give a command ``--config FILE``."""
    return click.option(
        "--config",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="The configuration; default ./leash.toml, then ~/.config/leash/leash.toml.",
    )(command)


def ledger_options(command: Command) -> Command:
    """Give a command that reads the ledger ``--db`` and ``--config``."""
    option = click.option("--db", metavar="FILE|URL", help="The ledger; default ~/.leash/leash.db.")
    return option(config_option(command))


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")

no_env_option = click.option(
    "--no-env",
    metavar="NAME",
    multiple=True,
    help="Leave this variable of the environment as it is; may be given again.",
)


def read_settings(config: Path | None, **flags: object) -> Settings:
    """Merge files, environment and these flags. Raises ``UsageError``."""
    return load(env=os.environ, cwd=Path.cwd(), home=Path.home(), flags=flags, config=config)


def open_source(config: Path | None, db: str | None) -> "Source":
    """Open the ledger, or speak to the one that ``--remote`` names."""
    context = click.get_current_context(silent=True)
    remote = context.find_root().obj if context else None
    return open_existing(config, db) if remote is None else remote


def open_existing(config: Path | None, db: str | None) -> Ledger:
    """Open the ledger to read or change it; one that is not there is an error, not made anew."""
    place = read_settings(config, db=db).db
    if not is_there(place):
        msg = f"{place}: no ledger there yet; `leash -- CMD` makes one, --db names another"
        raise UsageError(msg)
    return open_ledger(place)


def is_there(place: Path | DatabaseUrl) -> bool:
    """Tell whether there may be a ledger; a server is asked when it is opened."""
    return isinstance(place, DatabaseUrl) or place.exists()


def now() -> Instant:
    """Return the present moment."""
    return Instant(time.time_ns() // 1000)


def who() -> str:
    """Name the person at the keyboard, for the record."""
    return os.environ.get("SUDO_USER") or os.environ.get("USER") or f"uid {os.getuid()}"
