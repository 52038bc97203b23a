"""How each shell sets and unsets a variable."""

import shlex
from enum import StrEnum


class Shell(StrEnum):
    """A shell, by the name of its program."""

    SH = "sh"
    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"
    POWERSHELL = "powershell"


def exported(shell: Shell, name: str, value: str) -> str:
    """Return the line that sets a variable for the programs of a shell."""
    match shell:
        case Shell.FISH:
            return f"set -gx {name} {_fish(value)};"
        case Shell.POWERSHELL:
            return f"$Env:{name} = {_powershell(value)}"
        case _:
            return f"export {name}={shlex.quote(value)}"


def unset(shell: Shell, name: str) -> str:
    """Return the line that takes a variable away."""
    match shell:
        case Shell.FISH:
            return f"set -e {name};"
        case Shell.POWERSHELL:
            return f"Remove-Item -ErrorAction Ignore Env:{name}"
        case _:
            return f"unset {name}"


def _fish(text: str) -> str:
    """Quote for fish: in single quotes only the backslash and the quote are special."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _powershell(text: str) -> str:
    """Quote for PowerShell: in single quotes only the quote is special, and is doubled."""
    return "'" + text.replace("'", "''") + "'"
