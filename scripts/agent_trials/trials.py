"""The trials: turns plain and screened, a tool loop, a kill in a stream, a cap, WebSockets.

Each returns claims by name, every one of them true or false, and figures beside them.
"""

import json
import re
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from scripts.agent_trials.capture import known_percent
from scripts.agent_trials.programs import PROMPT, Program
from scripts.agent_trials.scenes import SCENES
from scripts.agent_trials.world import Home, Started, fake_provider, home, no_routes

LOOP = 3
"""Calls that a loop is allowed."""

SOON = 10.0
"""Seconds within which a stopped agent must have ended."""

STOPPED = 3
INPUT, OUTPUT = 111, 22

STRICTLY = '[screening]\nsensitivity = "high"'
REFUSING = '[screening.action]\nsystem = "refuse"\nuser = "refuse"\ntool_result = "refuse"\n'

type Row = dict[str, bool | int | float | str]


def plain_turn(program: Program) -> Row:
    """Take one turn (a): exit code 0, and the ledger has exactly what the provider reported."""
    usage = ("--input-tokens", str(INPUT), "--output-tokens", str(OUTPUT))
    before = no_routes()
    with fake_provider(*usage) as fake, home(files=tuple(program.files.items())) as here:
        agent = here.start(program, fake, "trial", "--max-cost", "2")
        code = agent.wait()
        seconds = time.monotonic() - agent.at
        calls, account = fake.seen()["count"], here.inspect("trial")
    tokens = account["tokens"]
    reported = (calls, calls * INPUT, calls * OUTPUT)
    return {
        "exit code 0": code == 0,
        "usage equal": (account["calls"], tokens["input"], tokens["output"]) == reported,
        "called": calls > 0,
        "direct attempts": no_routes() - before,
        "calls": calls,
        "seconds": round(seconds, 1),
    }


def tool_loop(program: Program) -> Row:
    """Let a loop of tool calls run into its limit (b): it is over at once, and says why."""
    with fake_provider("--tool-loop") as fake, home(files=tuple(program.files.items())) as here:
        agent = here.start(program, fake, "trial", "--max-calls", str(LOOP))
        code = agent.wait()
        return {
            "exit code 3": code == STOPPED,
            "no call after the stop": fake.seen()["count"] == LOOP,
            "message seen": says_why(agent),
            **ended_soon(here, agent),
        }


def killed_in_stream(program: Program) -> Row:
    """Kill from another terminal while a stream runs (c)."""
    slow = ("--chunks", "200", "--gap-ms", "300")
    with fake_provider(*slow) as fake, home(files=tuple(program.files.items())) as here:
        agent = here.start(program, fake, "trial", "--max-cost", "2", "--cut")
        is_open = until(
            lambda: fake.seen()["count"] > 0 and here.inspect("trial")["open_calls"] > 0
        )
        time.sleep(1.0)
        killed = here.leash("kill", "trial").returncode == 0
        before, at = fake.seen()["count"], time.monotonic()
        code = agent.wait()
        return {
            "was streaming": is_open and killed,
            "exit code 3": code == STOPPED,
            "no call after the kill": fake.seen()["count"] == before,
            "ended soon": time.monotonic() - at <= SOON,
            "seconds": round(time.monotonic() - at, 1),
        }


def shared_cap(one: Program, other: Program) -> Row:
    """Run two agents in two runs under one cap (d): together they make its calls, no more."""
    cap = '[[cap]]\nper = "all"\nwindow = "total"\nmax_calls = 6\n'
    files = (*one.files.items(), *other.files.items())
    with fake_provider("--tool-loop") as fake, home(cap, files) as here:
        started = [here.start(one, fake, "first"), here.start(other, fake, "second")]
        codes = [agent.wait() for agent in started]
        calls = fake.seen()["count"]
        counted = sum(here.inspect(run)["calls"] for run in ("first", "second"))
        return {
            "both ended by themselves": None not in codes,
            "calls are the cap's": calls == counted == 2 * LOOP,
            "calls": calls,
        }


def websocket(codex: Program, how: str) -> Row:
    """Run codex by WebSocket (e): metered there, or sent back to HTTP."""
    usage = ("--input-tokens", str(INPUT), "--output-tokens", str(OUTPUT))
    with fake_provider(*usage) as fake, home() as here:
        agent = here.start(codex, fake, "trial", "--max-cost", "2", "--websocket", how)
        code = agent.wait()
        seen, account = fake.seen(), here.inspect("trial")
    calls = seen["count"]
    by_socket = sum(one["method"] == "GET" for one in seen["requests"])  # an upgrade is a GET
    tokens = account["tokens"]
    reported = (calls, calls * INPUT, calls * OUTPUT)
    return {
        "exit code 0": code == 0,
        "usage equal": (account["calls"], tokens["input"], tokens["output"]) == reported,
        "transport": (by_socket == calls > 0) if how == "meter" else (by_socket == 0 < calls),
        "calls": calls,
    }


def screened_turns(program: Program) -> Row:
    """Take a turn in each way of working (f), everything refused that may be: nothing fires.

    At the highest sensitivity. Beside it what fires where no agent's prompts are known.
    """
    ways = [one for one in SCENES if one.agent == program.name and not one.at_a_terminal]
    fired: dict[str, list[str]] = {"agents": [], "": []}
    codes, shares = [], []
    for known in fired:
        listed = json.dumps([known] if known else [])
        for way in ways:
            configuration = f"{STRICTLY}\nknown_prompts = {listed}\n{REFUSING}"
            with fake_provider() as fake, home(configuration) as here:
                way.furnish(here)
                asked = replace(program, command=(*way.words, PROMPT))
                code = here.start(asked, fake, "trial").wait()
                told = json.loads(here.leash("findings", "--json").stdout)
                percent = known_percent(fake.seen()["requests"])
            fired[known] += [f"{one['rule']} in {one['part']}" for one in told]
            if known:  # without the list a call may not even arrive
                codes.append(code)
                shares.append(percent)
    return {
        "exit code 0": set(codes) == {0},
        "nothing fired": fired["agents"] == [],
        "ways of working": len(ways),
        "% of the system's words known": f"{min(shares)}-{max(shares)}",
        "without the list": ", ".join(dict.fromkeys(fired[""])) or "nothing either",
    }


def says_why(agent: Started) -> bool:
    """Tell whether the agent itself showed our message, not only leash's own last lines."""
    own = [line for line in agent.said.splitlines() if not line.startswith("leash:")]
    return re.search(rf"leash: all {LOOP} calls", "\n".join(own)) is not None


def ended_soon(here: Home, agent: Started) -> Row:
    """Tell how long the agent lived on after its run was stopped."""
    account = here.inspect("trial")
    if agent.process.returncode is None or not account.get("stopped_at"):
        return {"ended soon": False}
    stopped, ended = (
        datetime.fromisoformat(account[name]) for name in ("stopped_at", "finished_at")
    )
    seconds = (ended - stopped).total_seconds()
    return {"ended soon": seconds <= SOON, "seconds": round(seconds, 1)}


def until(claim: Callable[[], bool], seconds: float = 60.0) -> bool:
    """Wait until a claim holds; tell whether it came to."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if claim():
            return True
        time.sleep(0.1)
    return False
