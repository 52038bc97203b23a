"""``leash top``: what runs, what is in flight, and what it waits for."""

import sys
import time

from tests.cli.world import AGENT, PATIENCE, Leash


def test_a_call_in_flight_is_shown_with_its_run(leash: Leash) -> None:
    """While a call is open ``top`` shows it, its hold, and that its run waits for its provider."""
    slow = {"AGENT_HEADERS": '{"x-fake-delay-ms": "60000"}'}
    words = ("--run", "watched", "--max-cost", "1", "--", sys.executable, str(AGENT), "1")
    process = leash.start(*words, **slow)
    try:
        end = time.monotonic() + PATIENCE
        while not _is_open(found := _seen(leash)) and time.monotonic() < end:
            time.sleep(0.1)
        (call,), (run,) = found["calls"], found["runs"]
        assert (call["run"], call["model"], call["hold_pico"] > 0) == ("watched", "gpt-4o", True)
        assert (run["run"], run["open_calls"], run["waits_for"]) == ("watched", 1, "its provider")
        text = leash("top", "--once").out
        assert text.startswith("1 run, 1 call in flight, $")
        assert leash("kill", "watched").code == 0
        assert _seen(leash)["runs"][0]["waits_for"] == "leash raise (kill)"
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE)


def _seen(leash: Leash) -> dict[str, list[dict[str, object]]]:
    done = leash("top", "--json")
    return done.json if done.code == 0 else {"runs": [], "calls": []}


def _is_open(found: dict[str, list[dict[str, object]]]) -> bool:
    """Tell whether a call was opened before either was read: first the runs are, then the calls."""
    return bool(found["calls"]) and any(run["open_calls"] for run in found["runs"])
