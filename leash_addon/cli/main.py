"""The ``leash`` command: finds the command that is meant, and turns errors into exit codes.

0 and the wrapped command's own codes; 2 usage or configuration; 3 stopped or killed; 125 leash
failed; 126, 127 and 128+n as a shell gives them. Never a traceback.
"""

import os
import signal
import sys
import traceback
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Final

import click

from leash_addon.cli.say import say
from leash_addon.errors import LeashError, UsageError

USAGE: Final = 2
FAILED: Final = 125

COMMANDS: Mapping[str, str] = MappingProxyType(
    {
        "run": "run",
        "serve": "serve",
        "ps": "ps",
        "top": "top",
        "inspect": "inspect_",
        "findings": "findings",
        "kill": "kill",
        "raise": "raise_",
        "caps": "caps",
        "fsck": "fsck",
        "backup": "backup",
        "prune": "prune",
        "simulate": "simulate",
        "rules": "rules",
        "audit": "audit",
        "addon": "addon",
        "ca": "ca",
        "trust": "trust",
        "untrust": "untrust",
        "keys": "keys",
        "env": "env",
        "gen-token": "gen_token",
        "init": "init",
        "set": "set_",
        "fakeprovider": "fake",
        "demo": "demo",
        "doctor": "doctor",
        "healthcheck": "healthcheck",
        "version": "version",
    }
)
"""Module of each command; loaded when asked for, so that ``leash ps`` loads no proxy."""

ATTRIBUTES: Mapping[str, str] = MappingProxyType(
    {"raise": "raise_", "set": "set_", "gen-token": "gen_token"}
)


REMOTE_COMMANDS = ("ps", "top", "inspect", "kill", "raise", "caps", "findings")
"""What can be done from elsewhere, by ``leash --remote URL``."""


class Commands(click.Group):
    """The commands; an unknown word gets a hint at what was meant."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Name them in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Load a command."""
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"leash_addon.cli.{COMMANDS[cmd_name]}")
        found = getattr(module, ATTRIBUTES.get(cmd_name, cmd_name))
        return found if isinstance(found, click.Command) else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or say what to write instead."""
        word = args[0]
        if word not in COMMANDS:
            close = get_close_matches(word, COMMANDS, n=1)
            meant = f"did you mean {close[0]!r}? To govern it, write" if close else "write"
            msg = f"{word!r} is no command of leash; {meant}: leash -- {word} ..."
            raise UsageError(msg)
        return super().resolve_command(ctx, args)


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example: leash --max-cost 5 -- python my_agent.py",
)
def cli() -> None:
    """Govern what AI agents spend.

    leash [flags] -- CMD runs CMD with every model call metered, and refused once a limit is
    reached; it is short for leash run. Flags of a command follow its name.
    leash --remote URL COMMAND speaks to the admin port of a leash serve elsewhere.
    """


def meant(argv: Sequence[str]) -> list[str]:
    """Insert ``run`` where nothing but flags comes before the first ``--``."""
    given = list(argv)
    if "--" in given:
        head = given[: given.index("--")]
        if not head or head[0].startswith("-"):
            return ["run", *given]
    elif given and given[0].startswith("-") and given[0] not in {"-h", "--help", "--version"}:
        msg = (
            f"{given[0]}: write -- before the command that is to run, as in "
            "leash --max-cost 5 -- python my_agent.py; flags of a command of leash follow its name"
        )
        raise UsageError(msg)
    return ["version", *given[1:]] if given[:1] == ["--version"] else given


def far(argv: Sequence[str]) -> tuple[list[str], str | None]:
    """Take ``--remote URL`` off the front of a command line; ``LEASH_REMOTE`` says it, too."""
    words = list(argv)
    url = os.environ.get("LEASH_REMOTE") if words[:1] and words[0] in REMOTE_COMMANDS else None
    if words[:1] == ["--remote"]:
        if len(words) < len(("--remote", "URL")):
            msg = "--remote: write leash --remote http://HOST:PORT ps"
            raise UsageError(msg)
        url, words = words[1], words[2:]
    elif words[:1] and words[0].startswith("--remote="):
        url, words = words[0].partition("=")[2], words[1:]
    if url is not None and words[:1] and words[0] not in REMOTE_COMMANDS:
        msg = f"--remote: {words[0]}: from elsewhere there are {', '.join(REMOTE_COMMANDS)}"
        raise UsageError(msg)
    return words, url


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line; return the exit code."""
    try:
        rest, url = far(sys.argv[1:] if argv is None else argv)
        remote = None if url is None else import_module("leash_addon.cli.remote").remote_of(url)
        words = meant(rest)
        found = cli.main(words, prog_name="leash", standalone_mode=False, obj=remote)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except Exception as error:  # noqa: BLE001 - the last resort: a message, never a traceback
        return exit_code(error)
    return found if isinstance(found, int) else 0


def exit_code(error: Exception) -> int:
    """Tell the person what went wrong; return what to exit with."""
    match error:
        case click.exceptions.NoArgsIsHelpError():
            click.echo(error.format_message(), err=True)
            return USAGE
        case click.ClickException():
            context = getattr(error, "ctx", None)
            hint = f" (see {context.command_path} --help)" if context is not None else ""
            say(error.format_message().rstrip(".") + hint)
            return USAGE
        case UsageError():
            say(str(error))
            return USAGE
        case click.exceptions.Abort():
            return 128 + signal.SIGINT
        case BrokenPipeError():
            sys.stdout = None  # nobody reads: let the interpreter flush into nothing
            return 128 + signal.SIGPIPE
        case LeashError() | OSError():
            say(str(error))
        case _:
            say(f"internal error: {_where(error)}: {type(error).__name__}: {error}")
    return FAILED


def _where(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "unknown place"
