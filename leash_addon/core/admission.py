"""One admission: a call against its run's boundaries, every cap and every rate limit, all at once.

``terms.plan`` says what has to be read (and locked, in key order); ``decide_all`` answers over
exactly that, and says what has to be written. A call is charged to everything or to nothing: a
refusal charges no account and takes from no bucket.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType

from msgspec import Struct

from leash_addon.core.ask import Ask
from leash_addon.core.balance import EMPTY, Balance
from leash_addon.core.bounds import Size, size
from leash_addon.core.buckets import Taken, take
from leash_addon.core.cap_trips import Line, alerted, due, says
from leash_addon.core.caps import Action, CapAccount
from leash_addon.core.clamping import lowered
from leash_addon.core.decide import RANK, decide, unpriceable
from leash_addon.core.journal import CallOpened, Warned
from leash_addon.core.limits import Ceiling
from leash_addon.core.money import ZERO, Instant, Pico
from leash_addon.core.rate_limits import Drawn, Unit, rate_trip
from leash_addon.core.terms import Plan, Terms
from leash_addon.core.verdict import Allow, Effect, Reason, Trip, Verdict

_FIELDS = frozenset({"run", "model", "provider"})

NO_STATES: Mapping[str, Instant] = MappingProxyType({})


class Admission(Struct, frozen=True, kw_only=True):
    """The answer, and what it writes.

    ``accounts``: keys of all balances that ``CallOpened`` is charged to; none when refused.
    ``states``: moments of buckets to store; on a refusal only those that a clock had put out of
    reach. ``warned``: entries to record, on a refusal too. ``hold_tokens``, ``buckets``,
    ``bucket_tokens``, ``capped``: as in ``CallOpened``.
    """

    verdict: Verdict
    accounts: tuple[str, ...] = ()
    hold_tokens: int = 0
    buckets: tuple[str, ...] = ()
    bucket_tokens: int = 0
    capped: bool = False
    states: Mapping[str, Instant] = NO_STATES
    warned: tuple[Warned, ...] = ()


class Stand(Struct, frozen=True, kw_only=True):
    """What was read for an admission.

    ``balances``: by account key; a missing one is empty. ``states``: the moments of buckets by
    key; a missing one was never used.
    """

    balances: Mapping[str, Balance]
    states: Mapping[str, Instant] = NO_STATES

    def balance(self, account: str) -> Balance:
        """Return what an account stands at."""
        return self.balances.get(account, EMPTY)


class _Cap(Struct, frozen=True):
    """A cap's account as this admission finds it, and what it says.

    ``ceiling``: what it allows. ``money``: it limits money, and the call's counts.
    """

    account: CapAccount
    balance: Balance
    ceiling: Ceiling
    money: bool
    trip: Trip | None
    line: Line | None


def decide_all(ask: Ask, terms: Terms, planned: Plan, stand: Stand, now: Instant) -> Admission:
    """Decide one call over everything it concerns.

    Every limit is asked. A trip that ends the run wins over one that
    refuses the call, and that over one that asks to wait; among equals the run's own come first,
    then caps, then rate limits. Who must wait is told the longest wait.
    """
    run = stand.balance(planned.run)
    accounts = [(one, stand.balance(one.key)) for one in planned.caps]
    max_output = lowered(ask, terms.holds, run, accounts, now)
    if max_output is not None:
        ask = replace(ask, max_output=max_output * ask.choices)
    sized = size(ask, run, terms.holds)
    own = decide(ask, run, now, terms.holds, sized)
    caps = [_asked(ask, terms, sized, pair, now) for pair in accounts]
    taken = [
        (one, take(one.bucket, stand.states.get(one.key), now, one.cost(sized.tokens)))
        for one in planned.buckets
    ]
    trips = _trips(ask, caps, taken)
    if isinstance(own, Trip):
        trips.insert(0, own)
    if isinstance(own, Trip) or trips:
        return Admission(
            verdict=worst(trips),
            states={one.key: draw.state for one, draw in taken if draw.wait and draw.changed},
            warned=_warned(ask, caps, now, admitted=False),
        )
    tokens = tuple(one.key for one in planned.buckets if one.unit is Unit.TOKENS)
    return Admission(
        verdict=Allow(
            hold=_hold(ask, run, planned, sized), max_output=max_output, estimate=own.estimate
        ),
        accounts=planned.accounts,
        hold_tokens=sized.hold_tokens if _tokens_count(run, caps) else 0,
        buckets=tokens,
        bucket_tokens=sized.tokens if tokens else 0,
        capped=bool([True for one in caps if one.money]),
        states={one.key: draw.state for one, draw in taken},
        warned=_warned(ask, caps, now, admitted=True),
    )


def opened(ask: Ask, admission: Admission, now: Instant) -> CallOpened:
    """Return the entry of an admitted call. Raises ``ValueError`` for a refused one."""
    verdict = admission.verdict
    if isinstance(verdict, Trip):
        msg = f"call {ask.call} was refused ({verdict.reason}); it opens nothing"
        raise ValueError(msg)  # noqa: TRY004 - a wrong argument
    return CallOpened(
        run=ask.run,
        at=now,
        call=ask.call,
        accounts=admission.accounts,
        hold=verdict.hold,
        provider=ask.provider,
        format=ask.format,
        model=ask.model,
        client=ask.client,
        imputed=ask.imputed,
        hold_tokens=admission.hold_tokens,
        estimate=verdict.estimate,
        buckets=admission.buckets,
        bucket_tokens=admission.bucket_tokens,
        capped=admission.capped,
        tags={name: value for name, value in ask.tags.items() if name not in _FIELDS and value},
    )


def worst(trips: list[Trip]) -> Trip:
    """Return the trip that answers for all of them; who may come back waits for the last."""
    first = min(trips, key=lambda trip: RANK[trip.effect])
    waits = [trip.retry_after for trip in trips if trip.retry_after is not None]
    if first.effect is not Effect.PASSING or not waits:
        return first
    return replace(first, retry_after=max(waits))


def _asked(
    ask: Ask, terms: Terms, sized: Size, pair: tuple[CapAccount, Balance], now: Instant
) -> _Cap:
    account, balance = pair
    ceiling, mode = account.ceiling(balance), terms.holds.mode
    answer, line = says(
        account,
        balance,
        sized,
        now,
        mode=mode,
        tz=terms.tz,
        imputed=ask.imputed,
        ceiling=ceiling,
    )
    money = bool(ceiling.max_cost) and (not ask.imputed or account.cap.count_imputed)
    trip = answer if isinstance(answer, Trip) else None
    return _Cap(account, balance, ceiling, money, trip, line)


def _trips(ask: Ask, caps: list[_Cap], taken: list[tuple[Drawn, Taken]]) -> list[Trip]:
    """Return what key and caps say, what a call without a price meets, then the rate limits."""
    blind = [one for one in caps if one.money and one.account.cap.refuses]
    found = [
        _ungranted(ask),
        *[one.trip for one in caps],
        unpriceable(ask) if blind else None,
        *[rate_trip(drawn, draw) for drawn, draw in taken],
    ]
    return [trip for trip in found if trip is not None]


def _ungranted(ask: Ask) -> Trip | None:
    """Refuse a model that the caller's virtual key is not for."""
    if ask.grant is None or ask.grant.allows(ask.model):
        return None
    message = (
        f"the virtual key {ask.grant.name} is not for the model {ask.model or '(none named)'}, "
        f"but for {', '.join(ask.grant.models)}"
    )
    return Trip(reason=Reason.AUTH, effect=Effect.REFUSE, message=message)


def _warned(ask: Ask, caps: Iterable[_Cap], now: Instant, *, admitted: bool) -> tuple[Warned, ...]:
    """Return what is due on each account; two caps of one account may agree, so each once."""
    found: dict[tuple[str, str], Warned] = {}
    for one in caps:
        if not one.account.cap.fractions:
            continue
        entries = due(one.account, one.balance, run=ask.run, now=now, opening=admitted)
        final = one.trip is not None and one.trip.reason is Reason.CAP
        if one.line is not None and final and one.account.cap.action is Action.BOTH:
            entries += alerted(one.account, one.balance, one.line, run=ask.run, now=now)
        for entry in entries:
            found.setdefault((entry.account, entry.limit), entry)
    return tuple(found.values())


def _hold(ask: Ask, run: Balance, planned: Plan, sized: Size) -> Pico:
    """Return the money to hold; none for a subscription's call that nobody counts."""
    counted = not ask.imputed or run.limits.count_imputed
    return sized.hold if counted or any(one.cap.count_imputed for one in planned.caps) else ZERO


def _tokens_count(run: Balance, caps: Iterable[_Cap]) -> bool:
    """Tell whether any limit counts the call's tokens."""
    return run.limits.rate is not None or bool([one for one in caps if one.ceiling.max_tokens])
