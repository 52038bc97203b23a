"""``leash -- CMD`` from end to end: real processes, real TLS interception, a real ledger."""

import os
import re
import signal
import sys
import time
from itertools import pairwise

import pytest

from tests.cli.world import AGENT, Leash, forget, seen

WHOLE = re.compile(r"leash: (.*)")


def said(err: str) -> list[str]:
    """Return leash's own lines, without the one about a new authority."""
    return [line for line in WHOLE.findall(err) if "certificate authority" not in line]


def test_a_budget_stops_a_run_and_the_lines_say_so(leash: Leash, provider: str) -> None:
    """At the limit calls get 429, none reaches the provider, and leash exits with 3."""
    forget(provider)
    done = leash.agent(
        "--run", "a3f9c2e1", "--max-cost", "0.10", "--deadline", "15m", "--warn-at", "0.5", calls=6
    )
    assert (done.code, done.out) == (3, "200 200 200 200 429 429\n")
    assert said(done.err) == [
        "run a3f9c2e1 · max cost $0.10 · deadline 15m · warn at 0.5 · prices prices.json + "
        + _published(leash),
        "warned: $0.0500 of $0.10 spent",
        "stopped run a3f9c2e1 after 4 calls, $0.10 (cost_budget)",
        "to let it go on: leash raise a3f9c2e1 --max-cost +5, then leash --run a3f9c2e1 -- ...",
    ]
    assert seen(provider)["count"] == 4


def _published(leash: Leash) -> str:
    return f"genai-prices {leash('version', '--json').json['genai_prices']}"


def test_an_account_continues_is_raised_and_is_told(leash: Leash) -> None:
    """``--run`` continues; a differing limit of a stopped run is an error; ``raise`` lifts it."""
    first = leash.agent("--run", "nightly", "--max-calls", "2", calls=3)
    assert (first.code, first.out) == (3, "200 200 429\n")

    again = leash.agent("--run", "nightly", calls=1)
    assert (again.code, again.out) == (3, "429\n")
    assert "run nightly is stopped (call_budget); its calls will be refused" in said(again.err)

    other = leash.agent("--run", "nightly", "--max-calls", "9", calls=1)
    assert (other.code, other.out) == (2, "")
    assert "leash raise nightly --max-calls +100" in other.err

    assert leash("raise", "nightly", "--max-calls", "+1").code == 0
    more = leash.agent("--run", "nightly", calls=2)
    assert (more.code, more.out) == (3, "200 429\n")

    (listed,) = leash("ps", "--json").json
    whole = leash("inspect", "nightly", "--json").json
    for told in (listed, whole):
        assert {name: told[name] for name in ("run", "status", "reason", "calls")} == {
            "run": "nightly",
            "status": "stopped",
            "reason": "call_budget",
            "calls": 3,
        }
        assert told["tokens"] == {
            "input": 6000,
            "output": 6000,
            "cache_read": 0,
            "cache_write": 0,
            "reasoning": 0,
        }
        assert (told["total_cost"], told["total_cost_pico"]) == (0.075, 75_000_000_000)
        assert (told["held_cost"], told["open_calls"]) == (0, 0)
    assert [(entry["model"], entry["status"]) for entry in whole["entries"]] == [
        ("gpt-4o", 200)
    ] * 3
    assert all(a["at"] <= b["at"] for a, b in pairwise(whole["entries"]))
    assert leash("fsck").code == 0


def test_without_a_limit_a_run_may_cost_five_dollars(leash: Leash) -> None:
    """The default budget shows in the start line and the child's exit code passes through.

    Neither the client's key nor a prompt is in the output or in any file of leash.
    """
    done = leash.agent(calls=1, AGENT_EXIT="7")
    assert (done.code, done.out) == (7, "200\n")
    assert "max cost $5.00" in said(done.err)[0]
    assert re.fullmatch(r"finished run [0-9a-f]{8} after 1 call, \$0\.0250", said(done.err)[1])
    written = [done.err, *_texts(leash)]
    assert [text for text in written if "sk-test-secret" in text or "step 0" in text] == []


def test_other_limits_alone_need_no_prices(leash: Leash) -> None:
    """With only a call limit, a model that nobody prices is let through."""
    done = leash.agent("--max-calls", "5", calls=1, AGENT_MODEL="nobody-knows-1")
    assert (done.code, done.out) == (0, "200\n")
    assert said(done.err)[0].split(" · ")[1] == "max calls 5"


def test_an_unpriced_model_under_a_budget_is_refused_and_told(leash: Leash) -> None:
    """Blind is not free: the refusal is in the lines, and the run is not stopped by it."""
    done = leash.agent("--max-cost", "5", calls=1, AGENT_MODEL="nobody-knows-1")
    assert (done.code, done.out) == (0, "429\n")
    assert "refused 1 call (unpriced_model)" in said(done.err)


def test_a_run_without_a_governed_call_says_so_loudly(leash: Leash) -> None:
    """The line names the three suspicions; everything after the first ``--`` is the child's."""
    done = leash("--", "echo", "ps", "--", "--json", "--max-cost")
    assert (done.code, done.out) == (0, "ps -- --json --max-cost\n")
    assert "made NO GOVERNED CALL" in said(done.err)[1]
    assert [line.strip()[:2] for line in said(done.err)[2:5]] == ["1.", "2.", "3."]


def test_a_client_that_does_not_trust_the_ca_is_named_as_suspicion(leash: Leash) -> None:
    """A handshake that the client broke off is counted by host."""
    trustless = "import os; os.environ['SSL_CERT_FILE'] = '/dev/null'; "
    code = f"{trustless} import runpy, sys; sys.argv = ['a', '1']; runpy.run_path({str(AGENT)!r})"
    done = leash("--", sys.executable, "-c", code)
    assert "handshakes broken off: api.openai.com x1" in done.err


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("--", "/nowhere/x"), 127, "/nowhere/x: command not found"),
        (("--", "/etc/passwd"), 126, "/etc/passwd: cannot be run: Permission denied"),
        (("--db", "/dev/null/x", "--", "true"), 125, "/dev/null/x"),
    ],
)
def test_what_cannot_be_run_has_a_message_and_a_code(
    leash: Leash, words: tuple[str, ...], code: int, message: str
) -> None:
    """Errors name their place, exit as documented, and never show a traceback."""
    done = leash(*words)
    assert done.code == code
    assert message in done.err
    assert "Traceback" not in done.err


def test_a_kill_holds_on_the_very_next_call(leash: Leash) -> None:
    """``leash kill`` from elsewhere refuses the next call of a live run."""
    program = (
        f"exec(open({str(AGENT)!r}).read().split('print(')[0])\n"
        "print(call(1), flush=True); input(); print(call(2), flush=True)"
    )
    process = leash.start("--run", "live", "--", sys.executable, "-c", _waiting(program))
    assert process.stdout is not None
    assert process.stdout.readline() == "200\n"
    assert leash("ps", "--json").json[0]["status"] == "running"
    assert leash("kill", "live").code == 0
    process.send_signal(signal.SIGUSR1)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (3, "429\n")
    assert "killed run live after 1 call" in err
    assert leash("inspect", "live", "--json").json["status"] == "killed"


def _waiting(program: str) -> str:
    """Let a program wait for SIGUSR1 where it would ask for input."""
    head = (
        "import signal\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})\n"
        "def input(): signal.sigwait({signal.SIGUSR1})\n"
    )
    return head + program


def _texts(leash: Leash) -> list[str]:
    files = (leash.folder / "home" / ".leash").rglob("*")
    return [file.read_bytes().decode("latin-1") for file in files if file.is_file()]


def test_a_killed_run_cannot_be_raised(leash: Leash) -> None:
    """A kill is for good: raising a limit of that run is an error and changes nothing."""
    assert leash.agent("--run", "gone", "--max-calls", "5", calls=1).code == 0
    assert leash("kill", "gone").code == 0
    raised = leash("raise", "gone", "--max-calls", "+5")
    assert (raised.code, "run gone was killed and stays so" in raised.err) == (2, True)
    assert leash("inspect", "gone", "--json").json["limits"] == {"max_calls": 5}


def test_after_a_kill_of_leash_itself_the_account_continues(leash: Leash, provider: str) -> None:
    """A call in flight at ``kill -9`` counts once, the run is abandoned, and goes on."""
    process = leash.start(*SLOW, sys.executable, "-c", _slow(), "2")
    assert process.stdout is not None
    assert process.stdout.readline() == "calling\n"
    while not seen(provider)["open"]:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    assert leash("ps", "--json").json[0]["status"] == "abandoned"
    done = leash.agent("--run", "crashed", "--max-calls", "3", calls=3)
    assert (done.code, done.out) == (3, "200 200 429\n")
    run = leash("inspect", "crashed", "--json").json
    assert (run["calls"], run["open_calls"], run["held_cost_pico"]) == (3, 0, 0)
    assert [entry["confidence"] for entry in run["entries"]] == ["held", "measured", "measured"]
    assert leash("fsck").code == 0


SLOW = ("--run", "crashed", "--max-calls", "3", "--")


def _slow() -> str:
    """Make one call that the provider answers late."""
    head = f"exec(open({str(AGENT)!r}).read().split('print(')[0])\n"
    slow = "headers = {'x-fake-delay-ms': '30000', 'content-type': 'application/json'}\n"
    body = 'body = b\'{"model": "gpt-4o", "messages": []}\'\n'
    call = "urllib.request.urlopen(urllib.request.Request(URL, body, headers))"
    return f"{head}{slow}{body}print('calling', flush=True)\n{call}"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_a_tree_adds_cost_up_by_process(leash: Leash) -> None:
    """``inspect --tree`` shows the shell with the cost of the agent that it started."""
    script = f"'{sys.executable}' '{AGENT}' 2; true"
    assert leash("--run", "grown", "--max-cost", "1", "--", "sh", "-c", script).code == 0
    lines = leash("inspect", "grown", "--tree").out.splitlines()
    assert re.fullmatch(r"run grown  \$\S+  2 calls", lines[0])
    assert re.fullmatch(r"└─ sh\[\d+\]  \$\S+  2 calls", lines[1])
    assert re.fullmatch(r"   └─ python\S*\[\d+\]  \$\S+  2 calls", lines[2])
    assert re.fullmatch(r"      └─ gpt-4o  \$\S+  2 calls", lines[3])
    tree = leash("inspect", "grown", "--tree", "--json").json
    assert (tree["calls"], tree["children"][0]["calls"]) == (2, 2)
