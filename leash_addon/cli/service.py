"""What ``leash serve`` does from its first line to its last, alone or in several processes."""

import asyncio
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from leash_addon.cli.addresses import shown
from leash_addon.cli.admin.serving import Port, administering, change
from leash_addon.cli.ending import drain, told_to_end
from leash_addon.cli.engine import equip, proxying, writing
from leash_addon.cli.lines import count, limits_line
from leash_addon.cli.notices import log_notice, terms_line
from leash_addon.cli.options import now
from leash_addon.cli.reloading import reloading
from leash_addon.cli.renewing import Renewing
from leash_addon.cli.say import say
from leash_addon.cli.successor import succeed
from leash_addon.cli.workers import DRAIN, GRACE, Ends, Supervisor, reserve
from leash_addon.config.changes import taken_over
from leash_addon.config.load import watched
from leash_addon.config.settings import Settings
from leash_addon.ledger import open_ledger
from leash_addon.proxy.listening import Listening
from leash_addon.proxy.policy import Policy

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What is served where. ``read``: reads the settings anew. ``ends``: those of a worker.

    ``drain``: seconds that open calls get at the end. ``tells``: it says what reloading came to;
    one worker does.
    """

    settings: Settings
    host: str
    port: int
    listening: Listening
    read: Callable[[], Settings]
    drain: float
    admin: Port | None = None
    ends: Ends | None = None
    tells: bool = True

    @property
    def loudness(self) -> int:
        """Return the level at which reloading is told of."""
        return logging.WARNING if self.tells else logging.DEBUG


async def serve_alone(service: Service) -> None:
    """Serve until told to end. A worker's supervisor announces."""
    settings, ends = service.settings, service.ends
    equipment = equip(settings)
    policy = Policy.of(settings, prices=equipment.prices.describe())
    loudness = service.loudness
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
                    loudness=loudness,
                ) as engine,
                administering(
                    service.admin if ends is None else None,
                    settings,
                    lambda: engine.addon.governor.draining,
                ) as admin,
                reloading(
                    watched(settings),
                    Renewing(
                        *(engine, writer, admin),
                        read=service.read,
                        begun=settings,
                        loudness=loudness,
                    ),
                    loudness=loudness,
                    at_once=ends is not None and ends.succeeds,
                ),
            ):
                with told_to_end() as ending:
                    if ends is None:
                        _announce(service, equipment.authority.notice, engine.port)
                        if engine.proxy.web_url is not None:
                            say(f"inspect at {engine.proxy.web_url}")
                    else:
                        _report(ends, ending.begun)
                    await ending.begun.wait()
                    await drain(engine, ending, service.drain)
                runs.update(engine.addon.governor.runs)
        finally:
            await writer.finish_runs(runs)
    who = "" if ends is None else f"worker {os.getpid()} "
    calls, met = engine.addon.coverage.calls, engine.addon.governor.runs_met
    say(f"{who}served {count(calls, 'call')} in {count(met, 'run')}")


def serve_together(service: Service, workers: int) -> int:
    """Serve from several processes; return the exit code."""
    settings = service.settings
    notice = equip(settings).authority.notice  # made, or found wrong, once and before any fork
    with open_ledger(settings.db, terms=settings.terms) as ledger:
        ledger.sweep(now())

    with reserve(service.host, service.port) as held:
        taken = held.getsockname()[1]

        def work(ends: Ends, *, tells: bool = False) -> int:
            mine = _begun(replace(service, port=taken, tells=tells), ends)
            asyncio.run(serve_alone(mine))
            return 0

        def beside(ends: Ends) -> int:
            asyncio.run(_administer(_begun(service, ends)))
            return 0

        supervisor = Supervisor(
            [partial(work, tells=True), *[work] * (workers - 1)],
            aside=beside if service.admin else None,
            grace=service.drain + GRACE,
        )
        return supervisor.run(lambda: _announce(service, notice, taken, f" · {workers} workers"))


def _begun(service: Service, ends: Ends) -> Service:
    """Return the service of a worker; one that succeeds another has to learn what is new."""
    settings = service.settings
    if ends.succeeds:
        ends, settings = succeed(ends, settings, service.read)
    return replace(service, settings=settings, ends=ends)


async def _administer(service: Service) -> None:
    """Run the admin port of several workers: until they have drained."""
    draining = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(DRAIN, draining.set)
    async with administering(service.admin, service.settings, draining.is_set) as admin:

        async def reload() -> None:
            if admin is not None:
                read = await asyncio.to_thread(service.read)
                change(admin, taken_over(service.settings, read))

        with told_to_end() as ending:
            async with reloading(watched(service.settings), reload, loudness=logging.DEBUG):
                if service.ends is not None:
                    _report(service.ends, ending.begun)
                await ending.begun.wait()


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
