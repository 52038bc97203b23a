"""From a recorded exchange to what it cost, through the code of the live path.

The request is routed and read as the proxy does it, the answer is fed to the same meter in
pieces, and the reading is priced by the same bill. Only what a recording cannot have differs: a
server that no pack names is read by its path.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from urllib.parse import SplitResult, urlsplit

from leash_addon.audit.exchange import Exchange
from leash_addon.audit.result import Kind, Result
from leash_addon.config.prices import Prices
from leash_addon.core.ask import Ask, expected_hold
from leash_addon.core.balance import Balance
from leash_addon.core.money import ZERO, Instant, Pico
from leash_addon.core.pricing import FindCard, RateCard, Unpriced, price
from leash_addon.core.reading import Bill, Confidence, Outcome, Reading, bill
from leash_addon.wire.asked import Asked, read_request
from leash_addon.wire.meter import Meter
from leash_addon.wire.routes import Providers, Route

MOST_ANSWERS = 65_536
"""Stored answers that are remembered, so that a poll is not billed again."""

type Pieces = Callable[[bytes], Iterable[bytes]]


@dataclass(slots=True, kw_only=True)
class Auditor:
    """Measures exchanges one after the other; remembers only which stored answers were billed.

    ``pieces``: how a body is cut before it is fed. ``at``: whose prices hold.
    """

    providers: Providers
    prices: Prices
    pieces: Pieces
    at: Instant
    _billed: OrderedDict[tuple[str, str], None] = field(default_factory=OrderedDict)

    def measure(self, exchange: Exchange) -> Result:
        """Meter and price one exchange."""
        url = _split(exchange.url)
        route = self._route(exchange.method, url)
        if route is None:
            return _nobodys(exchange, url)
        asked = read_request(
            route, exchange.request_headers, exchange.request_body, url=exchange.url
        )
        reading = self._once(route, exchange.method, self._read(exchange, route, asked))
        return self._priced(exchange, route, asked, reading, imputed=self._imputed(url))

    def _route(self, method: str, url: SplitResult) -> Route | None:
        path = url.path + (f"?{url.query}" if url.query else "")
        found = self.providers.route(method, _host(url), path)
        return found or self.providers.guess(method, path)

    def _imputed(self, url: SplitResult) -> bool:
        rule = self.providers.find_host(_host(url))
        return rule is not None and rule.imputed

    def _read(self, exchange: Exchange, route: Route, asked: Asked) -> Reading:
        if exchange.status is None:
            return Reading()
        headers = exchange.response_headers
        meter = Meter(route, asked, exchange.status, headers, exchange.url)
        for piece in self.pieces(exchange.response_body):
            meter.feed(piece)
        meter.close()
        return meter.reading()

    def _once(self, route: Route, method: str, reading: Reading) -> Reading:
        """Bill a stored answer once: when it is fetched again, its usage is no new bill."""
        if reading.response_id is None or reading.usage is None or reading.free:
            return reading
        key = (route.provider, reading.response_id)
        if method.upper() == "GET" and key in self._billed:
            return replace(reading, free=True, notes=(*reading.notes, "billed already"))
        self._billed[key] = None
        if len(self._billed) > MOST_ANSWERS:
            self._billed.popitem(last=False)
        return reading

    def _priced(
        self, exchange: Exchange, route: Route, asked: Asked, reading: Reading, *, imputed: bool
    ) -> Result:
        card, find = self._cards(route, asked, reading)
        outcome = _outcome(exchange, route, asked, reading)
        booked = bill(
            reading,
            outcome=outcome,
            status=exchange.status,
            hold=_hold(route, asked, card),
            card=card,
            find=find,
        )
        confidence = booked.confidence
        if imputed and booked.cost:
            confidence = Confidence.IMPUTED
        kind = _kind(reading, booked, exchange.status)
        return Result(
            id=exchange.id,
            place=exchange.place,
            provider=route.provider,
            format=route.format or "other",
            kind=kind,
            usage=reading.usage,
            model_reported=reading.model,
            model_priced=_name(card) if kind is Kind.METERED else None,
            service_tier=reading.service_tier,
            cost=booked.cost,
            listed=_listed(reading, card, find),
            confidence=confidence,
            source=_source(kind, confidence, card),
            why=_why(route, asked, reading, booked),
            notes=_notes(exchange, asked, booked),
        )

    def _cards(
        self, route: Route, asked: Asked, reading: Reading
    ) -> tuple[RateCard | None, FindCard]:
        def find(model: str | None) -> RateCard | None:
            return self.prices.find(
                route.provider,
                model or reading.model,
                at=self.at,
                tier=reading.service_tier,
                requested=None if model else asked.model,
            )

        return find(None), find


def _nobodys(exchange: Exchange, url: SplitResult) -> Result:
    """Return what is no call: a live proxy would have let it pass unread."""
    return Result(
        id=exchange.id,
        place=exchange.place,
        provider=url.hostname or "unknown",
        format="other",
        kind=Kind.OTHER,
        notes=(str(Kind.OTHER), *exchange.notes),
    )


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return SplitResult("", "", "", "", "")
    return parts


def _host(url: SplitResult) -> str:
    name = url.hostname or ""
    name = f"[{name}]" if ":" in name else name
    return f"{name}:{url.port}" if url.port else name


def _outcome(exchange: Exchange, route: Route, asked: Asked, reading: Reading) -> Outcome:
    """Tell a broken answer from a whole one; a blind one has nothing that says so."""
    unfinished = route.format is not None and asked.stream and not reading.complete
    return Outcome.CUT if exchange.cut or unfinished else Outcome.COMPLETE


def _hold(route: Route, asked: Asked, card: RateCard | None) -> Pico:
    """Return what the first call of a run would have been held at."""
    ask = Ask(
        run="",
        call="",
        accounts=(),
        provider=route.provider,
        format=route.format or "",
        input_tokens=asked.input_tokens,
        max_output=asked.max_output,
        choices=asked.choices,
        card=card,
    )
    return expected_hold(ask, Balance())


def _kind(reading: Reading, booked: Bill, status: int | None) -> Kind:
    if reading.free:
        return Kind.FREE
    if booked.cost is None:
        return Kind.BLIND
    if reading.usage is None and booked.confidence is not Confidence.HELD:
        return Kind.FAILED
    return Kind.FAILED if status is None else Kind.METERED


def _why(route: Route, asked: Asked, reading: Reading, booked: Bill) -> str:
    if booked.cost is not None:
        return ""
    if reading.usage is not None:
        return booked.notes[-1] if booked.notes else "no price"
    if route.format is None:
        return f"{route.provider} path that nobody knows"
    return f"{route.format}{' stream' if asked.stream else ''} without usage"


def _source(kind: Kind, confidence: Confidence, card: RateCard | None) -> str:
    if kind is not Kind.METERED:
        return str(kind)
    if confidence is Confidence.DERIVED:
        return "provider"
    return "held" if confidence is Confidence.HELD or card is None else card.table


def _listed(reading: Reading, card: RateCard | None, find: FindCard) -> Pico | None:
    if reading.usage is None or reading.free:
        return ZERO if reading.free else None
    cost = price(reading.usage, card, find)
    return None if isinstance(cost, Unpriced) else cost


def _name(card: RateCard | None) -> str | None:
    return card.name if card else None


def _notes(exchange: Exchange, asked: Asked, booked: Bill) -> tuple[str, ...]:
    broken = (asked.broken,) if asked.broken else ()
    return tuple(dict.fromkeys((*exchange.notes, *broken, *booked.notes)))
