"""From a recorded exchange to what it cost, through the code of the live path.

The request is routed and read as the proxy does it, the answer is fed to the same meter in
pieces (the messages of a WebSocket to the same socket meter), and each reading is priced by the
same bill. Only what a recording cannot have differs: a server that no pack names is read by its
path.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from urllib.parse import SplitResult, urlsplit

from leash_addon.audit.booking import Booking, Recorded, summed
from leash_addon.audit.exchange import Exchange, Message
from leash_addon.audit.result import Kind, Result
from leash_addon.core.reading import Reading
from leash_addon.wire.asked import read_request
from leash_addon.wire.calls import Opened, SocketMeter
from leash_addon.wire.meter import Meter
from leash_addon.wire.routes import Providers, Route
from leash_addon.wire.socket import socket_meter

MOST_ANSWERS = 65_536
"""Stored answers that are remembered, so that a poll is not billed again."""

type Pieces = Callable[[bytes], Iterable[bytes]]


@dataclass(slots=True, kw_only=True)
class Auditor:
    """Measures exchanges one after the other; remembers only which stored answers were billed.

    ``pieces``: how a body is cut before it is fed.
    """

    providers: Providers
    booking: Booking
    pieces: Pieces
    _billed: OrderedDict[tuple[str, str], None] = field(default_factory=OrderedDict)

    def measure(self, exchange: Exchange) -> Result:
        """Meter and price one exchange."""
        url = _split(exchange.url)
        host, path = _host(url), url.path + (f"?{url.query}" if url.query else "")
        rule = self.providers.find_host(host)
        route = (
            self.providers.guess(exchange.method, path)
            if rule is None
            else rule.route(exchange.method, path)
        )
        if route is None:
            return _nobodys(exchange, host)
        call = _recorded(exchange, route, imputed=rule is not None and rule.imputed)
        if exchange.messages is not None and (socket := socket_meter(route)) is not None:
            return self._socket(call, socket, exchange.messages)
        reading = self._read(exchange, call)
        return self.booking.book(call, self._once(route, exchange.method, reading))

    def _read(self, exchange: Exchange, call: Recorded) -> Reading:
        if exchange.status is None:
            return Reading()
        headers = exchange.response_headers
        meter = Meter(call.route, call.asked, exchange.status, headers, exchange.url)
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

    def _socket(self, whole: Recorded, meter: SocketMeter, messages: Iterable[Message]) -> Result:
        """Meter each call of a connection; the exchange is their sum."""
        settled = list(_settled(meter, whole, messages))
        calls = [
            (kind, self.booking.book(replace(call, id=f"{whole.id}#{number}"), reading))
            for number, (call, reading, kind) in enumerate(settled, start=1)
        ]
        return summed(whole, calls)


def _settled(
    meter: SocketMeter, whole: Recorded, messages: Iterable[Message]
) -> Iterator[tuple[Recorded, Reading, str]]:
    """Return the calls of a connection with what was asked, what was read, and their kind."""
    asked: dict[int, Recorded] = {}
    fed = (meter.feed("received" if m.from_server else "sent", m.text) for m in messages)
    for events in (*fed, meter.close()):
        for event in events:
            if isinstance(event, Opened):
                read = read_request(whole.route, {}, event.asked or b"")
                model = read.model or whole.asked.model
                asked[event.key] = replace(whole, asked=replace(read, model=model))
            else:
                yield asked.pop(event.key, whole), event.reading, event.kind


def _recorded(exchange: Exchange, route: Route, *, imputed: bool) -> Recorded:
    asked = read_request(route, exchange.request_headers, exchange.request_body, url=exchange.url)
    return Recorded(
        id=exchange.id,
        place=exchange.place,
        route=route,
        asked=asked,
        status=exchange.status,
        is_cut=exchange.cut,
        imputed=imputed,
        notes=exchange.notes,
    )


def _nobodys(exchange: Exchange, host: str) -> Result:
    """Return what is no call: a live proxy would have let it pass unread."""
    return Result(
        id=exchange.id,
        place=exchange.place,
        provider=host or "unknown",
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
