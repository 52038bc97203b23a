"""The admin port beside a proxy, or in a process of its own beside several."""

import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from leash_addon.cli.addresses import address, is_loopback, shown
from leash_addon.cli.admin.api import Api
from leash_addon.cli.admin.desk import Desk
from leash_addon.cli.admin.server import Admin
from leash_addon.cli.options import now
from leash_addon.cli.say import say
from leash_addon.config.settings import Settings
from leash_addon.config.tokens import VARIABLE, Grant
from leash_addon.errors import UsageError
from leash_addon.proxy.gate import Gate
from leash_addon.proxy.listening import listener_certificate


@dataclass(frozen=True, slots=True)
class Port:
    """Where the admin port is to be."""

    host: str
    port: int


def admin_port(where: str | None, settings: Settings) -> Port | None:
    """Read ``--admin``; raises ``UsageError`` for a port that everyone could use."""
    if where is None:
        return None
    host, port = address(where, flag="--admin")
    if not masters(settings) and not is_loopback(host):
        msg = f"--admin: {host} is not loopback and no token is set; export {VARIABLE}"
        raise UsageError(msg)
    return Port(host, port)


def masters(settings: Settings) -> tuple[Grant, ...]:
    """Return the tokens that may administer: those that may say anything of themselves."""
    return tuple(grant for grant in settings.tokens if grant.tags is None and not grant.tenant)


def change(admin: Admin, settings: Settings) -> None:
    """Take new settings in. Raises ``UsageError`` for a certificate and key that do not fit."""
    if admin.tls is not None and settings.tls_cert is not None:
        listener_certificate(settings)  # a pair that is half written would spoil the context
        admin.tls.load_cert_chain(settings.tls_cert, settings.tls_key)
    admin.api = Api(settings)
    if admin.gate is not None:
        admin.gate.change(masters(settings))


@asynccontextmanager
async def administering(
    where: Port | None, settings: Settings, is_draining: Callable[[], bool]
) -> AsyncIterator[Admin | None]:
    """Listen on the admin port while inside. Raises ``ListenError``."""
    if where is None:
        yield None
        return
    gate = Gate(masters(settings), now) if settings.tokens else None
    admin = Admin(Api(settings), Desk(settings), Desk(settings), gate, is_draining)
    port = admin.listen(where.host, where.port, _tls(settings))
    await admin.begin()
    say(f"admin on {shown(where.host, port)}")
    try:
        yield admin
    finally:
        await admin.close()


def _tls(settings: Settings) -> ssl.SSLContext | None:
    if settings.tls_cert is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(settings.tls_cert, settings.tls_key)
    return context
