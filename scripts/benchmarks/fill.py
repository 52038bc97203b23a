"""Fill a ledger with settled calls, through the ledger itself."""

from pathlib import Path

from leash_addon.core.ask import Ask
from leash_addon.core.limits import NO_LIMITS
from leash_addon.core.money import Instant, Pico
from leash_addon.core.reading import Confidence, Outcome
from leash_addon.ledger import Settlement, open_ledger, run_account

BEGUN = Instant(1_750_000_000_000_000)


def fill(database: Path, entries: int) -> None:
    """Write about so many journal entries: calls of the run ``default``, opened and settled."""
    with open_ledger(database) as ledger:
        ledger.start_run("default", NO_LIMITS, now=BEGUN)
        for number in range(entries // 2):
            now = Instant(BEGUN + number * 1000)
            call = f"filled-{number}"
            ask = Ask(
                run="default",
                call=call,
                accounts=(run_account("default"),),
                provider="openai",
                format="openai.chat",
                model="gpt-4o-mini",
            )
            ledger.admit(ask, now)
            ledger.settle(
                [
                    Settlement(
                        call=call,
                        at=now,
                        cost=Pico(1),
                        confidence=Confidence.MEASURED,
                        outcome=Outcome.COMPLETE,
                    )
                ]
            )
