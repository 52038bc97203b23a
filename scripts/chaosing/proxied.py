"""Budgets and caps raced through real proxies and a provider whose costs vary 100-fold."""

import asyncio
import random
import time
from collections import Counter
from dataclasses import dataclass, field

from leash_addon.core.journal import CallSettled
from leash_addon.core.reading import Confidence, Outcome
from leash_addon.ledger import Ledger
from scripts.chaosing.caller import INPUT, OK, Caller
from scripts.chaosing.site import Site, site
from scripts.chaosing.world import TOKEN

PARALLEL = 32
AT_ONCE = 4
"""Runs that go on side by side through the one proxy."""

BUDGET = 40_000
"""Tokens, and microdollars, that a run may spend: some ten to a hundred calls."""


@dataclass(kw_only=True)
class Work:
    """What some clients did together: answers by reason, and tokens of the calls that went."""

    seed: int
    answers: Counter[str] = field(default_factory=Counter)
    tokens: int = 0
    over: bool = False

    async def call(self, port: int, run: str, most: int, *, final: str) -> None:
        """Make calls of at most ``most`` tokens until leash says no for the ``final`` reason."""
        rng = random.Random(self.seed)  # noqa: S311 - chance, not a secret
        self.seed += 1_000_003
        async with Caller(port) as caller:
            while not self.over:
                output = round(most / 100 * 100 ** rng.random())
                stream, delay_ms = rng.random() < 0.25, rng.randrange(20)
                answer = await caller.call(
                    run, output=output, most=most, delay_ms=delay_ms, stream=stream
                )
                self.answers[answer.reason or str(answer.status)] += 1
                if answer.status == OK:
                    self.tokens += INPUT + output
                elif answer.reason == final:
                    self.over = True
                else:
                    await asyncio.sleep(0.01 + rng.random() * 0.02)


def seeded_runs(mode: str, runs: int) -> dict[str, object]:
    """Let runs of 32 parallel calls spend their budgets; return the fractions that they spent."""
    with site() as made:
        return asyncio.run(_seeded(made, mode, runs))


async def _seeded(made: Site, mode: str, runs: int) -> dict[str, object]:
    began = time.monotonic()
    leash = await made.serve("--max-cost", str(BUDGET / 1e6), "--holds-mode", mode)
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(seed: int) -> Work:
        rng = random.Random(seed)  # noqa: S311 - chance, not a secret
        most = round(2_000 * 10 ** rng.random())
        work = Work(seed=seed)
        async with turns, asyncio.TaskGroup() as clients:
            for _ in range(PARALLEL):
                clients.create_task(
                    work.call(leash.port, f"seed-{seed}", most, final="cost_budget")
                )
        return work

    works = await asyncio.gather(*(one(seed) for seed in range(runs)))
    seconds = time.monotonic() - began
    ended = leash.end()
    answers = sum((work.answers for work in works), Counter[str]())
    with made.ledger() as ledger:
        balances = [ledger.balance(f"seed-{seed}") for seed in range(runs)]
        problems = ledger.fsck()
    whole = [
        (balance.spent, balance.open_calls, balance.held) == (work.tokens * TOKEN, 0, 0)
        for balance, work in zip(balances, works, strict=True)
    ]
    return {
        "runs": runs,
        "calls": answers[str(OK)],
        "answers": dict(answers),
        "calls_per_second": round(answers[str(OK)] / seconds),
        "fractions": sorted(balance.spent / (BUDGET * TOKEN) for balance in balances),
        "held": (ended, problems) == (0, [])
        and all(whole)
        and made.provider.count == answers[str(OK)]
        and not answers.keys() - {str(OK), "held", "cost_budget"},
    }


def hard(runs: int = 1_000) -> dict[str, object]:
    """Return the figures of hard mode: no run overshoots, ever."""
    found = seeded_runs("hard", runs)
    fractions = found.pop("fractions")
    assert isinstance(fractions, list)
    return found | {
        "most_spent": max(fractions),
        "mean_spent": round(sum(fractions) / runs, 4),
        "held": found["held"] is True and max(fractions) <= 1,
    }


def expected(runs: int = 300) -> dict[str, object]:
    """Return how far runs overshoot in expected mode, as fractions of their budgets."""
    found = seeded_runs("expected", runs)
    fractions = found.pop("fractions")
    assert isinstance(fractions, list)
    over = [max(0.0, spent - 1) for spent in fractions]
    marks = {"p50": 0.5, "p90": 0.9, "p99": 0.99}
    return found | {
        "overshot": sum(one > 0 for one in over),
        **{name: round(over[int(mark * (runs - 1))], 4) for name, mark in marks.items()},
        "most": round(over[-1], 4),
    }


CAP = """
[holds]
mode = "hard"
wait = "1s"
[[cap]]
per = "all"
window = "total"
max_cost = {cost}
"""
MOST = 1_000
"""Tokens of output that a call of the race allows; it has from a hundredth of them to all."""


def cap_race(
    processes: int = 4, tasks: int = 64, calls: int = 3_000, *, postgres: bool = False
) -> dict[str, object]:
    """Let proxies race for one cap that is worth some ``calls``; no call is lost or too much."""
    with site(postgres=postgres, durable=True) as made:
        return asyncio.run(_race(made, processes, tasks, calls))


async def _race(made: Site, processes: int, tasks: int, calls: int) -> dict[str, object]:
    limit = calls * round(MOST * 0.99 / 4.6)  # the mean of what is drawn from log-uniform
    config = CAP.format(cost=limit / 1e6)
    doors = [await made.serve(config=config) for _ in range(processes)]
    works = [Work(seed=number) for number in range(processes)]
    began = time.monotonic()
    async with asyncio.TaskGroup() as clients:
        for number in range(processes * tasks):
            which = number % processes
            call = works[which].call(doors[which].port, f"run-{which}", MOST, final="cap")
            clients.create_task(call)
    seconds = time.monotonic() - began
    ended = [door.end() for door in doors]
    answers = sum((work.answers for work in works), Counter[str]())
    with made.ledger() as ledger:
        balance, problems = ledger.account_balance("cap:all|total"), ledger.fsck()
        sent = sum(sent_calls(ledger, f"run-{number}") for number in range(processes))
    went = answers[str(OK)]
    return {
        "processes": processes,
        "parallel_each": tasks,
        "calls": went,
        "calls_per_second": round(went / seconds),
        "answers": dict(answers),
        "spent_of_cap": balance.spent / (limit * TOKEN),
        "held": balance.spent <= limit * TOKEN
        and (ended, problems) == ([0] * processes, [])
        and balance.spent == sum(work.tokens for work in works) * TOKEN
        and (went, went) == (made.provider.count, sent)
        and (balance.open_calls, balance.held) == (0, 0)
        and not answers.keys() - {str(OK), "held", "cap"},
    }


def settled_calls(ledger: Ledger, run: str) -> Counter[Confidence]:
    """Count the settled calls of a run by how their costs came about."""
    entries = (entry for _, entry in ledger.entries(run))
    return Counter(entry.confidence for entry in entries if isinstance(entry, CallSettled))


def sent_calls(ledger: Ledger, run: str) -> int:
    """Count the settled calls of a run that went upstream."""
    entries = (entry for _, entry in ledger.entries(run))
    settled = (entry for entry in entries if isinstance(entry, CallSettled))
    return sum(entry.outcome is not Outcome.UNSENT for entry in settled)
