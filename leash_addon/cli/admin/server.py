"""The admin port's HTTP: probes without a token, everything else behind one."""

import asyncio
import contextlib
import logging
import ssl
from collections.abc import Callable
from typing import Any, override
from urllib.parse import unquote

import msgspec
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from leash_addon.cli.admin.api import Api
from leash_addon.cli.admin.bodies import account_in, by_in, given_in
from leash_addon.cli.admin.desk import Desk
from leash_addon.cli.admin.metrics import CONTENT_TYPE, Metrics
from leash_addon.cli.admin.neighbour import is_neighbour
from leash_addon.cli.options import now
from leash_addon.errors import LeashError, LedgerError, ListenError, UsageError
from leash_addon.ledger import Ledger
from leash_addon.proxy.gate import Gate
from leash_addon.proxy.refusals import Denial

logger = logging.getLogger(__name__)

READY_WITHIN = 1.0
"""Seconds within which the ledger must answer."""

MOST_BODY = 65_536
OK, BAD, UNAUTHORIZED, FORBIDDEN, MISSING, AWAY = 200, 400, 401, 403, 404, 503


class Admin:
    """The admin port. ``gate``: who gets in, ``None`` lets everyone (loopback, ``--insecure``).

    ``probe``: a desk for the probes alone, which must not wait for a long answer's end.
    ``is_draining``: tells whether the proxy takes no new calls.
    """

    def __init__(
        self,
        api: Api,
        desk: Desk,
        probe: Desk,
        gate: Gate | None,
        is_draining: Callable[[], bool],
    ) -> None:
        """Prepare; nothing listens before ``listen``."""
        self.api, self.desk, self.probe = api, desk, probe
        self.gate, self.is_draining = gate, is_draining
        self.metrics = Metrics()
        self.tls: ssl.SSLContext | None = None
        self._server: HTTPServer | None = None

    def listen(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> int:
        """Listen; return the port. Raises ``ListenError``."""
        room = {"admin": self}
        application = Application(
            [
                (r"/healthz", Health, room),
                (r"/readyz", Ready, room),
                (r"/metrics", Scrape, room),
                (r"/api/(.*)", Call, room),
                (r".*", Missing, room),
            ],
            log_function=_log,
        )
        self.tls = tls
        self._server = HTTPServer(application, ssl_options=tls, max_body_size=MOST_BODY)
        try:
            sockets = bind_sockets(port, host)
        except OSError as error:
            msg = f"--admin: cannot listen on {host}:{port}: {error.strerror or error}"
            raise ListenError(msg) from error
        self._server.add_sockets(sockets)
        return int(sockets[0].getsockname()[1])

    async def begin(self) -> None:
        """Count from here on; a ledger that does not answer is counted from when it first does."""
        with contextlib.suppress(LeashError, TimeoutError):
            async with asyncio.timeout(READY_WITHIN):
                await self.desk(self.metrics.begin)

    async def close(self) -> None:
        """Stop listening and close the ledger."""
        if self._server is not None:
            self._server.stop()
            await self._server.close_all_connections()
        await self.desk.close()
        await self.probe.close()


class Handler(RequestHandler):
    """One request; errors are JSON, and never a traceback."""

    def initialize(self, admin: Admin) -> None:
        """Know the port."""
        self.admin = admin

    @override
    def set_default_headers(self) -> None:
        self.set_header("server", "leash")
        self.set_header("cache-control", "no-store")

    @override
    def write_error(self, status_code: int, **kwargs: Any) -> None:
        self.answer(status_code, {"error": {"message": self._reason}})

    def answer(self, status: int, found: object) -> None:
        """Answer in JSON."""
        self.set_status(status)
        self.set_header("content-type", "application/json")
        self.finish(msgspec.json.encode(found) + b"\n")

    def refuse(self, status: int, message: str) -> None:
        """Answer with an error."""
        self.answer(status, {"error": {"message": message}})

    def has_entered(self) -> bool:
        """Tell whether the token lets the caller in; else it has been answered."""
        gate = self.admin.gate
        if gate is None:
            if not is_neighbour(self.request):
                self.refuse(FORBIDDEN, "without a token only programs on this machine may ask")
                return False
            return True
        scheme, _, token = self.request.headers.get("authorization", "").partition(" ")
        token = token if scheme.lower() == "bearer" else ""
        token = self.request.headers.get("x-leash-token", token)
        asked = token.strip().encode("latin-1", "replace") or None
        grant = gate.enter(asked, self.request.remote_ip or "", status=UNAUTHORIZED)
        if not isinstance(grant, Denial):
            return True
        self.set_header("www-authenticate", 'Bearer realm="leash"')
        if grant.retry_after is not None:
            self.set_header("retry-after", str(int(grant.retry_after) + 1))
        self.refuse(grant.status or UNAUTHORIZED, grant.message)
        return False


class Missing(Handler):
    """What is not here."""

    def prepare(self) -> None:
        """Say what there is."""
        self.refuse(MISSING, "there are /healthz, /readyz, /metrics and /api/runs")


class Health(Handler):
    """The process is alive."""

    def get(self) -> None:
        """Say so."""
        self.answer(OK, {"status": "ok"})


class Ready(Handler):
    """The proxy takes calls: its ledger answers, and it is not about to end."""

    async def get(self) -> None:
        """Ask the ledger."""
        if self.admin.is_draining():
            self.answer(AWAY, {"status": "draining"})
            return
        try:
            async with asyncio.timeout(READY_WITHIN):
                await self.admin.probe(Ledger.last_seq)
        except (LeashError, TimeoutError):
            self.answer(AWAY, {"status": "the ledger does not answer"})
            return
        self.answer(OK, {"status": "ready"})


class Scrape(Handler):
    """Metrics."""

    async def get(self) -> None:
        """Fold what is new, and write all of it."""
        if not self.has_entered():
            return
        metrics = self.admin.metrics
        try:
            await self.admin.desk(lambda ledger: metrics.follow(ledger, now))
        except LedgerError as error:
            self.refuse(AWAY, str(error))
            return
        self.set_header("content-type", CONTENT_TYPE)
        self.finish(metrics.written())


class Call(Handler):
    """The API."""

    async def get(self, _: str) -> None:
        """Read."""
        await self._do(self._reading(self._words()))

    async def post(self, _: str) -> None:
        """Change."""
        await self._do(self._changing(self._words()))

    def _words(self) -> list[str]:
        """Take the path apart; a tenant's run has a slash in its name, which comes as ``%2F``."""
        path = self.request.path.removeprefix("/api/").strip("/")
        return [unquote(word) for word in path.split("/")]

    async def _do(self, work: Callable[[Ledger], object] | None) -> None:
        if not self.has_entered():
            return
        if work is None:
            self.refuse(MISSING, f"the API has no {self.request.method} {self.request.path}")
            return
        try:
            found = await self.admin.desk(work)
        except UsageError as error:
            self.refuse(MISSING if str(error).startswith("no run") else BAD, str(error))
        except LedgerError as error:
            self.refuse(AWAY, str(error))
        except Exception:
            logger.exception("the admin API failed on %s", self.request.path)
            self.refuse(500, "leash itself failed; its log says why")
        else:
            self.answer(OK, found)

    def _reading(self, words: list[str]) -> Callable[[Ledger], object] | None:
        api = self.admin.api
        every = self.get_query_argument("all", "") == "1"
        run = self.get_query_argument("run", "") or None
        plain: dict[str, Callable[[Ledger], object]] = {
            "runs": api.runs,
            "calls": api.calls,
            "caps": lambda ledger: api.caps(ledger, every=every),
            "findings": lambda ledger: api.findings(ledger, run),
            "tokens": lambda _: api.tokens(),
        }
        match words:
            case ["runs", name]:
                return lambda ledger: api.run(ledger, name)
            case ["runs", name, "journal"]:
                return lambda ledger: api.journal(ledger, name)
            case _:
                return plain.get("/".join(words))

    def _changing(self, words: list[str]) -> Callable[[Ledger], object] | None:
        api, body = self.admin.api, self.request.body
        match words:
            case ["runs", name, "kill"]:
                return lambda ledger: api.kill(ledger, name, by_in(body))
            case ["runs", name, "raise"]:
                return lambda ledger: api.raise_run(ledger, name, *given_in(body))
            case ["caps", "raise"]:
                return lambda ledger: api.raise_cap(ledger, *account_in(body))
            case _:
                return None


def _log(handler: RequestHandler) -> None:
    """Log method, path and status: no query, no header."""
    request = handler.request
    logger.debug("admin: %s %s %d", request.method, request.path, handler.get_status())
