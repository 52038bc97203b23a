"""Policy replay: the calls of a journal, asked again under other limits.

Each call that was made is decided anew over balances that only hold what the replay admitted. A
call is as large as it was on record: its hold is what was held for it then, its tokens are those
that it used. What cannot be known stays out: calls that were refused then, waiting for held money,
and what an agent would have done instead.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from leash_addon.core.admission import Stand, decide_all, opened
from leash_addon.core.after import stop_after
from leash_addon.core.ask import Ask, OnBlind
from leash_addon.core.balance import EMPTY, Balance, fold
from leash_addon.core.buckets import correct
from leash_addon.core.journal import (
    CallAdjusted,
    CallOpened,
    CallSettled,
    Entry,
    LimitsRaised,
    RunFinished,
    RunKilled,
    RunStarted,
    RunStopped,
    Tokens,
)
from leash_addon.core.limits import Limits
from leash_addon.core.money import ZERO, Instant, Pico
from leash_addon.core.rate_limits import bucket_at
from leash_addon.core.rates import RateCard, Rates
from leash_addon.core.reading import Outcome, knows_tokens
from leash_addon.core.terms import Plan, Terms, plan
from leash_addon.core.verdict import Effect, Trip

NOTHING = Rates(input=Decimal(0), output=Decimal(0))


class Refused(Struct, frozen=True, kw_only=True):
    """A call that would not have been made. ``cost``: what it did cost; ``None``: not known."""

    opened: CallOpened
    trip: Trip
    cost: Pico | None


class End(Struct, frozen=True):
    """What a call came to, at last: picodollars, ``None`` when unpriced, and tokens."""

    cost: Pico | None
    tokens: int


def ends_of(entries: Iterable[Entry]) -> dict[str, End]:
    """Return how calls ended, by id; the true end of one that was swept counts."""
    ends: dict[str, End] = {}
    for entry in entries:
        match entry:
            case CallSettled(call=call, cost=cost, tokens=tokens):
                ends[call] = End(cost, tokens.input + tokens.output)
            case CallAdjusted(call=call, cost=more, tokens=tokens) if call in ends:
                booked = ends[call]
                total = booked.tokens + tokens.input + tokens.output
                ends[call] = End(Pico((booked.cost or 0) + more), total)
            case _:
                pass
    return ends


class Replay:
    """One replay. ``limits``: a run's limits from those on record. ``calls``: asked so far."""

    def __init__(
        self,
        terms: Terms,
        limits: Callable[[Limits], Limits],
        *,
        run_account: Callable[[str], str],
        on_blind: OnBlind = OnBlind.REFUSE,
    ) -> None:
        """Begin with empty accounts."""
        self.calls = 0
        self.spent = ZERO
        self._terms, self._limits = terms, limits
        self._run_account, self._on_blind = run_account, on_blind
        self._balances: dict[str, Balance] = {}
        self._states: dict[str, Instant] = {}
        self._open: dict[str, CallOpened] = {}
        self._swept: dict[str, tuple[CallOpened, Tokens]] = {}
        self._last: Plan | None = None

    def run(self, entries: Iterable[Entry], ends: Mapping[str, End]) -> Iterator[Refused]:
        """Yield the calls that would have been refused. ``ends``: of ``ends_of``."""
        for entry in entries:
            match entry:
                case CallOpened():
                    self.calls += 1
                    end = ends.get(entry.call)
                    trip = self._ask(entry, end)
                    if trip is not None:
                        yield Refused(
                            opened=entry, trip=trip, cost=None if end is None else end.cost
                        )
                case CallSettled():
                    self._settle(entry)
                case CallAdjusted(call=call) if call in self._swept:
                    self._adjust(entry, *self._swept.pop(call))
                case RunStarted(limits=limits) | LimitsRaised(limits=limits):
                    self._fold(replace(entry, limits=self._limits(limits)), self._own(entry.run))
                case RunKilled() | RunFinished():
                    self._fold(entry, self._own(entry.run))
                case _:
                    pass

    def _ask(self, entry: CallOpened, end: End | None) -> Trip | None:
        account = self._run_account(entry.run)
        if account not in self._balances:  # its start was pruned
            self._balances[account] = Balance(limits=self._limits(Limits()))
        ask = self._asked(entry, end)
        planned = self._last = plan(ask, self._terms, account, entry.at, last=self._last)
        stand = Stand(balances=self._balances, states=self._states)
        admission = decide_all(ask, self._terms, planned, stand, entry.at)
        self._states |= admission.states
        match admission.verdict:
            case Trip() as trip:
                if trip.effect is Effect.STOP:
                    stop = RunStopped(run=entry.run, at=entry.at, reason=trip.reason)
                    self._fold(stop, (account,))
                return trip
            case _:
                made = opened(ask, admission, entry.at)
                self._open[entry.call] = made
                self._fold(made, made.accounts)
                return None

    def _asked(self, entry: CallOpened, end: End | None) -> Ask:
        """Put a call on record into an ask that comes to the same hold and tokens."""
        cost = end.cost if end is not None else None
        hold = entry.hold or entry.estimate or cost or ZERO
        tokens = 0 if end is None else end.tokens
        card = RateCard(
            table="journal", name=entry.model, rates=NOTHING, per_call=Decimal(hold).scaleb(-12)
        )
        tags = {"run": entry.run, "model": entry.model, "provider": entry.provider}
        return Ask(
            run=entry.run,
            call=entry.call,
            accounts=(),
            provider=entry.provider,
            format=entry.format,
            model=entry.model,
            client=entry.client,
            input_tokens=entry.bucket_tokens or entry.hold_tokens or tokens,
            max_output=0,
            card=None if end is not None and cost is None else card,
            imputed=entry.imputed,
            on_blind=self._on_blind,
            tags=tags | entry.tags,
        )

    def _settle(self, entry: CallSettled) -> None:
        made = self._open.pop(entry.call, None)
        if made is None:
            return
        self.spent = Pico(self.spent + (entry.cost or 0))
        if entry.outcome is Outcome.SWEPT:
            self._swept[entry.call] = made, entry.tokens
        own = replace(entry, accounts=made.accounts, hold=made.hold, hold_tokens=made.hold_tokens)
        self._fold(own, made.accounts)
        if knows_tokens(entry.usage, entry.outcome, entry.status):
            self._correct(made, entry.tokens, entry.at)
        balance = self._balances[self._run_account(entry.run)]
        stop = stop_after(own, balance, self._on_blind, capped=made.capped)
        if stop is not None:
            self._fold(stop, self._own(entry.run))

    def _adjust(self, entry: CallAdjusted, made: CallOpened, booked: Tokens) -> None:
        """Book the true end of a call that was swept."""
        self.spent = Pico(self.spent + entry.cost)
        self._fold(entry, made.accounts)
        if entry.tokens != Tokens():
            self._correct(made, booked + entry.tokens, entry.at)

    def _correct(self, made: CallOpened, tokens: Tokens, at: Instant) -> None:
        """Replace the tokens that a call took from its buckets by those that it used."""
        used = tokens.input + tokens.output
        for key in made.buckets:
            bucket = bucket_at(key)
            if bucket is not None:
                state, taken = self._states.get(key), made.bucket_tokens
                self._states[key] = correct(bucket, state, at, taken=taken, used=used)

    def _own(self, run: str) -> tuple[str, ...]:
        return (self._run_account(run),)

    def _fold(self, entry: Entry, accounts: tuple[str, ...]) -> None:
        for account in accounts:
            self._balances[account] = fold(self._balances.get(account, EMPTY), entry)
