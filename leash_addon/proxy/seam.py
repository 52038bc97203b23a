"""The last place before the wire, where a provider's key is put in and taken out again.

Theory. Everything that mitmproxy shows or writes (flows, mitmweb, dumps, hooks of other addons) is
the request as ``HttpStream`` holds it. What goes upstream is handed by ``HttpLayer`` from there to
the layer of the server's connection, and what comes back the other way, through one method:
``event_to_child`` (mitmproxy 12.2.3). There a *copy* of the request gets the provider's key, and
every answer, error and log line on its way back loses it. Flows hold a placeholder throughout; were
this method not called, the placeholder would go upstream and be refused there.

The copy asks for an answer without content coding or WebSocket compression, so that it can be read.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from weakref import WeakKeyDictionary

from mitmproxy.http import Request, Response
from mitmproxy.proxy import commands
from mitmproxy.proxy.events import Event
from mitmproxy.proxy.layer import Layer
from mitmproxy.proxy.layers.http import HttpLayer, HttpStream
from mitmproxy.proxy.layers.http._events import (
    ErrorCode,
    RequestHeaders,
    ResponseData,
    ResponseEndOfMessage,
    ResponseHeaders,
    ResponseProtocolError,
    ResponseTrailers,
)

from leash_addon.proxy.credentials import exchange
from leash_addon.proxy.scrub import Scrubber

UNREADABLE = "leash: the provider's answer has a coding that a virtual key's answer may not have"


type Signer = Callable[[Request], None]
"""Signs a whole request that is about to go upstream."""


@dataclass(slots=True, kw_only=True, eq=False)
class Swap:
    """The key of one flow: ``placeholder`` in the flow, ``secret`` on the wire.

    ``signs``: signs the request with the key, which itself does not go over the wire.
    """

    placeholder: str
    secret: str = field(repr=False)
    signs: Signer | None = field(default=None, repr=False)
    scrubber: Scrubber = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Prepare to take the key out of the answer."""
        self.scrubber = Scrubber(self.secret)


type Swaps = Mapping[str, Swap]
"""The swaps of the flows that have one, by their ids."""


@contextmanager
def seam(swaps: Swaps) -> Iterator[None]:
    """Swap keys for as long as the block lasts; one at a time in a process, as mitmproxy is."""
    plain = HttpLayer.event_to_child
    seen: WeakKeyDictionary[HttpLayer, set[Swap]] = WeakKeyDictionary()

    def changed(
        self: HttpLayer, child: Layer | HttpStream, event: Event, swap: Swap | None
    ) -> Iterator[commands.Command]:
        for each in (event,) if swap is None else _changed(child, event, swap):
            for command in plain(self, child, each):
                if isinstance(command, commands.Log):
                    for known in seen[self]:
                        command.message = known.scrubber.clean_text(command.message)
                yield command

    def event_to_child(
        self: HttpLayer, child: Layer | HttpStream, event: Event
    ) -> Iterator[commands.Command]:
        if not swaps and not seen:
            return plain(self, child, event)
        swap = _swap_of(self, event, swaps)
        if swap is not None:
            seen.setdefault(self, set()).add(swap)
        elif self not in seen:
            return plain(self, child, event)
        return changed(self, child, event, swap)

    HttpLayer.event_to_child = event_to_child  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        HttpLayer.event_to_child = plain  # type: ignore[method-assign]


def _swap_of(layer: HttpLayer, event: Event, swaps: Swaps) -> Swap | None:
    stream = layer.streams.get(getattr(event, "stream_id", -1))
    flow: Any = getattr(stream, "flow", None)
    return None if flow is None else swaps.get(flow.id)


def _changed(child: Layer | HttpStream, event: Event, swap: Swap) -> Iterator[Event]:
    """Yield what the event becomes; only what comes from or goes to the provider is touched."""
    to_client = isinstance(child, HttpStream)
    match event:
        case RequestHeaders(request=request) if not to_client:
            yield replace(event, request=_with_key(request, swap))
        case ResponseHeaders(response=response) if to_client:
            yield from _answered(event, response, swap)
        case ResponseData() if to_client:
            yield from _data(event.stream_id, swap.scrubber.feed(event.data))
            if swap.scrubber.broken is not None:
                yield _unreadable(event.stream_id)
        case ResponseTrailers(trailers=trailers) if to_client:
            yield from _data(event.stream_id, swap.scrubber.close())
            trailers.fields = _clean(trailers.fields, swap)
            yield event
        case ResponseEndOfMessage() if to_client:
            yield from _data(event.stream_id, swap.scrubber.close())
            yield _unreadable(event.stream_id) if swap.scrubber.broken else event
        case ResponseProtocolError() if to_client:
            event.message = swap.scrubber.clean_text(event.message)
            yield event
        case _:
            yield event


def _with_key(request: Request, swap: Swap) -> Request:
    made = request.copy()
    made.headers["accept-encoding"] = "identity"
    made.headers.pop("sec-websocket-extensions", None)
    if swap.signs is None:
        exchange(made, swap.placeholder, swap.secret)
    else:
        swap.signs(made)
    return made


def _answered(event: ResponseHeaders, response: Response, swap: Swap) -> Iterator[Event]:
    response.headers.fields = _clean(response.headers.fields, swap)
    response.reason = swap.scrubber.clean_text(response.reason)
    coding = response.headers.get("content-encoding", "")
    if not swap.scrubber.begin(coding):
        yield _unreadable(event.stream_id)
        return
    if coding.strip().lower() not in {"", "identity"}:
        del response.headers["content-encoding"]
        if response.headers.pop("content-length", None) is not None and response.is_http11:
            response.headers["transfer-encoding"] = "chunked"
    yield event


def _clean(fields: tuple[tuple[bytes, bytes], ...], swap: Swap) -> tuple[tuple[bytes, bytes], ...]:
    clean = swap.scrubber.clean
    return tuple((clean(name), clean(value)) for name, value in fields)


def _data(stream_id: int, piece: bytes) -> Iterator[Event]:
    if piece:
        yield ResponseData(stream_id, piece)


def _unreadable(stream_id: int) -> Event:
    return ResponseProtocolError(stream_id, UNREADABLE, ErrorCode.GENERIC_SERVER_ERROR)
