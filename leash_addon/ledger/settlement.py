"""How a call ended, as the meter hands it to the ledger."""

from msgspec import Struct

from leash_addon.core.ask import OnBlind
from leash_addon.core.journal import CallAdjusted, CallOpened, CallSettled, Tokens
from leash_addon.core.loops import Turn
from leash_addon.core.money import ZERO, Instant, Pico
from leash_addon.core.reading import Confidence, Outcome, knows_tokens
from leash_addon.core.screening import Found
from leash_addon.core.verdict import Reason


class Settlement(Struct, frozen=True, kw_only=True):
    """The end of one open call. What it was opened with (accounts, hold) the ledger knows.

    ``at``: when it ended. ``cost``: picodollars, ``None`` when unpriced. ``took``, ``first_byte``:
    microseconds. ``on_blind``: what an unpriced cost means to a run with a dollar limit.
    ``first_hand``: the answer was made by this call, so it is billed whatever id it bears; else a
    stored answer was fetched, which is billed once. ``found``: what screening found in the answer.
    The other fields are those of ``CallSettled``.
    """

    call: str
    at: Instant
    cost: Pico | None
    confidence: Confidence
    outcome: Outcome
    tokens: Tokens = Tokens()
    usage: dict[str, int | str] = {}
    model: str = ""
    priced_by: str = ""
    priced_as: str = ""
    status: int | None = None
    took: int | None = None
    first_byte: int | None = None
    reply: str | None = None
    turn: Turn | None = None
    response_id: str | None = None
    flag: Reason | None = None
    notes: tuple[str, ...] = ()
    on_blind: OnBlind = OnBlind.REFUSE
    first_hand: bool = False
    found: tuple[Found, ...] = ()
    plan: dict[str, str] = {}


def settled(opened: CallOpened, end: Settlement) -> CallSettled:
    """Return the entry that replaces the call's hold by what it did cost."""
    return CallSettled(
        run=opened.run,
        at=end.at,
        call=opened.call,
        accounts=opened.accounts,
        hold=opened.hold,
        hold_tokens=opened.hold_tokens,
        cost=end.cost,
        confidence=end.confidence,
        outcome=end.outcome,
        imputed=opened.imputed,
        tokens=end.tokens if says_tokens(end) else _held_tokens(opened),
        usage=end.usage,
        plan=end.plan,
        model=end.model or opened.model,
        priced_by=end.priced_by,
        priced_as=end.priced_as,
        status=end.status,
        took=end.took,
        first_byte=end.first_byte,
        reply=end.reply,
        turn=end.turn,
        response_id=end.response_id,
        flag=end.flag,
        notes=end.notes,
    )


def says_tokens(end: Settlement) -> bool:
    """Tell whether the tokens of a call are known."""
    return knows_tokens(end.usage, end.outcome, end.status)


def _held_tokens(opened: CallOpened) -> Tokens:
    """Return what a call counts as whose tokens nobody reported: a blind call is not free."""
    return Tokens(input=opened.hold_tokens or opened.bucket_tokens)


def billed_already(opened: CallOpened, end: Settlement) -> CallSettled:
    """Return the entry of a call that fetched a stored answer which another call has paid for."""
    return CallSettled(
        run=opened.run,
        at=end.at,
        call=opened.call,
        accounts=opened.accounts,
        hold=opened.hold,
        hold_tokens=opened.hold_tokens,
        cost=ZERO,
        confidence=Confidence.MEASURED,
        outcome=end.outcome,
        imputed=opened.imputed,
        model=end.model or opened.model,
        status=end.status,
        took=end.took,
        first_byte=end.first_byte,
        response_id=end.response_id,
        notes=(*end.notes, "already billed"),
    )


def swept(opened: CallOpened, now: Instant) -> CallSettled:
    """Return the entry of a call whose owner died: it counts at its hold, or what it was put at."""
    return CallSettled(
        run=opened.run,
        at=now,
        call=opened.call,
        accounts=opened.accounts,
        hold=opened.hold,
        hold_tokens=opened.hold_tokens,
        cost=opened.hold or opened.estimate,
        confidence=Confidence.HELD,
        outcome=Outcome.SWEPT,
        imputed=opened.imputed,
        tokens=_held_tokens(opened),
        model=opened.model,
        notes=("its process died",),
    )


def adjusted(booked: CallSettled, end: Settlement) -> CallAdjusted:
    """Return the differences between what a sweep booked and how the call did end.

    An end without a price leaves the booked amount, one without usage the booked tokens: nothing
    better is known.
    """
    cost = ZERO if end.cost is None else Pico(end.cost - (booked.cost or ZERO))
    return CallAdjusted(
        run=booked.run,
        at=end.at,
        call=booked.call,
        accounts=booked.accounts,
        cost=cost,
        confidence=end.confidence,
        imputed=booked.imputed,
        tokens=end.tokens - booked.tokens if says_tokens(end) else Tokens(),
        usage=end.usage,
        model=end.model or booked.model,
        priced_by=end.priced_by,
        priced_as=end.priced_as,
        reply=end.reply,
        notes=end.notes,
    )
