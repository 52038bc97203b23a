"""The porter of our own port: who comes in, how long anybody may dawdle, and who is put out.

Once a second those are given up whose time is over. Where a head or a body is late its client is
told so with 408, in its own TLS; everybody else is hung up on. When every place is taken, somebody
who has said nothing yet makes room.
"""

import asyncio
import logging
from collections.abc import Callable, Hashable
from typing import Final

from mitmproxy import tls
from mitmproxy.connection import Client
from mitmproxy.proxy.layer import NextLayer
from mitmproxy.proxy.layers import TCPLayer
from mitmproxy.proxy.layers.http._http1 import Http1Server
from mitmproxy.proxy.server import ConnectionHandler

from leash_addon.proxy.crowd import Crowd, Full
from leash_addon.proxy.ebb import Ebb
from leash_addon.proxy.error_pages import error_answer
from leash_addon.proxy.late import give_up, is_ours, late_answer
from leash_addon.proxy.patience import Deadlines, Patience, Phase
from leash_addon.proxy.silent import Silent
from leash_addon.proxy.tally import Tally

logger = logging.getLogger(__name__)

TICK: Final = 1.0
SOON: Final = 0.02
AT_ONCE: Final = 50
"""Connections that are given up in one go, so that the event loop is not held up."""

MOST_TOLD: Final = 64
"""Clients that are told why they are turned away, at a time; the others are hung up on."""

FIRST_WORD: Final = 0.25
"""Seconds that everybody has for a first byte, also when every place is taken."""

LOUD = frozenset({Phase.HEAD, Phase.BODY})


class Porter:
    """A sub-addon, and what decides over new connections.

    ``find``: finds mitmproxy's handler of a client. ``tls``: the port speaks TLS.
    """

    name = "leash-porter"

    def __init__(
        self,
        find: Callable[[str], ConnectionHandler | None],
        crowd: Crowd,
        patience: Patience,
        ebb: Ebb,
        *,
        tls: bool = False,
    ) -> None:
        """Take whom to watch, and how."""
        self.crowd, self.deadlines = crowd, Deadlines(patience)
        self._find, self._ebb, self._tls = find, ebb, tls
        self._tally = Tally(logger)
        self._waiting: set[Silent] = set()
        self._silent: dict[Silent, float] = {}
        self._servers: dict[str, Http1Server] = {}
        self._told = 0
        self._timer: asyncio.TimerHandle | None = None

    # ---- new connections

    def comes(self, one: Silent) -> bool:
        """Let a connection in; ``False``: there is no place for it."""
        full = self.crowd.full(one.address)
        if full is Full.ALL and self._make_room():
            full = None
        if full is not None:
            whose = f", {one.address}" if full is Full.ONE else ""
            self._tally.note(logging.WARNING, f"connections turned away ({full}{whose})")
            return False
        self.crowd.enter(one.address)
        self._waiting.add(one)
        self._silent[one] = now = self._now()
        self.deadlines.enter(one, Phase.SILENT, now)
        return True

    def begins(self, one: Silent) -> None:
        """Take note that a part of its first head has come."""
        self._silent.pop(one, None)
        self.deadlines.enter(one, Phase.HEAD, self._now())

    def speaks(self, one: Silent) -> None:
        """Take note that it is served from now on."""
        self._waiting.discard(one)
        self._silent.pop(one, None)
        self.deadlines.enter(one, None, 0)

    def leaves(self, one: Silent) -> None:
        """Take note that it has gone before that."""
        self.speaks(one)
        self.gone(one.address)

    def gone(self, address: str) -> None:
        """Take note that somebody who was let in has gone."""
        self.crowd.leave(address)

    def answer(self, *, http: bool) -> bytes:
        """Return what one who is turned away is told; empty: nothing."""
        loop = asyncio.get_running_loop()
        if not http or self._tls or self._told >= MOST_TOLD:
            return b""
        self._told += 1
        loop.call_later(TICK, self._forget_one)
        return error_answer(503, "too many connections; come back in a while")

    def _forget_one(self) -> None:
        self._told -= 1

    def _make_room(self) -> bool:
        one, since = next(iter(self._silent.items()), (None, 0.0))
        if one is None or self._now() - since < FIRST_WORD:
            return False
        self._tally.note(logging.WARNING, "silent connections ended for new ones (max_connections)")
        one.close()
        self.leaves(one)
        one.transport = None
        return True

    # ---- those that have spoken

    def client_connected(self, client: Client) -> None:
        """Wait for its first request."""
        self.deadlines.enter(client.id, Phase.HEAD, self._now())

    def client_disconnected(self, client: Client) -> None:
        """Forget it."""
        self.deadlines.enter(client.id, None, 0)
        self._servers.pop(client.id, None)

    def next_layer(self, nextlayer: NextLayer) -> None:
        """Wait no more for what is tunnelled."""
        if isinstance(nextlayer.layer, TCPLayer):
            self.deadlines.enter(nextlayer.context.client.id, None, 0)

    def tls_clienthello(self, hello: tls.ClientHelloData) -> None:
        """Wait no more for what is tunnelled."""
        if hello.ignore_connection:
            self.deadlines.enter(hello.context.client.id, None, 0)

    def reads(self, server: Http1Server) -> None:
        """Take note of what reads the requests of a connection by now."""
        self._servers[server.conn.id] = server

    def server_of(self, client: str) -> Http1Server | None:
        """Return what reads the requests of a connection."""
        return self._servers.get(client)

    def waits(self, client: str, phase: Phase | None, size: int = 0) -> None:
        """Take note of what a client is waited for; ``size``: bytes that have come of it."""
        now = self._now()
        self.deadlines.enter(client, phase, now)
        if phase is Phase.BODY:
            self.deadlines.came(client, size, now)

    # ---- the clock

    def start(self) -> None:
        """Look at the clock from now on."""
        self._timer = asyncio.get_running_loop().call_later(TICK, self._look)

    def stop(self) -> None:
        """Look no more, and hang up on whoever has said nothing."""
        if self._timer is not None:
            self._timer.cancel()
        for one in list(self._waiting):
            one.close()

    def _look(self) -> None:
        now = self._now()
        late = self.deadlines.late(now, AT_ONCE)
        for key, phase in late:
            self._give_up(key, phase, now)
        self._tally.tell(now)
        if not late:
            self._ebb.look(self.crowd.count)
        again = SOON if len(late) == AT_ONCE else TICK
        self._timer = asyncio.get_running_loop().call_later(again, self._look)

    def _give_up(self, key: Hashable, phase: Phase, now: float) -> None:
        if isinstance(key, Silent):
            key.close(b"" if self._tls else late_answer(phase, self.deadlines.patience.of(phase)))
            self._note(phase)
            return
        handler = self._find(str(key))
        if handler is None:
            return
        if phase is Phase.BODY and _is_behind(handler):
            self.deadlines.enter(key, phase, now)
            return
        self._note(phase)
        server = self._servers.get(str(key))
        if server is not None and is_ours(server):
            give_up(handler, server, phase, self.deadlines.patience.of(phase))
            return
        io = handler.transports.get(handler.client)
        if io is not None and io.handler is not None:
            io.handler.cancel("it took too long")

    def _note(self, phase: Phase) -> None:
        seconds = self.deadlines.patience.of(phase)
        level = logging.WARNING if phase in LOUD else logging.INFO
        self._tally.note(level, f"connections ended that {phase.value} within {seconds} s")

    def _now(self) -> float:
        return asyncio.get_running_loop().time()


def _is_behind(handler: ConnectionHandler) -> bool:
    """Tell whether something has come that we have not read: then the client is not to blame."""
    io = handler.transports.get(handler.client)
    return bool(getattr(getattr(io, "reader", None), "_buffer", b""))
