"""``leash serve``: one proxy for many runs, until it is told to end."""

import asyncio
import contextlib
import ipaddress
import logging
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import click

from leash_addon.cli.engine import equip, proxying, writing
from leash_addon.cli.lines import count, limits_line
from leash_addon.cli.notices import log_notice, terms_line
from leash_addon.cli.options import now, read_settings, settings_options
from leash_addon.cli.say import say
from leash_addon.cli.workers import Ends, Supervisor, reserve
from leash_addon.config.settings import Settings
from leash_addon.errors import UsageError
from leash_addon.ledger import open_ledger
from leash_addon.proxy.policy import Policy

DEFAULT_LISTEN = "127.0.0.1:8088"
LEVELS = ("debug", "info", "warning", "error")
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
    help="Where to listen; loopback only, so far.",
)
@click.option(
    "--insecure",
    is_flag=True,
    envvar="LEASH_INSECURE",
    help="Serve without asking who calls: everyone on this machine may.",
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
@settings_options
@click.pass_context
def serve(
    ctx: click.Context,
    /,
    *,
    listen: str,
    insecure: bool,
    log_level: str,
    workers: int,
    config: Path | None,
    **flags: str | None,
) -> None:
    """Govern whoever comes: one port for HTTPS_PROXY and for base_url clients.

    A call belongs to the run that X-Loop-Id names, else to the proxy user's, else to "default".
    Every run gets the limits given here; without any there is none.
    """
    host, port = address(listen)
    if not insecure:
        msg = "serve asks nobody who calls, so far; --insecure says that you know"
        raise UsageError(msg)
    log_to_stderr(log_level)
    settings = read_settings(config, **flags)
    if workers == 1:
        asyncio.run(_serve(settings, host, port))
    else:
        ctx.exit(_serve_together(settings, host, port, workers))


def address(text: str) -> tuple[str, int]:
    """Read ``HOST:PORT``. Raises ``UsageError``, also for what is not loopback."""
    host, colon, port = text.rpartition(":")
    host = host.strip("[]")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535:  # noqa: PLR2004
        msg = f"--listen: {text!r} is no address; write for example {DEFAULT_LISTEN}"
        raise UsageError(msg)
    with contextlib.suppress(ValueError):
        if ipaddress.ip_address(host).is_loopback:
            return host, int(port)
    if host == "localhost":
        return "127.0.0.1", int(port)
    msg = f"--listen: {host or 'every address'} is not loopback, and nobody is asked who calls"
    raise UsageError(msg)


def log_to_stderr(level: str) -> None:
    """Log on standard error at a level; mitmproxy's own talk only with debug."""
    logging.basicConfig(
        level=level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    if level != "debug":
        logging.getLogger("mitmproxy").setLevel(logging.WARNING)


async def _serve(settings: Settings, host: str, port: int, ends: Ends | None = None) -> None:
    """Serve until told to end. ``ends``: those of a worker, whose supervisor announces."""
    equipment = equip(settings)
    policy = Policy.of(settings, prices=equipment.prices.describe())
    async with writing(settings, log_notice) as (_, writer):
        runs: set[str] = set()
        try:
            async with proxying(
                equipment,
                writer,
                policy,
                dict(os.environ),
                host=host,
                port=port,
                shared=ends is not None,
            ) as engine:
                with _told_to_end() as end:
                    if ends is None:
                        _announce(settings, equipment.authority.notice, host, engine.port)
                    else:
                        _report(ends, end)
                    await end.wait()
                runs.update(engine.addon.governor.runs)
        finally:
            for run in sorted(runs):
                await writer.finish_run(run, 0)
    who = "" if ends is None else f"worker {os.getpid()} "
    say(f"{who}served {count(engine.addon.coverage.calls, 'call')} in {count(len(runs), 'run')}")


def _serve_together(settings: Settings, host: str, port: int, workers: int) -> int:
    """Serve from several processes; return the exit code."""
    notice = equip(settings).authority.notice  # made, or found wrong, once and before any fork
    with open_ledger(settings.db, terms=settings.terms) as ledger:
        ledger.sweep(now())

    with reserve(host, port) as held:
        taken = held.getsockname()[1]

        def work(ends: Ends) -> int:
            asyncio.run(_serve(settings, host, taken, ends))
            return 0

        supervisor = Supervisor(workers, work)
        return supervisor.run(
            lambda: _announce(settings, notice, host, taken, f" · {workers} workers")
        )


def _report(ends: Ends, end: asyncio.Event) -> None:
    """Tell the supervisor that this worker listens, and end when the supervisor does."""
    asyncio.get_running_loop().add_reader(ends.alive, end.set)
    os.write(ends.ready, b"1")
    os.close(ends.ready)


def _announce(
    settings: Settings, notice: str | None, host: str, port: int, workers: str = ""
) -> None:
    if notice:
        say(notice)
    terms = terms_line(settings)
    if not settings.limits_given and not terms:
        say(
            'no limit is set, on the run "default" or any other: calls are metered, none is refused'
        )
    shown = f"[{host}]" if ":" in host else host
    say(f"serving on {shown}:{port}{workers} · {limits_line(settings.limits)}{terms}")


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
