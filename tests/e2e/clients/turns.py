"""Makes each turn of a client twice: once let through, once refused; prints what came of them."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Mapping

from wire import Wire

type Turn = Callable[[], str | Awaitable[str]]


def run(turns: Mapping[str, Turn]) -> None:
    """Take every turn, then every turn again after the stop; write one JSON object.

    ``answers``: the text of each turn. ``refusals``: of each turn the exception's class, its
    message, and the requests that it took until it came.
    """
    wire = Wire()
    asyncio.run(_all(turns, wire))


async def _all(turns: Mapping[str, Turn], wire: Wire) -> None:
    answers, refusals = {}, {}
    for name, turn in turns.items():
        answers[name] = await _text(turn)
    for name, turn in turns.items():
        before = wire.requests
        try:
            text = await _text(turn)
        except Exception as error:  # noqa: BLE001 - whatever the library raises is what is shown
            kind = type(error)
            refusals[name] = {
                "class": f"{kind.__module__}.{kind.__name__}",
                "message": str(error),
                "requests": wire.requests - before,
            }
        else:
            refusals[name] = {"class": "", "message": text, "requests": wire.requests - before}
    json.dump({"answers": answers, "refusals": refusals, "sent": wire.requests}, sys.stdout)


async def _text(turn: Turn) -> str:
    found = turn()
    return found if isinstance(found, str) else await found
