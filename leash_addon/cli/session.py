"""One governed run of one command, from its start line to its exit code."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec

from leash_addon.cli import lines
from leash_addon.cli.engine import Engine, Equipment, equip, proxying, rng, writing
from leash_addon.cli.environment import Door, child_environment, ungoverned
from leash_addon.cli.jail import Cell, confined, walls_of
from leash_addon.cli.notices import screening_part
from leash_addon.cli.options import now
from leash_addon.cli.say import say
from leash_addon.cli.terminal import open_terminal
from leash_addon.cli.troubles import quiet
from leash_addon.cli.wrap import Ended, wrap
from leash_addon.config.settings import LIMIT_KEYS, Settings
from leash_addon.config.tokens import VARIABLE
from leash_addon.core.balance import Balance
from leash_addon.core.journal import CallRefused, Entry, Screened, Warned
from leash_addon.core.limits import Limits
from leash_addon.core.money import usd
from leash_addon.core.verdict import Reason
from leash_addon.errors import UsageError
from leash_addon.ledger import Ledger, LedgerWriter
from leash_addon.proxy.coverage import Coverage
from leash_addon.proxy.identify import RUN_ID
from leash_addon.proxy.policy import Policy

DEFAULT_BUDGET = usd("5.00")
"""What a run may cost when nobody gave it any limit."""

STOPPED = 3
"""Exit code of a run that was stopped or killed."""

UNCOVERED = 4
"""Exit code of ``--require-coverage`` when something went unmetered and the command succeeded."""

FAILED = 125
"""Exit code when leash itself failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be run, and as which run (``None``: a new one).

    ``alone``: variables of ``environ`` that the command inherits as they are.
    ``jail``: the way in which it is jailed; ``None``: it is not.
    ``require_coverage``: a success counts only if everything was metered.
    """

    settings: Settings
    command: Sequence[str]
    run: str | None
    environ: Mapping[str, str]
    alone: Sequence[str] = ()
    require_coverage: bool = False
    jail: str | None = None


def check_run(run: str) -> str:
    """Return a run's id; raises ``UsageError`` for one that is none."""
    if RUN_ID.fullmatch(run) is None:
        msg = f"--run: {run!r} is no run id: 1 to 128 letters, digits or . _ : -, the first no -"
        raise UsageError(msg)
    return run


@dataclass(slots=True)
class Notes:
    """What is told at the end, because leash is silent while the command runs."""

    warned: list[Warned] = field(default_factory=list)
    refused: set[Reason] = field(default_factory=set)
    rules: dict[str, None] = field(default_factory=dict)

    def take(self, entry: Entry) -> None:
        """Keep an entry of the journal, if it is one to tell of."""
        match entry:
            case Warned():
                self.warned.append(entry)
            case CallRefused():
                self.refused.add(entry.reason)
            case Screened():
                self.rules |= dict.fromkeys(found.rule for found in entry.found)
            case _:
                pass


async def govern(order: Order) -> int:
    """Run the command under leash; return the exit code."""
    equipment = equip(order.settings)
    notes = Notes()
    with quiet() as troubles:
        async with writing(order.settings, notes.take) as (ledger, writer):
            run = order.run or ledger.new_run_id(rng())
            balance = await _start(order, ledger, writer, run, equipment)
            ended, engine = Ended(code=FAILED), None
            try:
                ended, engine = await _run(order, equipment, writer, run, balance.limits)
            finally:
                seen = engine.addon.coverage.counts() if engine else {}
                balance = await writer.finish_run(run, ended.code, seen)
    for line in troubles.lines():
        say(line)
    code = _tell_end(run, balance, ended, engine.addon.coverage, notes)
    if order.require_coverage and code == 0 and _gaps(engine.addon.coverage):
        say("--require-coverage: not everything was metered, so the exit code is 4")
        return UNCOVERED
    return code


def wanted(settings: Settings, recorded: Limits | None) -> Limits:
    """Return a run's limits: what was given, over what is on record, over the default budget."""
    if recorded is None:
        if settings.limits_given:
            return settings.limits
        return msgspec.structs.replace(settings.limits, max_cost=DEFAULT_BUDGET)
    given = {
        key.name: getattr(settings.limits, key.name)
        for key in LIMIT_KEYS
        if key.name in settings.given
    }
    return msgspec.structs.replace(recorded, **given)


async def _start(
    order: Order, ledger: Ledger, writer: LedgerWriter, run: str, equipment: Equipment
) -> Balance:
    recorded = ledger.balance(run).limits if ledger.run_exists(run) else None
    prices = equipment.prices.describe()
    program = Path(order.command[0]).name
    balance = await writer.start_run(
        run, wanted(order.settings, recorded), program=program, prices=prices
    )
    if equipment.authority.notice:
        say(equipment.authority.notice)
    say(lines.start_line(run, balance.limits, prices) + screening_part(order.settings))
    if balance.stopped is not None:
        say(f"run {run} is stopped ({balance.stopped}); its calls will be refused")
    imputed = lines.subscription_line(program, order.environ, balance.limits)
    proxy = lines.other_proxy_line(order.environ)
    local = lines.local_server_lines(order.environ, ungoverned(equipment.governed_hosts))
    for line in [imputed, proxy, *local]:
        if line:
            say(line)
    return balance


async def _run(
    order: Order, equipment: Equipment, writer: LedgerWriter, run: str, limits: Limits
) -> tuple[Ended, Engine]:
    policy = Policy.of(order.settings, run=run, prices=equipment.prices.describe())
    policy = replace(policy, limits=limits, processes=True)
    environ = dict(order.environ)
    environ.pop(VARIABLE, None)  # a token for another proxy is none of the command's business
    async with proxying(equipment, writer, policy, environ) as engine:
        door = Door(host="127.0.0.1", port=engine.port, run=run, secret=secrets.token_hex(16))
        env = child_environment(
            environ,
            door,
            engine.trust,
            governed=equipment.governed_hosts,
            alone=order.alone,
        )
        return await _wrapped(order, env, engine), engine


async def _wrapped(order: Order, env: Mapping[str, str], engine: Engine) -> Ended:
    if order.jail is None:
        return await wrap(order.command, env, open_terminal())
    return await confined(
        Cell(way=order.jail, walls=walls_of(order.settings, Path.cwd())),
        order.command,
        env,
        port=engine.port,
        coverage=engine.addon.coverage,
        peers=engine.addon.peers,
    )


def _gaps(coverage: Coverage) -> bool:
    return bool(coverage.gaps) or not (coverage.calls or coverage.refused)


def _tell_end(run: str, balance: Balance, ended: Ended, coverage: Coverage, notes: Notes) -> int:
    if ended.problem is not None:
        say(ended.problem)
        return ended.code
    for warning in notes.warned:
        say(f"warned: {warning.message}")
    if not coverage.calls and not coverage.refused:
        for line in lines.ungoverned_lines(run, coverage):
            say(line)
    elif coverage.gaps:
        say(lines.gaps_line(coverage))
    if coverage.kept_in:
        say(coverage.kept_in)
    if coverage.refused and balance.stopped is None:
        say(lines.refused_line(coverage.refused, notes.refused))
    if notes.rules:
        say(lines.screened_line(run, notes.rules))
    for line in lines.end_lines(run, balance, now()):
        say(line)
    return ended.code if balance.stopped is None else STOPPED
