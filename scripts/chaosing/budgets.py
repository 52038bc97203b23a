"""Seeded runs of 32 parallel calls whose costs vary 100-fold, against one budget each."""

import random

from leash_addon.core.holds import HoldMode, Holds
from leash_addon.core.limits import Limits
from leash_addon.core.money import Instant, Pico
from leash_addon.core.terms import Terms
from leash_addon.core.verdict import Allow
from leash_addon.ledger import Ledger, open_ledger
from scripts.chaosing.world import TOKEN, ask, database, end

PARALLEL = 32


def seeded_runs(mode: HoldMode, runs: int) -> list[float]:
    """Return what each run has spent, as a fraction of its budget."""
    with database() as path:
        ledger = open_ledger(path, terms=Terms(holds=Holds(mode=mode)))
        with ledger:
            fractions = [_one(ledger, seed) for seed in range(runs)]
            problems = ledger.fsck()
    assert problems == []
    return fractions


def _one(ledger: Ledger, seed: int) -> float:
    rng = random.Random(seed)  # noqa: S311 - chance, not a secret
    run, budget = f"seed-{seed}", Pico(rng.randint(5_000, 50_000) * TOKEN)
    at = Instant(seed)
    ledger.start_run(run, Limits(max_cost=budget), now=at)
    open_calls: list[str] = []
    number, stopped = 0, False
    while open_calls or not stopped:
        while not stopped and len(open_calls) < PARALLEL:
            name = f"{seed}-{number}"
            number += 1
            verdict = ledger.admit(ask(run, name), at)
            if not isinstance(verdict, Allow):
                stopped = verdict.final
                break
            open_calls.append(name)
        if open_calls:
            name = open_calls.pop(rng.randrange(len(open_calls)))
            ledger.settle([end(name, at, rng)])
    balance = ledger.balance(run)
    assert (balance.open_calls, balance.held) == (0, 0)
    return balance.spent / budget


def hard(runs: int = 1_000) -> dict[str, object]:
    """Return the figures of hard mode: no run overshoots, ever."""
    found = seeded_runs(HoldMode.HARD, runs)
    return {"runs": runs, "most_spent": max(found), "mean_spent": sum(found) / runs} | {
        "held": max(found) <= 1
    }


def expected(runs: int = 1_000) -> dict[str, object]:
    """Return how far runs overshoot in expected mode, as fractions of their budgets."""
    over = sorted(max(0.0, spent - 1) for spent in seeded_runs(HoldMode.EXPECTED, runs))
    marks = {"p50": 0.5, "p90": 0.9, "p99": 0.99}
    return {
        "runs": runs,
        "overshot": sum(one > 0 for one in over),
        **{name: round(over[int(mark * (runs - 1))], 4) for name, mark in marks.items()},
        "most": round(over[-1], 4),
        "held": True,
    }
