"""How a command line is understood, and what a wrong one gets."""

from pathlib import Path

import pytest

from leash_addon.cli.main import COMMANDS, cli, main, meant
from leash_addon.errors import LedgerError, UsageError


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty home and folder, without variables of the developer's own."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("LEASH_PRICES", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["--", "ps"], ["run", "--", "ps"]),
        (["--max-cost", "5", "--", "a"], ["run", "--max-cost", "5", "--", "a"]),
        (["run", "--", "a", "--", "b"], ["run", "--", "a", "--", "b"]),
        (["ps", "--all"], ["ps", "--all"]),
        (["--version"], ["version"]),
        (["--help"], ["--help"]),
        ([], []),
    ],
)
def test_run_is_meant_where_only_flags_precede_the_dashes(
    given: list[str], expected: list[str]
) -> None:
    """``leash [flags] -- CMD`` is ``leash run [flags] -- CMD``; commands stay what they are."""
    assert meant(given) == expected


@pytest.mark.parametrize(
    ("words", "message"),
    [
        pytest.param(["--max-cost", "5", "python"], "--max-cost: write -- before", id="no dashes"),
        pytest.param(["pss"], "'pss' is no command of leash; did you mean 'ps'?", id="misspelt"),
        pytest.param(["claude"], "write: leash -- claude ...", id="a program"),
        pytest.param(["ps", "--al"], "No such option '--al'", id="option"),
        pytest.param(["inspect"], "Missing argument 'RUN'", id="argument"),
        pytest.param(["--max-cots", "5", "--", "true"], "No such option '--max-cots'", id="flag"),
        pytest.param(["--max-cost", "x", "--", "true"], "--max-cost: 'x' is not", id="amount"),
        pytest.param(["--run", "a b", "--", "true"], "--run: 'a b' is no run id", id="run id"),
        pytest.param(["--deadline", "90", "--", "true"], "--deadline: '90' is not", id="bare"),
        pytest.param(["--prices", "no.json", "--", "true"], "no.json", id="prices"),
        pytest.param(["--config", "no.toml", "--", "true"], "no.toml", id="configuration"),
        pytest.param(["run"], "Missing argument 'COMMAND...'", id="nothing to run"),
        pytest.param(["serve"], "serve asks who calls", id="serve asks nobody"),
        pytest.param(
            ["serve", "--insecure", "--listen", "0.0.0.0:1"], "is not loopback", id="loopback"
        ),
        pytest.param(["serve", "--insecure", "--listen", "x"], "'x' is no address", id="address"),
        pytest.param(["set", "limits.max_cots", "5"], "such as limits.max_cost", id="key"),
        pytest.param(["set", "limits.max_cost", "x"], "limits.max_cost: 'x' is not", id="value"),
        pytest.param(["set", "limits.max_cost"], "give a value or --unset", id="no value"),
    ],
)
def test_a_wrong_command_line_is_a_message_and_code_2(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Usage errors are one line of leash's on standard error."""
    code = main(words)
    told = capsys.readouterr()
    assert (code, told.out) == (2, "")
    assert told.err.startswith("leash: ")
    assert message in told.err
    assert told.err.count("\n") == 1


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        pytest.param(UsageError("bad"), 2, "leash: bad\n", id="usage"),
        pytest.param(LedgerError("no ledger"), 125, "leash: no ledger\n", id="ledger"),
        pytest.param(PermissionError(13, "no"), 125, "leash: [Errno 13] no\n", id="system"),
    ],
)
def test_an_error_becomes_a_code_and_a_line(
    error: Exception,
    code: int,
    message: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Usage is 2, everything else that leash reports is 125."""

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(cli, "main", fail)
    assert main(["ps"]) == code
    assert capsys.readouterr().err == message


def test_a_surprise_is_named_without_a_traceback(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A defect of leash is told with its place, and the code is 125."""

    def fail(*_: object, **__: object) -> None:
        raise KeyError("x")  # noqa: EM101 - any error will do

    monkeypatch.setattr(cli, "main", fail)
    assert main(["ps"]) == 125
    told = capsys.readouterr().err
    assert told.startswith("leash: internal error: test_main.py:")
    assert "Traceback" not in told


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """``leash NAME --help`` explains and shows at least one use."""
    assert main([name, "--help"]) == 0
    told = capsys.readouterr().out
    assert "Example" in told
    assert "leash" in told.partition("Example")[2]
