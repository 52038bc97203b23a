"""``leash [flags] -- CMD`` from its start line to its exit code."""

import json
import re
import signal
import sys

import pytest

from leash_addon.cli.fakeprovider import FakeProvider
from tests.e2e.house import CLIENTS, LEASH, House

PYTHON = sys.executable
STATUSES = [200, 200, 429, 429]


def test_a_looping_agent_meets_its_budget(house: House, fake: FakeProvider) -> None:
    """A budget of two calls lets two pass, refuses the rest, and leash exits with 3."""
    with house.agent("--max-cost", "0.05") as talk:
        answers = [talk.call() for _ in STATUSES]
        done = talk.end()
    [run] = re.findall(r"^run ([0-9a-f]{8,}) ", done.said[1])
    assert [answer["status"] for answer in answers] == STATUSES
    assert (done.code, fake.seen.count) == (3, 2)
    assert done.said[1].startswith(f"run {run} · max cost $0.0500 · prices genai-prices ")
    assert done.said[2:] == [
        f"stopped run {run} after 2 calls, $0.0500 (cost_budget)",
        f"to let it go on: leash raise {run} --max-cost +5, then leash --run {run} -- ...",
    ]
    refused = answers[-1]
    assert (refused["headers"]["x-leash-reason"], refused["headers"]["x-leash-run"]) == (
        "cost_budget",
        run,
    )
    error = json.loads(refused["body"])["error"]
    kept = {name: error[name] for name in ("type", "code", "reason", "run", "calls", "total_cost")}
    assert kept == {
        "type": "rate_limit_error",
        "code": "cost_budget",
        "reason": "cost_budget",
        "run": run,
        "calls": 2,
        "total_cost": 0.05,
    }
    assert house.problems() == []


def test_a_run_without_any_limit_may_cost_five_dollars(house: House) -> None:
    """With no limit given the start line says max cost $5.00, and nothing else."""
    with house.agent("--run", "quiet") as talk:
        talk.call()
        done = talk.end()
    assert done.said[1].startswith("run quiet · max cost $5.00 · prices ")
    assert (done.code, done.said[2:]) == (0, ["finished run quiet after 1 call, $0.0250"])


def test_the_childs_own_exit_code_comes_back_loudly_ungoverned(house: House) -> None:
    """A child that calls nobody keeps its code 7, and leash names the three suspicions."""
    done = house.leash("--run", "seven", "--", "sh", "-c", "exit 7")
    assert done.code == 7
    assert [line[:50] for line in done.said[2:]] == [
        "run seven made NO GOVERNED CALL: nothing was meter",
        "  1. the program ignores its proxy settings (nothi",
        "  2. it does not trust leash's CA (handshakes brok",
        "  3. no pack knows its provider (tunnelled untouch",
        "finished run seven after 0 calls, $0.00",
    ]


def test_a_governed_childs_own_exit_code_comes_back(house: House) -> None:
    """A child that makes a call and exits with 9 makes leash exit with 9."""
    with house.agent() as talk:
        talk.call()
        talk.tell(end=9)
        assert talk.end().code == 9


@pytest.mark.parametrize(
    ("name", "code"),
    [pytest.param("./locked", 126, id="not executable"), pytest.param("./gone", 127, id="missing")],
)
def test_a_command_that_cannot_start_ends_as_in_a_shell(house: House, name: str, code: int) -> None:
    """What cannot be run gives 126, what is not there 127."""
    (house.work / "locked").write_text("#!/bin/sh\n")
    assert house.leash("--", name).code == code


def test_a_child_that_dies_of_a_signal_gives_128_and_the_signal(house: House) -> None:
    """A child that SIGTERM to leash ends makes leash exit with 143."""
    with house.agent() as talk:
        talk.call()
        talk.process.send_signal(signal.SIGTERM)
        assert talk.end().code == 128 + signal.SIGTERM


def test_everything_after_the_dashes_is_the_childs(house: House) -> None:
    """``leash -- ps`` runs the system's ps, and ``leash -- CMD -- --run`` keeps its words."""
    echo = house.leash("--", "printf", "%s ", "ps", "--", "--run", "x")
    listing = house.leash("--", "ps", "-o", "pid=,comm=")
    assert echo.out == "ps -- --run x "
    assert (listing.code, "RUN" in listing.out) == (0, False)
    assert re.search(r"^ *\d+ +ps$", listing.out, re.MULTILINE) is not None


def test_a_run_continues_its_account(house: House, fake: FakeProvider) -> None:
    """A second leash with the same --run counts on where the first one ended, and stays stopped."""
    with house.agent("--run", "nightly", "--max-calls", "3") as talk:
        first = [talk.call()["status"] for _ in range(2)]
    with house.agent("--run", "nightly") as talk:
        second = [talk.call()["status"] for _ in range(2)]
        assert talk.end().code == 3
    third = house.leash("--run", "nightly", "--", *house.script("agent.py"))
    assert (first, second) == ([200, 200], [200, 429])
    assert (third.code, fake.seen.count, house.balance("nightly").calls) == (3, 3, 3)
    assert "run nightly is stopped (call_budget); its calls will be refused" in third.said


def test_a_stopped_run_goes_on_when_its_limit_is_raised(house: House) -> None:
    """A differing limit on a stopped run exits 2 and names leash raise; raising lets it go on."""
    with house.agent("--run", "r1", "--max-calls", "1") as talk:
        talk.call()
        assert talk.call()["status"] == 429
    differing = house.leash("--run", "r1", "--max-calls", "9", "--", "true")
    raised = house.leash("raise", "r1", "--max-calls", "+1")
    with house.agent("--run", "r1") as talk:
        statuses = [talk.call()["status"] for _ in range(2)]
    assert (differing.code, "leash raise r1 --max-calls" in differing.err) == (2, True)
    assert (raised.code, statuses) == (0, [200, 429])


def test_a_raise_in_the_middle_holds_on_the_next_call(house: House) -> None:
    """A run that was stopped and raised from outside goes on in the same process."""
    with house.agent("--run", "live", "--max-calls", "1") as talk:
        before = [talk.call()["status"] for _ in range(2)]
        assert house.leash("raise", "live", "--max-calls", "2").code == 0
        after = [talk.call()["status"] for _ in range(2)]
    assert (before, after) == ([200, 429], [200, 429])


def test_a_kill_holds_on_the_very_next_call(house: House, fake: FakeProvider) -> None:
    """``leash kill`` in another process refuses the next call, and the run's exit code is 3."""
    with house.agent("--run", "doomed") as talk:
        assert talk.call()["status"] == 200
        assert house.leash("kill", "doomed").code == 0
        refused = talk.call()
        done = talk.end()
    assert (refused["status"], refused["headers"]["x-leash-reason"]) == (429, "kill")
    assert (done.code, fake.seen.count) == (3, 1)
    assert done.said[2].startswith("killed run doomed after 1 call, $0.0250")


def test_a_live_run_can_be_inspected(house: House) -> None:
    """``leash inspect --json`` shows a running run's account to the picodollar."""
    with house.agent("--run", "seen", "--max-calls", "5") as talk:
        talk.call()
        shown = json.loads(house.leash("inspect", "seen", "--json").out)
        listed = json.loads(house.leash("ps", "--json").out)
    kept = {name: shown[name] for name in ("run", "status", "calls", "tokens", "total_cost_pico")}
    assert kept == {
        "run": "seen",
        "status": "running",
        "calls": 1,
        "tokens": {
            "input": 2000,
            "output": 2000,
            "cache_read": 0,
            "cache_write": 0,
            "reasoning": 0,
        },
        "total_cost_pico": 25_000_000_000,
    }
    assert [run["run"] for run in listed] == ["seen"]
    [entry] = shown["entries"]
    assert (entry["model"], entry["confidence"], entry["status"]) == ("gpt-4o", "measured", 200)


def test_the_child_gets_the_proxy_and_the_ca(house: House) -> None:
    """The child's variables name the proxy with a run and a secret, and trust files that exist."""
    names = ["HTTPS_PROXY", "https_proxy", "NO_PROXY", "NODE_USE_ENV_PROXY", "ALL_PROXY"]
    inherited = {"HTTPS_PROXY": "http://elsewhere:1", "ALL_PROXY": "socks5://elsewhere:2"}
    with house.agent("--run", "envy", env=inherited) as talk:
        found = talk.call(env=[*names, "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"])
    assert re.fullmatch(r"http://envy:\w+@127\.0\.0\.1:\d+", found["HTTPS_PROXY"]) is not None
    assert found["https_proxy"] == found["HTTPS_PROXY"]
    assert (found["NO_PROXY"], found["NODE_USE_ENV_PROXY"], found["ALL_PROXY"]) == (
        "localhost,127.0.0.1,::1",
        "1",
        None,
    )


def test_a_flag_wins_over_the_environment_and_it_over_the_file(house: House) -> None:
    """Of three limits set in three layers each comes from the strongest that names it."""
    (house.work / "leash.toml").write_text(
        "[limits]\nmax_calls = 11\nstall = 12\ndeadline = '13m'\n"
    )
    env = {"LEASH_MAX_CALLS": "21", "LEASH_STALL": "22"}
    done = house.leash("--run", "layers", "--max-calls", "31", "--", "true", env=env)
    line = next(line for line in done.said if line.startswith("run layers"))
    assert line.startswith("run layers · max calls 31 · deadline 13m · stall 22 · prices ")


@pytest.mark.parametrize(
    ("flags", "names"),
    [
        pytest.param(["--max-cost", "cheap"], "--max-cost", id="money"),
        pytest.param(["--max-calls", "-1"], "--max-calls", id="a negative count"),
        pytest.param(["--deadline", "15"], "--deadline", id="a bare duration"),
        pytest.param(["--rate", "1000"], "--rate", id="a rate without a window"),
        pytest.param(["--on-blind", "maybe"], "--on-blind", id="a choice"),
        pytest.param(["--max-cots", "1"], "--max-cots", id="an unknown flag"),
        pytest.param(["--run", "no spaces"], "--run", id="a run id"),
        pytest.param(["--run", "-all"], "--run", id="a run id like a flag"),
    ],
)
def test_a_bad_limit_exits_2_and_names_its_flag(house: House, flags: list[str], names: str) -> None:
    """A value that cannot be is refused before anything starts, by the name of its flag."""
    done = house.leash(*flags, "--", "touch", "started")
    assert (done.code, names in done.err, "Traceback" in done.err) == (2, True, False)
    assert list(house.work.iterdir()) == []


def test_a_bad_key_in_the_file_is_named_with_its_place(house: House) -> None:
    """A misspelt key exits 2 with file, key and the spelling that was meant."""
    (house.work / "leash.toml").write_text("[limits]\nmax_cots = 5\n")
    done = house.leash("--", "true")
    assert (done.code, "leash.toml" in done.err, "max_cost" in done.err) == (2, True, True)


def test_traffic_to_other_hosts_is_never_touched(house: House) -> None:
    """A host that no pack names is tunnelled: leash says which, and meters nothing."""
    with house.agent("--run", "elsewhere", "--max-calls", "1") as talk:
        talk.call(host="127.0.0.2:1")
        done = talk.end()
    assert (done.code, house.balance("elsewhere").calls) == (0, 0)


def test_leash_runs_as_a_module_too(house: House) -> None:
    """``python -m leash_addon`` is the same command."""
    assert house.execute(PYTHON, "-m", "leash_addon", "version").out == (
        house.execute(LEASH, "version").out
    )


def test_the_installed_command_is_what_is_tested() -> None:
    """The console script stands beside the interpreter, and the clients are there."""
    assert (LEASH.exists(), (CLIENTS / "agent.py").exists()) == (True, True)
