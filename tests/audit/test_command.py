"""The command ``leash audit``."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from leash_addon.cli.main import cli
from tests.e2e.nursery import Nursery

type Write = Callable[..., Path]
type Make = Callable[..., dict[str, object]]


@pytest.fixture
def leash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run ``leash audit`` in an empty folder with an empty home."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))

    def run(*arguments: object) -> Result:
        return CliRunner().invoke(cli, ["audit", *map(str, arguments)])

    return run


def test_a_table_and_a_line_that_sums_it_up(
    leash: Callable[..., Result], write: Write, chat: Make
) -> None:
    """One row per call, then calls, kinds and the cost of all."""
    result = leash(write([chat("a"), chat("b")]))
    heading, first, second, last = result.stdout.splitlines()
    assert (heading.split()[:4], first.split()[0], second.split()[0]) == (
        ["CALL", "PROVIDER", "FORMAT", "MODEL"],
        "a",
        "b",
    )
    assert (last, result.exit_code) == ("2 calls · 2 metered · $0.0070", 0)


def test_json_is_one_object_per_exchange(
    leash: Callable[..., Result], write: Write, chat: Make
) -> None:
    """Each line is one exchange, with its exact cost as text."""
    result = leash("--json", write([chat("a"), chat("b")]))
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(line["id"], line["cost_usd"]) for line in lines] == [("a", "0.0035"), ("b", "0.0035")]


def test_bad_records_are_named_and_the_rest_is_read(
    leash: Callable[..., Result], write: Write, chat: Make
) -> None:
    """A bad line goes to standard error with its place, and the exit code is 1."""
    path = write([chat("a"), {"id": "no url"}, chat("b")])
    result = leash(path)
    assert result.stdout.splitlines()[-1] == "2 calls · 2 metered · $0.0070"
    assert result.stderr.startswith(f"leash audit: {path}:2: Object missing required field")
    assert (result.exit_code, "Traceback" in result.output) == (1, False)


@pytest.mark.parametrize("cuts", ["whole", "bytes", "random", "even"])
def test_the_answer_is_the_same_however_bodies_are_cut(
    cuts: str, leash: Callable[..., Result], write: Write, chat: Make
) -> None:
    """Cutting a body changes nothing in the report."""
    path = write([chat("a")])
    assert leash("--json", "--cuts", cuts, path).stdout == leash("--json", path).stdout


def test_check_prints_the_agreement_per_format(
    leash: Callable[..., Result], write: Write, chat: Make
) -> None:
    """With a truth beside it the table is that of the agreement."""
    counts = {
        "usage_present": True,
        "input_tokens": 1000,
        "output_tokens": 100,
        "server_tool_requests": {},
    }
    truth = write([{"id": "a", "format": "openai.chat", "normalised": counts}], "truth.jsonl")
    result = leash(write([chat("a")]), "--check", truth, "--require", "99.5")
    assert result.stdout.splitlines()[1].split() == [
        *("openai.chat", "1", "100.00", "%", "1", "100.00", "%"),
    ]
    assert result.exit_code == 0


def test_check_fails_below_what_is_required(
    leash: Callable[..., Result], write: Write, chat: Make
) -> None:
    """Too little agreement is exit code 1, and --verbose names what differs."""
    counts = {"usage_present": True, "input_tokens": 7, "server_tool_requests": {}}
    truth = write([{"id": "a", "format": "openai.chat", "normalised": counts}], "truth.jsonl")
    result = leash(write([chat("a")]), "--check", truth, "--require", "99.5", "--verbose")
    assert (result.exit_code, result.stderr.splitlines()[0]) == (
        1,
        "a: input_tokens: 1000, not 7",
    )


def test_your_own_prices_come_first(
    leash: Callable[..., Result], write: Write, chat: Make, tmp_path: Path
) -> None:
    """A price table given on the command line prices the call."""
    prices = tmp_path / "prices.toml"
    prices.write_text('["gpt-4o-2024-08-06"]\ninput = 1\noutput = 2\n')
    result = leash("--json", "--prices", prices, write([chat("a")]))
    assert json.loads(result.stdout)["cost_usd"] == "0.0012"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param([], "Missing argument 'PATHS...'", id="no files"),
        pytest.param(["x.jsonl", "--cuts", "odd"], "'odd' is not one of", id="an unknown cut"),
        pytest.param(["x.jsonl", "--require", "99"], "--require", id="a threshold of nothing"),
        pytest.param(
            ["x.jsonl", "--check", "t.jsonl", "--require", "all"],
            "'all' is not a percentage",
            id="a threshold in words",
        ),
        pytest.param(
            ["x.jsonl", "--check", "none.jsonl"], "none.jsonl: cannot be read", id="no truth"
        ),
        pytest.param(["x.jsonl", "--prices", "none.toml"], "none.toml", id="no prices"),
    ],
)
def test_wrong_use_is_exit_code_2(
    arguments: list[str],
    said: str,
    *,
    write: Write,
    chat: Make,
    tmp_path: Path,
    nursery: Nursery,
) -> None:
    """A real process says what is wrong and ends with 2, never with a traceback."""
    write([chat("a")], "x.jsonl")
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    home = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "PYTHONPATH": ":".join(sys.path)}
    ran = nursery.popen(["audit", *arguments], cwd=tmp_path, env=home, **pipes)
    _, complaints = ran.communicate()
    assert (ran.returncode, said in complaints) == (2, True), complaints
    assert "Traceback" not in complaints


def test_a_closed_pipe_ends_the_command_quietly(write: Write, chat: Make, tmp_path: Path) -> None:
    """Output into ``head`` ends without a traceback."""
    path = write([chat(str(number)) for number in range(3000)])
    leash = f"'{sys.executable}' -m leash_addon audit --json '{path}'"
    ran = subprocess.run(
        ["sh", "-c", f"{leash} | head -n 1"],
        cwd=tmp_path,
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (json.loads(ran.stdout)["id"], ran.stderr) == ("0", "")
