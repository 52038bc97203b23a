"""What a reading is booked as: the ledger's settlement, from the meter's words."""

import hashlib
from dataclasses import dataclass, fields

from leash_addon.core.ask import Ask
from leash_addon.core.journal import Tokens
from leash_addon.core.loops import Turn
from leash_addon.core.money import Instant, Pico
from leash_addon.core.pricing import FindCard, RateCard, unpriced_tools
from leash_addon.core.reading import Bill, Confidence, Outcome, Reading, bill
from leash_addon.core.usage import NO_TOOLS, Usage
from leash_addon.core.verdict import Reason
from leash_addon.ledger import Settlement

_PLAIN = tuple(
    field.name
    for field in fields(Usage)
    if field.name not in {"server_tool_requests", "billable_legs"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a call ended. ``status``: HTTP status of the answer, ``None`` if none came."""

    call: Ask
    outcome: Outcome
    status: int | None
    at: Instant


def settlement(
    ended: Ended,
    reading: Reading,
    *,
    hold: Pico,
    card: RateCard | None,
    find: FindCard,
    took: int,
    first_byte: int | None,
    secret: bytes,
    first_hand: bool,
    turn: Turn | None = None,
    plan: dict[str, str],
) -> Settlement:
    """Return what the ledger is told.

    ``took``, ``first_byte``: microseconds since it opened. ``secret``: keys the hash of the
    answer's id. ``first_hand``: the call made its answer; else it fetched a stored one. ``turn``:
    its tool calls. ``plan``: what the answer said of the subscription's own limits.
    """
    call, outcome = ended.call, ended.outcome
    if outcome is Outcome.CUT and reading.complete and reading.usage is not None:
        outcome = Outcome.COMPLETE
    found = bill(
        reading,
        outcome=outcome,
        status=ended.status,
        hold=hold,
        card=card,
        find=find,
        input_tokens=call.input_tokens,
    )
    is_exempt = turn is None and bool(reading.tools)  # tools that may repeat, and nothing else
    is_priced = found.usage is not None and card is not None
    return Settlement(
        call=call.call,
        at=ended.at,
        cost=found.cost,
        confidence=_confidence(call, found),
        outcome=outcome,
        tokens=tokens_of(found.usage),
        usage=reported(found.usage),
        model=reading.model or call.model,
        priced_by=card.table if is_priced and card else "",
        priced_as=card.name if is_priced and card else "",
        status=ended.status,
        took=took,
        first_byte=first_byte,
        reply=None if is_exempt else reading.reply,
        turn=turn,
        response_id=hashed_id(reading.response_id, secret),
        flag=_flag(found, card),
        notes=found.notes,
        on_blind=call.on_blind,
        first_hand=first_hand,
        plan=plan,
    )


def held_settlement(ended: Ended, hold: Pico) -> Settlement:
    """Return a settlement at the hold, for a call whose reading cannot be priced for a fault."""
    return Settlement(
        call=ended.call.call,
        at=ended.at,
        cost=hold,
        confidence=Confidence.HELD,
        outcome=ended.outcome,
        status=ended.status,
        model=ended.call.model,
        notes=("settled at its hold after a fault of leash",),
        on_blind=ended.call.on_blind,
    )


def _confidence(call: Ask, found: Bill) -> Confidence:
    return Confidence.IMPUTED if call.imputed and found.cost is not None else found.confidence


def _flag(found: Bill, card: RateCard | None) -> Reason | None:
    """Name why a reported usage has no cost; a usage that nobody reported needs no name."""
    if found.cost is not None or found.usage is None:
        return None
    if unpriced_tools(found.usage, card) and card is not None:
        return Reason.SERVER_TOOL_UNPRICED
    return Reason.UNPRICED_MODEL if card is None else None


def tokens_of(usage: Usage | None) -> Tokens:
    """Return the counts that balances keep: those of the legs, where legs are what is billed."""
    if usage is None:
        return Tokens()
    if usage.billable_legs:
        return sum((tokens_of(leg.usage) for leg in usage.billable_legs), Tokens())
    return Tokens(
        input=usage.input_tokens or 0,
        output=usage.output_tokens or 0,
        cache_read=usage.cache_read_tokens or 0,
        cache_write=usage.cache_write_tokens or 0,
        reasoning=usage.reasoning_tokens or 0,
    )


def reported(usage: Usage | None) -> dict[str, int | str]:
    """Return what was reported by its normalised names; decimals as text, tools by kind."""
    if usage is None:
        return {}
    found: dict[str, int | str] = {}
    for name in _PLAIN:
        value = getattr(usage, name)
        if value is not None:
            found[name] = value if isinstance(value, int) else str(value)
    for kind, requests in (usage.server_tool_requests or NO_TOOLS).items():
        found[f"server_tool_requests.{kind}"] = requests
    if usage.billable_legs:
        found["billable_legs"] = len(usage.billable_legs)
    return found


def hashed_id(response_id: str | None, secret: bytes) -> str | None:
    """Return a keyed hash of a provider's answer id: enough to meet it again, not to look it up."""
    if response_id is None:
        return None
    return hashlib.blake2b(response_id.encode(), key=secret, digest_size=16).hexdigest()


def hashed_key(credential: str, secret: bytes) -> str:
    """Return a keyed hash of a provider's credential: it tells keys apart and gives none away."""
    text = credential.encode(errors="surrogatepass")
    return hashlib.blake2b(text, key=secret, digest_size=8, person=b"leash key").hexdigest()
