"""The README names everything that there is, and what it shows runs as written."""

import re
import shlex
from pathlib import Path

import pytest

from leash_addon.cli.main import COMMANDS
from leash_addon.config.settings import KEYS
from leash_addon.core.verdict import Reason
from tests.e2e.house import BIN, House

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PROMPT, CONTINUED = "$ ", "> "
NOT_RUN = ("scripts/", "pip install ")
"""Commands that set up or take minutes: that what they name exists is all that is asked."""

EXIT = re.compile(r"#\s*exit (\d+)\s*$")


def blocks(language: str) -> list[str]:
    """Return the fenced blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def commands(block: str) -> list[str]:
    """Return what a reader would type: lines after a prompt, with those that continue them."""
    found: list[str] = []
    for line in block.splitlines():
        if line.startswith(PROMPT):
            found.append(line.removeprefix(PROMPT))
        elif found and (found[-1].endswith("\\") or line.startswith(CONTINUED)):
            found[-1] += "\n" + line.removeprefix(CONTINUED)
    return found


def names_what_exists(command: str) -> bool:
    """Tell whether a command that is not run here names files of the repository."""
    words = shlex.split(command, comments=True)
    if words[0] == "pip":
        return (ROOT / words[-1].partition("[")[0] / "pyproject.toml").exists()
    return (ROOT / words[0]).exists()


@pytest.mark.parametrize("block", blocks("console"), ids=lambda block: commands(block)[0][:40])
def test_the_commands_of_a_block_run_as_written(block: str, tmp_path: Path) -> None:
    """Each command exits with 0 or the code noted beside it, in an empty home."""
    house = House(root=tmp_path)
    for command in commands(block):
        if command.startswith(NOT_RUN):
            assert names_what_exists(command), command
            continue
        noted = EXIT.search(command)
        done = house.execute("bash", "-c", command)
        code = int(noted[1]) if noted else 0
        assert done.code == code, f"{command}\n{done.out}{done.err}"


def test_there_are_commands_to_run() -> None:
    """The README shows at least the demo, the tests and the installation."""
    shown = [command for block in blocks("console") for command in commands(block)]
    for beginning in ("scripts/demo", "scripts/test", "pip install"):
        assert any(command.startswith(beginning) for command in shown)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_in_the_readme(name: str) -> None:
    """Each command of the table stands in the README as ``leash NAME``."""
    assert re.search(rf"\bleash {re.escape(name)}\b", README) is not None


@pytest.mark.parametrize("flag", [key.flag for key in KEYS])
def test_every_flag_is_in_the_readme(flag: str) -> None:
    """Each setting's flag stands in the README."""
    assert re.search(rf"(?<![\w-]){re.escape(flag)}(?![\w-])", README) is not None


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_is_in_the_readme(reason: Reason) -> None:
    """Each machine word of a refusal stands in the README, marked as code."""
    assert f"`{reason}`" in README


def test_every_file_that_the_readme_points_at_is_there() -> None:
    """A path of the repository in the README leads to something."""
    paths = re.findall(
        r"`((?:leash_addon|rules|tests|scripts|core|config|wire|proxy|cli)/[^`\s*]*)`", README
    )
    missing = [
        path
        for path in paths
        if not (ROOT / path).exists() and not (ROOT / "leash_addon" / path).exists()
    ]
    assert missing == []


def test_the_command_that_is_tested_is_the_one_that_is_installed() -> None:
    """The console script is first on the path of the commands above."""
    assert (BIN / "leash").exists()
