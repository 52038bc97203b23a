"""What single steps cost, in CPU time of one thread, without a proxy around them.

Usage: python micro.py      prints one JSON object
Each figure is the median of many batches; process time, so that other programs count little.
"""

import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

from upstream import DELTA, LAST

from leash_addon.core.ask import Ask
from leash_addon.core.limits import NO_LIMITS
from leash_addon.core.money import Instant, Pico
from leash_addon.core.reading import Confidence, Outcome
from leash_addon.ledger import Ledger, Settlement, open_ledger, run_account
from leash_addon.proxy.governor import Call
from leash_addon.proxy.tee import Tee
from leash_addon.wire.asked import read_request
from leash_addon.wire.meter import Meter
from leash_addon.wire.routes import Route

BATCHES = 40
CHUNKS = 1_000
PIECE = 16 * 1024
LONG_REPLY = 100_000
LONG_REQUEST = 464_000
BEGUN = Instant(1_750_000_000_000_000)
ROUTE = Route(provider="openai", format="openai.chat", dialect="openai")
ASK = Ask(run="r", call="c", accounts=(run_account("r"),), provider="openai", format="openai.chat")


def seconds(step: Callable[[], object], times: int) -> float:
    """Return the CPU seconds that a step takes, the median of batches of so many."""
    step()
    taken = []
    for _ in range(BATCHES):
        begun = time.process_time()
        for _ in range(times):
            step()
        taken.append((time.process_time() - begun) / times)
    return statistics.median(taken)


def metered(content_type: str) -> tuple[Call, Tee]:
    """Return a call and the tee of its answer, as the proxy installs it."""
    call = Call(ask=ASK, route=ROUTE, hold=Pico(0), opened_at=BEGUN)
    call.meter = Meter(ROUTE, None, 200, {"content-type": content_type})
    return call, Tee(call, on_byte=lambda: None, on_whole=lambda: None)


def stream() -> None:
    """Pass a stream of chat chunks and read what it used."""
    call, tee = metered("text/event-stream")
    for _ in range(CHUNKS):
        tee(DELTA)
    tee(LAST)
    tee(b"")
    call.reading()


def whole(body: bytes) -> None:
    """Pass a plain answer in the pieces that a socket gives, and read what it used."""
    call, tee = metered("application/json")
    for start in range(0, len(body), PIECE):
        tee(body[start : start + PIECE])
    tee(b"")
    call.reading()


def reply(size: int) -> bytes:
    """Make a chat completion of about so many bytes."""
    text = "some words of text, and more of them\n" * (size // 37)
    message = {"role": "assistant", "content": text}
    usage = {"prompt_tokens": 20, "completion_tokens": 20_000, "total_tokens": 20_020}
    choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
    return json.dumps(
        {"id": "c", "model": "gpt-4o-mini", "choices": choices, "usage": usage}
    ).encode()


def request(size: int) -> bytes:
    """Make a chat request of about so many bytes, in messages of a kilobyte."""
    message = {"role": "user", "content": "some words of text " * 52}
    return json.dumps({"model": "gpt-4o-mini", "messages": [message] * (size // 1024)}).encode()


def call_by_call(ledger: Ledger, accounts: tuple[str, ...]) -> Callable[[], None]:
    """Return a step that admits a call and settles it, in two transactions."""
    ids: Iterator[int] = count()

    def step() -> None:
        number = next(ids)
        now, call = Instant(BEGUN + number), f"{accounts[-1]}-{number:08}"
        ask = Ask(run="r", call=call, accounts=accounts, provider="openai", format="openai.chat")
        ledger.admit(ask, now)
        end = Settlement(
            call=call,
            at=now,
            cost=Pico(1_000),
            confidence=Confidence.MEASURED,
            outcome=Outcome.COMPLETE,
            usage={"input_tokens": 20, "output_tokens": 2},
            response_id=call,
        )
        ledger.settle([end])

    return step


def ledger_figures() -> dict[str, float]:
    """Measure admission and settlement on a ledger on disk, with one account and with five."""
    own = run_account("r")
    others = ("user:u", "key:k", "feature:f", "model:m")
    with tempfile.TemporaryDirectory() as place, open_ledger(Path(place) / "micro.db") as ledger:
        ledger.start_run("r", NO_LIMITS, now=BEGUN)
        one = seconds(call_by_call(ledger, (own,)), 50)
        five = seconds(call_by_call(ledger, (own, *others)), 50)
    return {
        "admit_and_settle_1_account_us": round(one * 1e6, 1),
        "admit_and_settle_5_accounts_us": round(five * 1e6, 1),
    }


def micro() -> dict[str, float]:
    """Measure every step."""
    answer, asked = reply(LONG_REPLY), request(LONG_REQUEST)
    return {
        "tee_and_meter_per_chat_chunk_us": round(seconds(stream, 1) / CHUNKS * 1e6, 2),
        "json_answer_100_kb_ms": round(seconds(lambda: whole(answer), 5) * 1e3, 3),
        "read_request_464_kb_ms": round(
            seconds(lambda: read_request(ROUTE, {}, asked), 5) * 1e3, 3
        ),
        **ledger_figures(),
    }


if __name__ == "__main__":
    print(json.dumps(micro(), indent=2))
