"""``leash serve``: one proxy for many runs, until it is told to end."""

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import click

from leash_addon.cli.addresses import address, is_loopback, shown
from leash_addon.cli.engine import Engine, equip, proxying, writing
from leash_addon.cli.lines import count, limits_line
from leash_addon.cli.notices import log_notice, terms_line
from leash_addon.cli.options import now, read_settings, serving_options
from leash_addon.cli.reloading import reloading
from leash_addon.cli.say import say
from leash_addon.cli.workers import Ends, Supervisor, reserve
from leash_addon.config.load import watched
from leash_addon.config.settings import Settings
from leash_addon.config.tokens import VARIABLE
from leash_addon.errors import UsageError
from leash_addon.ledger import open_ledger
from leash_addon.proxy.listening import Listening, listener_certificate
from leash_addon.proxy.policy import Policy

DEFAULT_LISTEN = "127.0.0.1:8088"
LEVELS = ("debug", "info", "warning", "error")
logger = logging.getLogger(__name__)

ENDS = (signal.SIGINT, signal.SIGTERM)


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
    help="Listen for connections that a firewall redirects (Linux: as root).",
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
    log_level: str,
    workers: int,
    config: Path | None,
    **flags: str | None,
) -> None:
    """Govern whoever comes: one port for HTTPS_PROXY and for base_url clients.

    Clients prove themselves with a token: the password of the proxy's address, or the header
    X-Leash-Token. A call belongs to the run that the proxy user names, else X-Loop-Id, else the
    path, else the agent's session, else "default" (run_from). Every run gets the limits given
    here; without any there is none.
    """
    host, port = address(listen)

    def read() -> Settings:
        return read_settings(config, **flags)

    settings = read()
    may_serve(settings, host, insecure=insecure)
    log_to_stderr(log_level)
    listening = Listening(
        certificate=listener_certificate(settings),
        asks=bool(settings.tokens),
        socks5=_further(socks5, host, "--socks5"),
        transparent=_further(transparent, host, "--transparent"),
    )
    service = Service(settings=settings, host=host, port=port, listening=listening, read=read)
    if workers == 1:
        asyncio.run(_serve(service))
    else:
        ctx.exit(_serve_together(service, workers))


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What is served where. ``read``: reads the settings anew. ``ends``: those of a worker."""

    settings: Settings
    host: str
    port: int
    listening: Listening
    read: Callable[[], Settings]
    ends: Ends | None = None


def _further(where: str | None, host: str, flag: str) -> str | None:
    """Complete the address of a further port with the first one's host."""
    if where is None:
        return None
    whole = where if ":" in where else shown(host, 0).removesuffix("0") + where
    return shown(*address(whole, flag=flag))


async def _serve(service: Service) -> None:
    """Serve until told to end. A worker's supervisor announces."""
    settings, ends = service.settings, service.ends
    equipment = equip(settings)
    policy = Policy.of(settings, prices=equipment.prices.describe())
    async with writing(settings, log_notice) as (_, writer):
        runs: set[str] = set()
        try:
            async with (
                proxying(
                    equipment,
                    writer,
                    policy,
                    dict(os.environ),
                    host=service.host,
                    port=service.port,
                    shared=ends is not None,
                    listening=service.listening,
                ) as engine,
                reloading(watched(settings), lambda: _reload(service, engine)),
            ):
                with _told_to_end() as end:
                    if ends is None:
                        _announce(service, equipment.authority.notice, engine.port)
                    else:
                        _report(ends, end)
                    await end.wait()
                runs.update(engine.addon.governor.runs)
        finally:
            await writer.finish_runs(runs)
    who = "" if ends is None else f"worker {os.getpid()} "
    calls, met = engine.addon.coverage.calls, engine.addon.governor.runs_met
    say(f"{who}served {count(calls, 'call')} in {count(met, 'run')}")


async def _reload(service: Service, engine: Engine) -> None:
    """Take changed tokens in."""
    gate = engine.addon.access.entrance.gate
    settings = await asyncio.to_thread(service.read)
    if gate is None:
        return
    gate.change(settings.tokens)
    logger.warning("reloaded: %s", count(len(settings.tokens), "token"))


def _serve_together(service: Service, workers: int) -> int:
    """Serve from several processes; return the exit code."""
    settings = service.settings
    notice = equip(settings).authority.notice  # made, or found wrong, once and before any fork
    with open_ledger(settings.db, terms=settings.terms) as ledger:
        ledger.sweep(now())

    with reserve(service.host, service.port) as held:
        taken = held.getsockname()[1]

        def work(ends: Ends) -> int:
            asyncio.run(_serve(replace(service, port=taken, ends=ends)))
            return 0

        supervisor = Supervisor(workers, work)
        return supervisor.run(lambda: _announce(service, notice, taken, f" · {workers} workers"))


def _report(ends: Ends, end: asyncio.Event) -> None:
    """Tell the supervisor that this worker listens, and end when the supervisor does."""
    asyncio.get_running_loop().add_reader(ends.alive, end.set)
    os.write(ends.ready, b"1")
    os.close(ends.ready)


def _announce(service: Service, notice: str | None, port: int, workers: str = "") -> None:
    settings = service.settings
    if notice:
        say(notice)
    terms = terms_line(settings)
    if not settings.limits_given and not terms:
        say(
            'no limit is set, on the run "default" or any other: calls are metered, none is refused'
        )
    where = shown(service.host, port)
    tls = " with TLS" if service.listening.certificate is not None else ""
    listening = service.listening
    more = [f"socks5 on {listening.socks5}"] if listening.socks5 else []
    more += [f"transparent on {listening.transparent}"] if listening.transparent else []
    tls += "".join(f", {each}" for each in more)
    say(f"serving on {where}{tls}{workers} · {limits_line(settings.limits)}{terms}")


@contextlib.contextmanager
def _told_to_end() -> Iterator[asyncio.Event]:
    loop, end = asyncio.get_running_loop(), asyncio.Event()
    for which in ENDS:
        loop.add_signal_handler(which, end.set)
    try:
        yield end
    finally:
        for which in ENDS:
            loop.remove_signal_handler(which)
