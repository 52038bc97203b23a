"""What mitmproxy does and nobody needs is left out, and nothing else is."""

from collections.abc import Iterator

import pytest
from mitmproxy.connection import Server
from mitmproxy.http import Headers, Request, Response
from mitmproxy.options import Options
from mitmproxy.proxy.commands import CloseConnection, Command, Log, SendData

from leash_addon.proxy.lean import LeanOptions, joined, lean

ONE, OTHER = Server(address=("one", 1)), Server(address=("other", 2))


def shown(commands: Iterator[Command]) -> list[object]:
    """Write commands down: what is sent where, and the names of the others."""
    return [
        (each.connection.address, each.data) if isinstance(each, SendData) else type(each).__name__
        for each in commands
    ]


def test_what_goes_to_one_connection_in_a_row_is_one_piece() -> None:
    """Pieces keep their order and their connection; another command stands between two."""
    commands = [
        SendData(ONE, b"head "),
        SendData(ONE, b"body"),
        SendData(OTHER, b"there"),
        SendData(ONE, b"more"),
        Log("said"),
        SendData(ONE, b"last"),
        CloseConnection(ONE),
        SendData(OTHER, b"bye"),
    ]
    assert shown(joined(iter(commands))) == [
        (("one", 1), b"head body"),
        (("other", 2), b"there"),
        (("one", 1), b"more"),
        "Log",
        (("one", 1), b"last"),
        "CloseConnection",
        (("other", 2), b"bye"),
    ]


def test_what_was_to_be_sent_goes_before_a_layer_fails() -> None:
    """An exception of the layer loses no piece."""
    sent: list[Command] = []

    def failing() -> Iterator[Command]:
        yield SendData(ONE, b"a")
        yield SendData(ONE, b"b")
        msg = "broken"
        raise ValueError(msg)

    with pytest.raises(ValueError, match="broken"):
        sent.extend(iter_into(sent, joined(failing())))
    assert shown(iter(sent)) == [(("one", 1), b"ab")]


def iter_into(sent: list[Command], commands: Iterator[Command]) -> list[Command]:
    """Collect commands one by one, as the connection's handler executes them."""
    for command in commands:
        sent.append(command)  # noqa: PERF402 - what came before an exception counts
    return []


def test_options_read_as_mitmproxys_own() -> None:
    """Every option has the value that stock options have; a list is a copy, a wrong name fails."""
    ours, theirs = LeanOptions(), Options()
    for options in (ours, theirs):
        options.update(mode=["regular"], listen_port=8099, http2=False)
    names = sorted(theirs.keys())
    assert [getattr(ours, name) for name in names] == [getattr(theirs, name) for name in names]
    ours.mode.append("socks5")
    assert ours.mode == ["regular"]
    with pytest.raises(AttributeError, match="no_such"):
        _ = ours.no_such


def test_messages_are_not_checked_field_by_field_while_a_proxy_runs() -> None:
    """A message with a field of a wrong type is made without complaint, and only meanwhile."""
    with lean():
        wrong = Response(b"HTTP/1.1", "200", b"OK", Headers(), b"", None, 0.0, 0.0)  # type: ignore[arg-type]
    assert wrong.data.status_code == "200"
    with pytest.raises(TypeError):
        Request("h", "1", b"GET", b"http", b"", b"/", b"HTTP/1.1", Headers(), b"", None, 0.0, 0.0)  # type: ignore[arg-type]
