"""The texts of recorded requests, as screening reads them."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from leash_addon.audit.exchange import Bad, Exchange
from leash_addon.audit.sources import read_path
from leash_addon.wire.asked import parse_request
from leash_addon.wire.routes import Providers, Route
from leash_addon.wire.texts import Text, pieces, texts_in


def read_words(path: Path, providers: Providers) -> Iterator[Text | Bad]:
    """Yield every text of the requests of a recording, and what of it cannot be read."""
    for read in read_path(path):
        if isinstance(read, Bad):
            yield read
        elif read.messages is not None:
            yield Bad(read.place, "a WebSocket is not read; record it with --websocket downgrade")
        else:
            yield from _words(read, providers)


def _words(exchange: Exchange, providers: Providers) -> Iterator[Text | Bad]:
    route = _route(exchange, providers)
    if route is None or route.free or not exchange.request_body:
        return
    parsed = parse_request(route, exchange.request_headers, exchange.request_body, url=exchange.url)
    if parsed.body is None:
        yield Bad(exchange.place, parsed.asked.broken or "it holds no JSON")
        return
    try:
        for piece in pieces(route.format, parsed.body):
            yield from texts_in(piece).texts
    except ValueError as error:
        yield Bad(exchange.place, str(error))


def _route(exchange: Exchange, providers: Providers) -> Route | None:
    """Return what a request is; of a host that nobody names, what its path looks like."""
    try:
        url = urlsplit(exchange.url)
        host = url.netloc.rpartition("@")[2]
    except ValueError:
        return None
    path = url.path + (f"?{url.query}" if url.query else "")
    rule = providers.find_host(host) or providers.find_host(url.hostname or "")
    if rule is None:
        return providers.guess(exchange.method, path)
    return rule.route(exchange.method, path)
