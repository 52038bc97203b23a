"""What a client may send is bounded inside mitmproxy's layers, which is held to a version."""

import inspect
import json
from collections.abc import Callable, Iterator
from hashlib import sha256
from importlib.metadata import version

import pytest
from mitmproxy.addons.proxyserver import Proxyserver
from mitmproxy.connection import Client, ConnectionState
from mitmproxy.http import Response
from mitmproxy.proxy import commands, context, events
from mitmproxy.proxy.layers.http import HttpLayer, HTTPMode, HttpStream, _http1
from mitmproxy.proxy.layers.http._hooks import (
    HttpErrorHook,
    HttpRequestHeadersHook,
    HttpRequestHook,
)
from mitmproxy.proxy.layers.websocket import WebsocketLayer
from mitmproxy.test import taddons

from leash_addon.proxy.bounded import bounded
from leash_addon.proxy.error_pages import error_answer, said
from leash_addon.proxy.heads import MOST_KEPT, MOST_LINES, check_lines

MOST = 1000
HEAD = b"POST http://x/ HTTP/1.1\r\nhost: x\r\n"


class Talk:
    """One connection to a layer without sockets: what was sent back, and which hooks ran."""

    def __init__(self, options: object, *, refused: bool = False) -> None:
        """Begin; with ``refused``, a hook answers every request as soon as its head is there."""
        client = Client(peername=("a", 1), sockname=("b", 2), timestamp_start=0)
        client.state = ConnectionState.OPEN
        self.client, self.refused = client, refused
        self.sent, self.hooks, self.closed = b"", [], False  # type: ignore[var-annotated]
        self.layer = HttpLayer(context.Context(client, options), HTTPMode.regular)  # type: ignore[arg-type]
        self._handle(events.Start())

    def say(self, data: bytes) -> "Talk":
        """Send bytes in pieces."""
        for start in range(0, len(data), 65_535):
            self._handle(events.DataReceived(self.client, data[start : start + 65_535]))
        return self

    @property
    def status(self) -> int:
        """Return the status that came back; 0 for none."""
        return int(self.sent.split(b" ")[1]) if self.sent else 0

    def kept(self) -> int:
        """Return how many bytes of the client are held."""
        streams = self.layer.streams.values()
        kept = [len(each.request_body_buf) for each in streams if isinstance(each, HttpStream)]
        connection = self.layer.connections[self.client]
        return sum(kept) + len(connection.buf)  # type: ignore[attr-defined]

    def _handle(self, event: events.Event) -> None:
        for command in self.layer.handle_event(event):
            if isinstance(command, commands.SendData):
                self.sent += command.data
            elif isinstance(command, commands.CloseConnection):
                self.closed = True
            elif isinstance(command, commands.StartHook):
                self.hooks.append(type(command))
                if self.refused and isinstance(command, HttpRequestHeadersHook):
                    command.flow.response = Response.make(401)
                if command.blocking:
                    self._handle(events.HookCompleted(command))


@pytest.fixture
def talk() -> Iterator[Callable[..., Talk]]:
    """Talk to mitmproxy's own layers, bounded."""
    with taddons.context(Proxyserver()) as at, bounded(MOST):
        yield lambda **how: Talk(at.options, **how)


def announced(size: int) -> bytes:
    """Write a head that announces so many bytes."""
    return HEAD + b"content-length: %d\r\n\r\n" % size


CHUNKED = HEAD + b"transfer-encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(announced(MOST + 1) + b"x" * (MOST + 1), id="whole"),
        pytest.param(announced(10**9) + b"x", id="announced"),
        pytest.param(announced(10**30) + b"x", id="announced beyond any number"),
        pytest.param(CHUNKED + b"3e9\r\n" + b"x" * 1001 + b"\r\n0\r\n\r\n", id="chunked"),
        pytest.param(CHUNKED + b"1\r\nx\r\n" * 1001, id="chunked and unending"),
    ],
)
def test_a_body_beyond_the_bound_is_answered_413(talk: Callable[..., Talk], raw: bytes) -> None:
    """It is answered before it could be judged, with the error hook; what follows is not kept."""
    found = talk().say(raw).say(b"x" * 500_000)
    assert (found.status, found.kept() <= MOST_KEPT) == (413, True)
    assert (HttpErrorHook in found.hooks, HttpRequestHook in found.hooks) == (True, False)


def test_who_was_told_to_continue_hears_of_an_error_all_the_same(talk: Callable[..., Talk]) -> None:
    """``100 Continue`` is no answer: curl asks for it before every larger body."""
    found = talk().say(HEAD + b"expect: 100-continue\r\ncontent-length: 5000\r\n\r\n")
    assert found.status == 100
    found.sent = b""
    assert found.say(b"x").status == 413


def test_a_body_at_the_bound_is_judged(talk: Callable[..., Talk]) -> None:
    """As many bytes as ``max_body`` reach the request hook."""
    found = talk().say(announced(MOST) + b"x" * MOST)
    assert (HttpRequestHook in found.hooks, found.status) == (True, 0)


def test_the_body_of_a_refused_request_is_not_kept(talk: Callable[..., Talk]) -> None:
    """What follows a head that is answered already is thrown away, up to the same bound."""
    found = talk(refused=True).say(announced(MOST) + b"x" * (MOST - 1))
    assert (found.kept(), found.status) == (0, 0)
    assert found.say(b"x").status == 401
    assert talk(refused=True).say(CHUNKED + b"5\r\nxxxxx\r\n" * 400).status == 413


@pytest.mark.parametrize(
    ("raw", "status", "closed"),
    [
        pytest.param(HEAD + b"x: " + b"a" * 1_000_000, 431, False, id="an unending head"),
        pytest.param(HEAD + b"a: b\r\n" * 10_000 + b"\r\n", 400, True, id="10,000 headers"),
        pytest.param(CHUNKED + b"5;" + b"x" * 1_000_000, 0, True, id="an unending chunk line"),
        pytest.param(CHUNKED + b"0\r\n" + b"a: b\r\n" * 99_999, 0, True, id="unending trailers"),
        pytest.param(b"\r\n" * 500_000, 0, False, id="nothing but empty lines"),
    ],
)
def test_no_client_fills_the_memory(
    talk: Callable[..., Talk], raw: bytes, status: int, closed: bool
) -> None:
    """Whatever has no end is ended at the bound, and none of it is kept."""
    found = talk().say(raw)
    assert (found.status, found.closed) == (status, closed)
    assert found.kept() <= MOST_KEPT


@pytest.mark.parametrize(
    "line",
    [b"x: a\rb", b"x: a\x00b", b" folded", b"\tfolded", b"te:\x0bchunked", b"x: \x7f"],
)
def test_what_servers_read_in_two_ways_is_refused(line: bytes) -> None:
    """A control character or a folded line makes a head bad."""
    with pytest.raises(ValueError, match="control character"):
        check_lines([b"GET / HTTP/1.1", b"host: x", line])


def test_the_head_of_a_usual_client_is_good() -> None:
    """Tabs, bytes beyond ASCII and as many lines as are allowed pass."""
    check_lines([b"GET / HTTP/1.1", b"x: a\tb", "x: ü".encode(), *[b"a: b"] * (MOST_LINES - 3)])


def test_trailers_are_left_out(talk: Callable[..., Talk]) -> None:
    """A chunked body with trailers is a whole body; mitmproxy alone would break on them."""
    found = talk().say(CHUNKED + b"2\r\n{}\r\n0\r\nx-evil: 1\r\n\r\n")
    assert HttpRequestHook in found.hooks


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        pytest.param("Bad HTTP request line: b'GET sk-1'", "Bad HTTP request line", id="a line"),
        pytest.param("x. Disable the validate_inbound_headers option", "x.", id="advice"),
        pytest.param("", "the request cannot be served", id="nothing"),
        pytest.param("y" * 1000, "y" * 300, id="long"),
    ],
)
def test_errors_do_not_repeat_what_was_sent(message: str, expected: str) -> None:
    """What mitmproxy says is cut where the client's bytes or its own advice begin."""
    assert said(message) == expected


def test_errors_are_json() -> None:
    """An error of mitmproxy's own has the shape of a provider's, and does not name mitmproxy."""
    head, _, body = error_answer(502, "no way").partition(b"\r\n\r\n")
    expected = {"message": "leash: no way", "type": "proxy_error", "code": 502}
    assert json.loads(body) == {"error": expected}
    assert (b"application/json" in head, b"mitmproxy" in head + body) == (True, False)


def test_mitmproxys_own_comes_back() -> None:
    """After the block, mitmproxy is as it was."""
    before = _own()
    with bounded(MOST):
        assert [one is other for one, other in zip(before, _own(), strict=True)] == [False] * 5
    assert _own() == before


def _own() -> list[object]:
    return [
        HttpStream.check_body_size,
        _http1.Http1Server._handle_event,
        _http1.ChunkedReader,  # type: ignore[attr-defined]
        _http1.make_error_response,
        WebsocketLayer.relay_messages,
    ]


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (HttpStream.check_body_size, "236ca0a7b9fd"),
        (HttpStream.state_consume_request_body, "45459c1bbd8b"),
        (_http1.Http1Connection._handle_event, "2ac8db3e43ae"),
        (_http1.Http1Server.send, "cc218a1337c0"),
        (_http1.Http1Server.read_headers, "3fe0945216bc"),
        (WebsocketLayer.relay_messages, "2d451252c728"),
    ],
    ids=["check", "consume", "handle", "send", "head", "relay"],
)
def test_what_is_changed_is_what_was_read(made: Callable[..., object], expected: str) -> None:
    """These are mitmproxy 12.2.3's; after an update they are to be read again."""
    found = sha256(inspect.getsource(made).encode()).hexdigest()[:12]
    assert (version("mitmproxy"), found) == ("12.2.3", expected)
