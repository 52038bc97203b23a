"""What the experiments share: a clock, a price, an ask, and a folder that goes away."""

import random
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

from leash_addon.core.ask import Ask
from leash_addon.core.journal import Tokens
from leash_addon.core.money import Instant, Pico
from leash_addon.core.rates import RateCard, Rates
from leash_addon.core.reading import Confidence, Outcome
from leash_addon.ledger import Settlement

ROOT = Path(__file__).resolve().parents[2]
"""Where the experiments' processes are started: this checkout."""

TOKEN = 1_000_000
"""Picodollars: the price below is a microdollar a token."""

CARD = RateCard(table="chaos", name="m", rates=Rates(input=Decimal(1), output=Decimal(1)))
INPUT, LEAST, MOST = 100, 10, 1_000
"""Tokens of a call: its input, and its output from least to most, 100-fold."""


def now() -> Instant:
    """Read the clock."""
    return Instant(time.time_ns() // 1000)


def ask(run: str, call: str, **tags: str) -> Ask:
    """Return a call of 100 tokens in that allows 1000 tokens out."""
    return Ask(
        run=run,
        call=call,
        accounts=(),
        provider="openai",
        format="openai.chat",
        model="m",
        card=CARD,
        input_tokens=INPUT,
        input_bytes=4 * INPUT,
        max_output=MOST,
        tags={"run": run, "model": "m", "provider": "openai", **tags},
    )


def end(call: str, at: Instant, rng: random.Random) -> Settlement:
    """Return its end, with an output that is anything from least to most."""
    output = round(LEAST * (MOST / LEAST) ** rng.random())
    return Settlement(
        call=call,
        at=at,
        cost=Pico((INPUT + output) * TOKEN),
        confidence=Confidence.MEASURED,
        outcome=Outcome.COMPLETE,
        tokens=Tokens(input=INPUT, output=output),
        usage={"input_tokens": INPUT, "output_tokens": output},
        status=200,
    )


@contextmanager
def database() -> Iterator[Path]:
    """Give the path of a ledger that is to be, in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="leash-chaos-") as folder:
        yield Path(folder) / "leash.db"
