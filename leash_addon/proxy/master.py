"""mitmproxy's engine with only the addons that leash needs, embedded in our own program.

A stock mitmdump walks some forty addons for every hook; this Master has five. A trimmed Master
runs on silently where stock mitmproxy would exit, so a port that cannot be had is reported here
as ``ListenError``. While a ``Proxy`` runs, its event loop has Python's eager task factory, as
mitmproxy wants it. mitmproxy keeps its master in a global: one ``Proxy`` at a time per process.
"""

import asyncio
import os
import socket
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from mitmproxy import master
from mitmproxy.addons.block import Block
from mitmproxy.addons.next_layer import NextLayer
from mitmproxy.addons.proxyserver import Proxyserver
from mitmproxy.certs import CertStoreEntry
from mitmproxy.proxy.mode_servers import ServerInstance
from mitmproxy.proxy.mode_specs import ProxyMode, RegularMode
from mitmproxy.proxy.server import ConnectionHandler
from mitmproxy.utils import asyncio_utils

from leash_addon.config.settings import MAX_BODY
from leash_addon.errors import ListenError
from leash_addon.proxy.addon import LeashAddon
from leash_addon.proxy.bounded import bounded
from leash_addon.proxy.ca import Authority
from leash_addon.proxy.certs import LeafStore, LeashTls, utc_now
from leash_addon.proxy.closing import closing
from leash_addon.proxy.crowd import Crowd
from leash_addon.proxy.discreet import discreet, untold
from leash_addon.proxy.dispatch import Dispatch
from leash_addon.proxy.ebb import Ebb, trim
from leash_addon.proxy.late import watched
from leash_addon.proxy.lean import LeanOptions, lean
from leash_addon.proxy.listening import Listening
from leash_addon.proxy.onboarding import Onboarding
from leash_addon.proxy.pace import paced
from leash_addon.proxy.porter import Porter
from leash_addon.proxy.seam import seam
from leash_addon.proxy.silent import listening_by

SILENCE = 3600
"""Seconds that a connection may say nothing: the longest calls think for most of an hour."""

BACKLOG = 1024
"""Connections that may wait to be accepted; asyncio's 100 is less than a fan-out of agents."""

GOODBYE = 5.0
"""Seconds that open connections get to end when the proxy stops."""


class Proxy:
    """The listening proxy: ``async with Proxy(addon, authority) as proxy: proxy.port``.

    ``port`` 0 takes a free one. ``upstream_roots``: PEM file of the roots that providers'
    certificates are checked against; certifi's when ``None``. ``shared``: other processes may
    listen on the same port. ``max_body``: bytes of a call's body. Raises ``ListenError``.
    """

    def __init__(
        self,
        addon: LeashAddon,
        authority: Authority,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        upstream_roots: Path | None = None,
        shared: bool = False,
        listening: Listening | None = None,
        max_body: int = MAX_BODY,
    ) -> None:
        """Prepare; nothing listens before ``start``."""
        self._addon = addon
        self.authority = authority
        self._store = LeafStore(authority, utc_now)
        self._host, self._asked_port = host, port
        self._roots = upstream_roots
        self._shared = shared
        self._listening = listening or Listening()
        self._max_body = max_body
        self._server = Proxyserver()
        self._tls = LeashTls(self._store, self._listening.certificate)
        self._porter = Porter(
            self._handler_of,
            Crowd(self._listening.room, addon.access.entrance.balancers.trusts),
            self._listening.patience,
            Ebb(trim),
            tls=self._listening.certificate is not None,
        )
        self._exit = ExitStack()
        self._master: master.Master | None = None

    @property
    def port(self) -> int:
        """Return the port that is listened on."""
        for server in self._server.servers:
            if isinstance(server.mode, RegularMode):
                return int(server.listen_addrs[0][1])
        msg = "it does not listen"
        raise ListenError(msg)

    async def start(self) -> None:
        """Listen, or raise ``ListenError``."""
        made = self._master = self._made()
        made.options.update(**self._options())
        self._exit.enter_context(
            asyncio_utils.install_exception_handler(made._asyncio_exception_handler)  # noqa: SLF001
        )
        self._exit.enter_context(asyncio_utils.set_eager_task_factory())
        self._exit.enter_context(closing())
        self._exit.enter_context(lean())
        self._exit.enter_context(discreet())
        self._exit.enter_context(bounded(self._max_body))
        self._exit.enter_context(watched(self._porter))
        self._exit.enter_context(paced(self._porter.server_of))
        self._exit.enter_context(seam(self._addon.keys.swaps))
        with untold():
            try:
                await self._listen()
            except ListenError:
                await self.stop()
                raise
        self._porter.start()
        try:
            await made.running()
        except OSError as error:
            await self.stop()
            raise ListenError(str(error).partition("\n")[0]) from None

    def _handler_of(self, client: str) -> ConnectionHandler | None:
        return self._server.connections.get(client)

    def _made(self) -> master.Master:
        # The addon stands behind the TLS addon, whose context it may take back, and before
        # NextLayer, which steps aside where a layer is set.
        own = (self._tls, Onboarding(self._store.authority), self._addon, self._porter)
        if self._listening.web is not None:
            # Not at the top: no other start has to load mitmweb's modules.
            from leash_addon.proxy.inspected import inspected  # noqa: PLC0415

            web = inspected(own)
            self._server = web.proxyserver
            return web
        made = master.Master(LeanOptions())
        made.addons = Dispatch(made)
        made._legacy_log_events.uninstall()  # noqa: SLF001 - nobody here listens to add_log
        made.addons.add(Block(), self._server, *own, NextLayer())  # type: ignore[no-untyped-call]
        made.options.add_option("proxyauth", str | None, None, "")
        return made

    @property
    def web_url(self) -> str | None:
        """Return where mitmweb's interface is, with its token; ``None``: nowhere."""
        return getattr(self._master, "web_url", None)

    def present(self, certificate: CertStoreEntry) -> None:
        """Show clients of a port that speaks TLS this certificate from now on."""
        self._tls.own = certificate

    async def stop_listening(self) -> None:
        """Take no new connection; those that are open go on."""
        await self._server.servers.update([])

    async def stop(self) -> None:
        """Stop listening, end every connection, and settle what is open."""
        if self._master is None:
            return
        made, self._master = self._master, None
        await self._server.servers.update([])
        self._porter.stop()
        await self._hang_up()
        await made.done()
        self._exit.close()

    async def __aenter__(self) -> Self:
        """Start."""
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop."""
        await self.stop()

    def _options(self) -> dict[str, object]:
        listening = self._listening
        return {
            **listening.web_options,
            "connection_strategy": "lazy",  # a refused call must cost no upstream connection
            "http2": False,  # a stream can be cut alone
            "listen_host": self._host,
            "listen_port": self._asked_port,
            # Public addresses may come where a token is asked for, and cannot be overheard.
            "block_global": not (listening.asks and listening.certificate is not None),
            "mode": ["regular", *listening.modes],
            # mitmproxy's SOCKS layer looks at it to know whether to ask for a password.
            "proxyauth": "asks" if listening.asks else None,
            "rawtcp": False,  # whatever reaches a provider without TLS is HTTP, or nothing
            "ssl_verify_upstream_trusted_ca": str(self._roots) if self._roots else None,
            "tcp_timeout": SILENCE,
            "upstream_cert": False,
        }

    async def _listen(self) -> None:
        with listening_by(self._porter, shared=self._shared):
            await self._server.setup_servers()
        for instance in self._server.servers:
            if not instance.is_running:
                raise ListenError(self._complaint(instance))
            for listening in getattr(instance, "_servers", ()):
                _widen_backlog(listening)

    def _complaint(self, instance: ServerInstance[ProxyMode]) -> str:
        error, mode = instance.last_exception, instance.mode
        host, port = mode.listen_host(self._host), mode.listen_port(self._asked_port)
        flag = "listen" if isinstance(mode, RegularMode) else mode.type_name
        code = error.errno if isinstance(error, OSError) else None
        why = str(error) if code is None else os.strerror(code)
        return (
            f"cannot listen on {host}:{port}: {why}; choose another address or port with --{flag}"
        )

    async def _hang_up(self) -> None:
        for handler in list(self._server.connections.values()):
            io = handler.transports.get(handler.client)
            if io is not None and io.handler is not None:
                io.handler.cancel("the proxy stops")
        with suppress(TimeoutError):
            async with asyncio.timeout(GOODBYE):
                while self._server.connections:  # noqa: ASYNC110 - mitmproxy tells nobody
                    await asyncio.sleep(0.01)


def _widen_backlog(server: asyncio.Server) -> None:
    for listening in server.sockets:
        with socket.socket(fileno=os.dup(listening.fileno())) as same:
            same.listen(BACKLOG)
