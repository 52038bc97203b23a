"""``leash serve``: one proxy for many runs, until it is told to end."""

import asyncio
import logging
from pathlib import Path

import click

from leash_addon.cli.addresses import address, is_loopback, shown
from leash_addon.cli.admin.serving import admin_port
from leash_addon.cli.descriptors import raise_descriptors
from leash_addon.cli.options import read_settings, serving_options
from leash_addon.cli.reloading import survive_hangups
from leash_addon.cli.service import Service, serve_alone, serve_together
from leash_addon.config import values
from leash_addon.config.settings import Settings
from leash_addon.config.tokens import VARIABLE
from leash_addon.errors import UsageError
from leash_addon.proxy.listening import (
    Listening,
    listener_certificate,
    patience_of,
    room_of,
)
from leash_addon.proxy.watching import read_at_rest

DEFAULT_LISTEN = "127.0.0.1:8088"
LEVELS = ("debug", "info", "warning", "error")


@click.command(
    epilog="\b\nExamples:\n  leash serve --insecure\n"
    "  leash serve --insecure --listen 127.0.0.1:9000 --max-cost 20 --log-level info\n"
    '\b\nClients:\n  HTTPS_PROXY=http://nightly:x@127.0.0.1:8088   (eval "$(leash env)")\n'
    "  base_url=http://127.0.0.1:8088/v1 and the header X-Loop-Id: nightly"
)
@click.option(
    "--listen",
    metavar="HOST:PORT",
    default=DEFAULT_LISTEN,
    show_default=True,
    envvar="LEASH_LISTEN",
    help="Where to listen.",
)
@click.option(
    "--insecure",
    is_flag=True,
    envvar="LEASH_INSECURE",
    help="Serve without asking who calls: everyone on this machine may. Loopback only.",
)
@click.option(
    "--socks5",
    metavar="[HOST:]PORT",
    envvar="LEASH_SOCKS5",
    help="Listen for SOCKS5 clients, too; the token is the password.",
)
@click.option(
    "--transparent",
    metavar="[HOST:]PORT",
    envvar="LEASH_TRANSPARENT",
    help="Listen for connections that a firewall redirects (Linux).",
)
@click.option(
    "--web",
    metavar="[HOST:]PORT",
    envvar="LEASH_WEB",
    help="Show every flow in mitmweb's interface; it keeps them in memory. Loopback only.",
)
@click.option(
    "--log-level",
    type=click.Choice(LEVELS),
    default="warning",
    show_default=True,
    envvar="LEASH_LOG_LEVEL",
    help="How much to log on standard error.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 256),
    default=1,
    show_default=True,
    envvar="LEASH_WORKERS",
    help="So many processes on the one port; a core each.",
)
@click.option(
    "--drain",
    metavar="30s",
    default="30s",
    show_default=True,
    envvar="LEASH_DRAIN",
    help="At the end, give open calls so long.",
)
@click.option(
    "--admin",
    metavar="HOST:PORT",
    envvar="LEASH_ADMIN",
    help="Listen for probes (/healthz, /readyz), /metrics and the API of leash --remote.",
)
@serving_options
@click.pass_context
def serve(
    ctx: click.Context,
    /,
    *,
    listen: str,
    insecure: bool,
    socks5: str | None,
    transparent: str | None,
    web: str | None,
    log_level: str,
    workers: int,
    drain: str,
    admin: str | None,
    config: Path | None,
    **flags: str | None,
) -> None:
    """Govern whoever comes: one port for HTTPS_PROXY and for base_url clients.

    Clients prove themselves with a token: the password of the proxy's address, or the header
    X-Leash-Token. A call belongs to the run that the proxy user names, else X-Loop-Id, else the
    path, else the agent's session, else "default" (run_from). Every run gets the limits given
    here; without any there is none.
    """
    survive_hangups()
    host, port = address(listen)

    def read() -> Settings:
        return read_settings(config, **flags)

    settings, seen = read_at_rest(read)
    further = _further(socks5, host, "--socks5"), _further(transparent, host, "--transparent")
    for each in (host, *(address(where)[0] for where in further if where)):
        may_serve(settings, each, insecure=insecure)
    log_to_stderr(log_level)
    listening = Listening(
        certificate=listener_certificate(settings),
        asks=bool(settings.tokens),
        socks5=further[0],
        transparent=further[1],
        web=_web(web, workers),
        patience=patience_of(settings),
        room=room_of(settings, raise_descriptors()),
    )
    service = Service(
        settings=settings,
        host=host,
        port=port,
        listening=listening,
        read=read,
        drain=_span(drain),
        admin=admin_port(admin, settings),
        seen=seen,
    )
    if workers == 1:
        asyncio.run(serve_alone(service))
    else:
        ctx.exit(serve_together(service, workers))


def _web(where: str | None, workers: int) -> tuple[str, int] | None:
    """Read where mitmweb's interface listens: on this machine, for one process."""
    if where is None:
        return None
    if workers > 1:
        msg = "--web: shows the flows of one process; leave --workers out"
        raise UsageError(msg)
    found = address(where if ":" in where else f"127.0.0.1:{where}", flag="--web")
    if not is_loopback(found[0]):
        msg = (
            f"--web: {found[0]} is not loopback; it shows prompts, so let an SSH tunnel lead there"
        )
        raise UsageError(msg)
    return found


def may_serve(settings: Settings, host: str, *, insecure: bool) -> None:
    """Refuse to open a door that nobody stands at. Raises ``UsageError``."""
    if settings.tokens:
        return
    if not insecure:
        msg = (
            f"serve asks who calls: export {VARIABLE}=$(leash gen-token), or write [[token]] "
            "tables; --insecure lets everyone on this machine in"
        )
        raise UsageError(msg)
    if not is_loopback(host):
        msg = (
            f"--listen: {host} is not loopback, and --insecure would let everyone in; "
            f"export {VARIABLE}=$(leash gen-token)"
        )
        raise UsageError(msg)


def log_to_stderr(level: str) -> None:
    """Log on standard error at a level; mitmproxy's own talk only with debug."""
    logging.basicConfig(
        level=level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    if level != "debug":
        logging.getLogger("mitmproxy").setLevel(logging.WARNING)


def _span(text: str) -> float:
    try:
        return float(values.span(text))
    except ValueError as error:
        msg = f"--drain: {error}"
        raise UsageError(msg) from None


def _further(where: str | None, host: str, flag: str) -> str | None:
    """Complete the address of a further port with the first one's host."""
    if where is None:
        return None
    whole = where if ":" in where else shown(host, 0).removesuffix("0") + where
    return shown(*address(whole, flag=flag))
