"""The one fold that turns journal entries into a balance, warm and cold.

``Balance`` is what an account stands at: a run's, or another scope's (those see only the calls
that name them). The ledger stores it beside the journal and updates it in the same transaction
by this same fold, so that ``balance == fold(journal)`` at every moment.
"""

from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from leash_addon.core.journal import (
    CallAdjusted,
    CallOpened,
    CallRefused,
    CallSettled,
    CapRaised,
    Entry,
    LimitsRaised,
    RunFinished,
    RunKilled,
    RunStarted,
    RunStopped,
    Screened,
    Tokens,
    Warned,
)
from leash_addon.core.limits import NO_LIMITS, Ceiling, Limits, lifted
from leash_addon.core.loops import Looped
from leash_addon.core.money import SECOND, ZERO, Instant, Pico
from leash_addon.core.reading import Confidence
from leash_addon.core.trailing import Slots, added, resized
from leash_addon.core.verdict import Reason


class Balance(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an account stands at.

    ``calls`` counts opened calls, ``settled`` ended ones; ``spent`` is real money and ``imputed``
    what a subscription covers, both in picodollars; ``held`` is spoken for by open calls.
    ``metered`` counts settled calls with reported usage. ``recent``: (slot start in seconds,
    tokens) of the token rate's window. ``reply``/``repeats``: the last answer's fingerprint and how
    often it came in a row; ``looped``: the last turns of tool calls, and how they repeat.
    ``warned``: limits that have warned. ``held_imputed``: the part of ``held`` that a subscription
    will pay; ``held_tokens``: held against caps on tokens. ``ceiling``: what someone raised the
    account's cap to. ``lifted``: limits that someone turned off.
    """

    calls: int = 0
    open_calls: int = 0
    settled: int = 0
    metered: int = 0
    unpriced: int = 0
    refused: int = 0
    spent: Pico = ZERO
    imputed: Pico = ZERO
    held: Pico = ZERO
    tokens: Tokens = Tokens()
    recent: Slots = ()
    reply: str | None = None
    repeats: int = 0
    looped: Looped = Looped()
    started_at: Instant | None = None
    first_call_at: Instant | None = None
    last_call_at: Instant | None = None
    refused_at: Instant | None = None
    stopped_at: Instant | None = None
    finished_at: Instant | None = None
    exit_code: int | None = None
    stopped: Reason | None = None
    stop_message: str = ""
    program: str = ""
    owner: str = ""
    prices: str = ""
    limits: Limits = NO_LIMITS
    warned: tuple[str, ...] = ()
    held_imputed: Pico = ZERO
    held_tokens: int = 0
    ceiling: Ceiling | None = None
    lifted: tuple[str, ...] = ()

    def counted(self) -> Pico:
        """Return the money that counts against dollar limits."""
        return Pico(self.spent + self.imputed) if self.limits.count_imputed else self.spent

    def spoken_for(self) -> Pico:
        """Return the held money that may come to count against dollar limits."""
        return self.held if self.limits.count_imputed else Pico(self.held - self.held_imputed)

    def compute(self, now: Instant) -> Pico:
        """Return what wall clock since the first call has come to; it stands still once ended."""
        if not self.limits.compute_rate or self.first_call_at is None:
            return ZERO
        ends = [end for end in (self.stopped_at, self.finished_at) if end is not None]
        span = max(0, min([now, *ends]) - self.first_call_at)
        return Pico(-(-self.limits.compute_rate * span // (3600 * SECOND)))

    def usual_output(self, default: int) -> int:
        """Return the mean output of the calls metered so far, ``default`` before the first."""
        return -(-self.tokens.output // self.metered) if self.metered else default


EMPTY = Balance()


def fold(balance: Balance, entry: Entry) -> Balance:  # noqa: C901, PLR0911, PLR0912 - one arm per entry
    """Return the balance after one more entry. Entries of an account come in journal order."""
    match entry:
        case CallOpened():
            return _opened(balance, entry)
        case CallSettled():
            return _settled(balance, entry)
        case CallAdjusted():
            return _adjusted(balance, entry)
        case CallRefused():
            refused_at = balance.refused_at if balance.refused_at is not None else entry.at
            return replace(balance, refused=balance.refused + 1, refused_at=refused_at)
        case RunStarted():
            return _started(balance, entry)
        case RunFinished():
            return replace(balance, finished_at=entry.at, exit_code=entry.exit_code)
        case LimitsRaised():
            return _raised(balance, entry)
        case RunKilled():
            return replace(balance, stopped=Reason.KILL, stopped_at=entry.at, stop_message="")
        case RunStopped():
            return _stopped(balance, entry)
        case Warned():
            return replace(balance, warned=(*balance.warned, entry.limit))
        case Screened():
            return balance  # on record, and no money of anybody's
        case CapRaised():
            return replace(balance, ceiling=entry.ceiling)
        case _:
            assert_never(entry)


def _started(balance: Balance, entry: RunStarted) -> Balance:
    first = entry.at if balance.started_at is None else balance.started_at
    return replace(
        balance,
        started_at=first,
        finished_at=None,
        exit_code=None,
        limits=entry.limits,
        lifted=tuple(name for name in balance.lifted if not getattr(entry.limits, name)),
        recent=resized(balance.recent, balance.limits.rate, entry.limits.rate, entry.at),
        program=entry.program,
        prices=entry.prices,
        owner=entry.owner,
    )


def _stopped(balance: Balance, entry: RunStopped) -> Balance:
    """Keep the first reason: two processes may each find a reason to stop the same run."""
    if balance.stopped is not None:
        return balance
    return replace(balance, stopped=entry.reason, stopped_at=entry.at, stop_message=entry.message)


def _raised(balance: Balance, entry: LimitsRaised) -> Balance:
    """Take the new limits, lift the stop that they raise, and let what they raise warn again."""
    old = balance.limits
    same = tuple(
        name for name in balance.warned if getattr(old, name, 0) == getattr(entry.limits, name, 0)
    )
    recent = resized(balance.recent, old.rate, entry.limits.rate, entry.at)
    off = lifted(balance.lifted, old, entry.limits)
    changed = replace(balance, limits=entry.limits, lifted=off, warned=same, recent=recent)
    if balance.stopped is None or not lifts(balance, entry.limits):
        return changed
    return replace(changed, stopped=None, stopped_at=None, stop_message="")


def lifts(balance: Balance, limits: Limits) -> bool:
    """Tell whether new limits raise (or turn off) the one that stopped the run."""
    old = balance.limits
    match balance.stopped:
        case Reason.COST_BUDGET:
            return not limits.max_cost or limits.max_cost > old.max_cost
        case Reason.CALL_BUDGET:
            return not limits.max_calls or limits.max_calls > old.max_calls
        case Reason.DEADLINE:
            return not limits.deadline or limits.deadline > old.deadline
        case Reason.STALL:
            return not limits.stall or limits.stall > old.stall
        case Reason.METER_BLIND | Reason.SERVER_TOOL_UNPRICED | Reason.UNPRICED_MODEL:
            return not limits.counts_money
        case _:
            return False


def _opened(balance: Balance, entry: CallOpened) -> Balance:
    first = entry.at if balance.first_call_at is None else balance.first_call_at
    return replace(
        balance,
        calls=balance.calls + 1,
        open_calls=balance.open_calls + 1,
        held=Pico(balance.held + entry.hold),
        held_imputed=Pico(balance.held_imputed + (entry.hold if entry.imputed else 0)),
        held_tokens=balance.held_tokens + entry.hold_tokens,
        first_call_at=first,
        last_call_at=entry.at,
    )


def _settled(balance: Balance, entry: CallSettled) -> Balance:
    cost, used = entry.cost or 0, entry.tokens.input + entry.tokens.output
    same, rate = entry.reply is not None and entry.reply == balance.reply, balance.limits.rate
    return replace(
        balance,
        open_calls=balance.open_calls - 1,
        settled=balance.settled + 1,
        metered=balance.metered + (1 if entry.usage else 0),
        unpriced=balance.unpriced + (1 if entry.confidence is Confidence.UNPRICED else 0),
        held=Pico(balance.held - entry.hold),
        held_imputed=Pico(balance.held_imputed - (entry.hold if entry.imputed else 0)),
        held_tokens=balance.held_tokens - entry.hold_tokens,
        spent=balance.spent if entry.imputed else Pico(balance.spent + cost),
        imputed=Pico(balance.imputed + cost) if entry.imputed else balance.imputed,
        tokens=balance.tokens + entry.tokens,
        recent=added(balance.recent, rate, entry.at, used) if rate is not None else (),
        reply=balance.reply if entry.reply is None else entry.reply,
        repeats=balance.repeats if entry.reply is None else balance.repeats + 1 if same else 1,
        looped=balance.looped if entry.turn is None else balance.looped.after(entry.turn),
    )


def _adjusted(balance: Balance, entry: CallAdjusted) -> Balance:
    used = entry.tokens.input + entry.tokens.output
    return replace(
        balance,
        metered=balance.metered + (1 if entry.usage else 0),
        unpriced=balance.unpriced + (1 if entry.confidence is Confidence.UNPRICED else 0),
        spent=balance.spent if entry.imputed else Pico(balance.spent + entry.cost),
        imputed=Pico(balance.imputed + entry.cost) if entry.imputed else balance.imputed,
        tokens=balance.tokens + entry.tokens,
        recent=added(balance.recent, balance.limits.rate, entry.at, used),
    )
