"""Ten thousand turns on one WebSocket through TLS: memory must not follow them."""

import asyncio
import json
import ssl
import time

from websockets.asyncio.client import connect

from leash_addon.core.reading import Confidence
from scripts.chaosing.proxied import settled_calls
from scripts.chaosing.site import Site, site
from scripts.soaking.resident import watched

URL = "wss://api.openai.com/v1/responses"
RUN = "socket"
ASK = json.dumps({"type": "response.create", "model": "chaos", "input": "Go on, please."})
MOST_GROWTH = 0.05
WARM = 0.1
"""The part of the turns after which memory is looked at."""


def socket(turns: int = 10_000) -> dict[str, object]:
    """Ask so many times on one connection; each turn is a call in the ledger."""
    with site() as made:
        return asyncio.run(_talk(made, turns))


async def _talk(made: Site, turns: int) -> dict[str, object]:
    leash = await made.serve("--max-cost", "1000")
    root = made.house.home / ".leash" / "ca" / "root.pem"
    trust = ssl.create_default_context(cafile=str(root))
    proxy = f"http://{RUN}:x@127.0.0.1:{leash.port}"
    messages, warm, began = 0, 0.0, time.monotonic()
    async with (
        watched(leash.pid) as memory,
        connect(URL, ssl=trust, proxy=proxy, additional_headers={"x-fake-chunks": "3"}) as client,
    ):
        for turn in range(turns):
            if turn == int(turns * WARM):
                warm = time.monotonic() - began
            await client.send(ASK)
            messages += 1
            while True:
                kind = json.loads(await client.recv())["type"]
                messages += 1
                if kind == "response.completed":
                    break
        memory.look()
    seconds = time.monotonic() - began
    ended = leash.end()
    with made.ledger() as ledger:
        balance, problems = ledger.balance(RUN), ledger.fsck()
        measured = settled_calls(ledger, RUN)[Confidence.MEASURED]
    found = memory.growth(warm)
    counted = {
        "provider": made.provider.count,
        "opened": balance.calls,
        "settled": balance.settled,
        "measured": measured,
    }
    return {
        "turns": turns,
        "messages": messages,
        "seconds": round(seconds),
        "turns_per_second": round(turns / seconds),
        "counted": counted,
        "open_calls_left": balance.open_calls,
        **found,
        "held": (ended, problems) == (0, [])
        and set(counted.values()) == {turns}
        and (balance.open_calls, balance.held) == (0, 0)
        and float(str(found["rss_growth"])) < MOST_GROWTH,
    }
