"""What a reading is booked at: the bill of the live path, put into a result."""

from collections.abc import Sequence
from dataclasses import dataclass

from leash_addon.audit.result import Kind, Result
from leash_addon.config.prices import Prices
from leash_addon.core.ask import Ask, expected_hold
from leash_addon.core.balance import Balance
from leash_addon.core.money import ZERO, Instant, Pico
from leash_addon.core.pricing import FindCard, RateCard, Unpriced, price
from leash_addon.core.reading import Bill, Confidence, Outcome, Reading, bill
from leash_addon.wire.asked import Asked
from leash_addon.wire.formats.table import added
from leash_addon.wire.routes import Route

RESPONSE = "response"
"""The kind of a WebSocket's calls whose usage sums up to that of the connection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """One call as it was made. ``is_cut``: the connection broke; ``imputed``: a subscription."""

    id: str
    place: str
    route: Route
    asked: Asked
    status: int | None
    is_cut: bool = False
    imputed: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """Books readings at the prices that hold at ``at``."""

    prices: Prices
    at: Instant

    def book(self, call: Recorded, reading: Reading) -> Result:
        """Price one call."""
        card, find = self._cards(call, reading)
        outcome = _outcome(call, reading)
        booked = bill(
            reading,
            outcome=outcome,
            status=call.status,
            hold=self._hold(call) if outcome is Outcome.CUT else ZERO,
            card=card,
            find=find,
        )
        confidence = booked.confidence
        if call.imputed and booked.cost is not None:
            confidence = Confidence.IMPUTED
        kind = _kind(reading, booked)
        return Result(
            id=call.id,
            place=call.place,
            provider=call.route.provider,
            format=call.route.format or "other",
            kind=kind,
            usage=reading.usage,
            model_reported=reading.model,
            model_priced=card.name if card and kind is Kind.METERED else None,
            service_tier=reading.service_tier,
            cost=booked.cost,
            listed=_listed(reading, card, find),
            confidence=confidence,
            source=_source(kind, booked, card),
            why=_why(call, reading, booked),
            notes=_notes(call, booked),
        )

    def _cards(self, call: Recorded, reading: Reading) -> tuple[RateCard | None, FindCard]:
        """Return the call's card, and how to find that of a leg with a model of its own."""

        def find(model: str | None) -> RateCard | None:
            return self.prices.find(
                call.route.provider,
                model or reading.model,
                at=self.at,
                tier=reading.service_tier,
                requested=None if model else call.asked.model,
            )

        return find(None), find

    def _hold(self, call: Recorded) -> Pico:
        """Return what the call would have been held at as the first of its run."""
        asked, route = call.asked, call.route
        most = None if asked.max_output is None else asked.max_output * asked.choices
        ask = Ask(
            run="",
            call=call.id,
            accounts=(),
            provider=route.provider,
            format=route.format or "",
            input_tokens=asked.input_tokens,
            max_output=most,
            choices=asked.choices,
            card=self.prices.find(route.provider, None, at=self.at, requested=asked.model),
        )
        return expected_hold(ask, Balance())


def summed(whole: Recorded, calls: Sequence[tuple[str, Result]]) -> Result:
    """Return a connection's result: its calls, their cost, and the usage of its responses.

    A transcription is billed by a model of its own, so its counts are only under ``calls``, and
    ``listed`` is without it.
    """
    results = tuple(result for _, result in calls)
    spoken = [result for kind, result in calls if kind == RESPONSE]
    usages = [result.usage for result in spoken if result.usage is not None]
    costs = [result.cost for result in results]
    last = spoken[-1] if spoken else None
    blind = next((result for result in results if result.kind is Kind.BLIND), None)
    first = blind or last
    unknown = blind is not None
    total = Pico(sum(cost for cost in costs if cost is not None))
    return Result(
        id=whole.id,
        place=whole.place,
        provider=whole.route.provider,
        format=whole.route.format or "other",
        kind=first.kind if first else Kind.FREE,
        usage=added(usages) if usages else None,
        model_reported=last.model_reported if last else None,
        model_priced=last.model_priced if last else None,
        service_tier=last.service_tier if last else None,
        cost=None if unknown else total,
        listed=_sum_listed(spoken),
        confidence=first.confidence if first else Confidence.MEASURED,
        source=first.source if first else str(Kind.FREE),
        why=first.why if first else "",
        notes=(f"sum of {len(spoken)} responses", *whole.notes),
        calls=results,
    )


def _sum_listed(results: Sequence[Result]) -> Pico | None:
    known = [result.listed for result in results if result.listed is not None]
    return Pico(sum(known)) if len(known) == len(results) else None


def _outcome(call: Recorded, reading: Reading) -> Outcome:
    """Tell a broken answer from a whole one; a blind one has nothing that says so."""
    unfinished = call.route.format is not None and call.asked.stream and not reading.complete
    broken = call.is_cut or call.status is None or unfinished
    return Outcome.CUT if broken else Outcome.COMPLETE


def _kind(reading: Reading, booked: Bill) -> Kind:
    if reading.free:
        return Kind.FREE
    if booked.cost is None:
        return Kind.BLIND
    nothing = reading.usage is None and booked.confidence is not Confidence.HELD
    return Kind.FAILED if nothing else Kind.METERED


def _why(call: Recorded, reading: Reading, booked: Bill) -> str:
    """Say why a call is blind, in words that its like share."""
    if booked.cost is not None:
        return ""
    if reading.usage is not None or _outcome(call, reading) is Outcome.CUT:
        return booked.notes[-1] if booked.notes else "no price"
    if call.route.format is None:
        return f"{call.route.provider} path that no pack names"
    return f"{call.route.format}{' stream' if call.asked.stream else ''} without usage"


def _source(kind: Kind, booked: Bill, card: RateCard | None) -> str:
    if kind is not Kind.METERED:
        return str(kind)
    if booked.confidence is Confidence.DERIVED:
        return "provider"
    return "held" if booked.confidence is Confidence.HELD or card is None else card.table


def _listed(reading: Reading, card: RateCard | None, find: FindCard) -> Pico | None:
    if reading.usage is None or reading.free:
        return ZERO if reading.free else None
    cost = price(reading.usage, card, find)
    return None if isinstance(cost, Unpriced) else cost


def _notes(call: Recorded, booked: Bill) -> tuple[str, ...]:
    broken = (call.asked.broken,) if call.asked.broken else ()
    return tuple(dict.fromkeys((*call.notes, *broken, *booked.notes)))
