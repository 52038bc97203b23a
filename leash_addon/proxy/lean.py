"""What mitmproxy does for every call that nobody here needs: checks, copies and extra writes.

Measured with ``scripts/bench`` on mitmproxy 12.2.3, of the time of a call: a debug build's check of
each message's field types 3 %, copying options that nobody changes 2 %, and 4 % for two writes to a
socket (head, then body) where one does.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

from mitmproxy.http import MessageData
from mitmproxy.options import Options
from mitmproxy.optmanager import unset
from mitmproxy.proxy.commands import Command, SendData
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layer import CommandGenerator, Layer
from mitmproxy.proxy.mode_servers import RegularInstance

PLAIN = frozenset({bool, int, str, type(None)})
"""Types of options that nobody can change by holding them."""


class LeanOptions(Options):
    """mitmproxy's options; only a value that can be changed in place is copied when it is read."""

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - as mitmproxy has it
        """Return an option's value."""
        option = self.__dict__.get("_options", {}).get(name)
        if option is None:
            return super().__getattr__(name)  # type: ignore[no-untyped-call]
        value = option._default if option.value is unset else option.value  # noqa: SLF001
        return value if type(value) in PLAIN else deepcopy(value)


def joined(commands: Iterator[Command]) -> CommandGenerator[None]:
    """Yield a layer's commands, with what goes to one connection in a row as one piece.

    Nothing is held back but until the next command is known, or there is none; not even when the
    layer fails.
    """
    held: list[SendData] = []
    try:
        for command in commands:
            if type(command) is SendData:
                if held and held[0].connection is not command.connection:
                    yield _one(held)
                    held = []
                held.append(command)
                continue
            if held:
                yield _one(held)
                held = []
            yield command
    except Exception:
        if held:
            yield _one(held)
        raise
    if held:
        yield _one(held)


def _one(held: list[SendData]) -> SendData:
    if len(held) == 1:
        return held[0]
    return SendData(held[0].connection, b"".join(each.data for each in held))


@contextmanager
def lean() -> Iterator[None]:
    """Leave those out for as long as the block lasts, in this process."""
    checked = MessageData.__dict__.get("__post_init__")
    plain = RegularInstance.make_top_layer

    def make_top_layer(self: RegularInstance, context: Context) -> Layer:
        layer = plain(self, context)
        handle = layer.handle_event
        layer.handle_event = lambda event: joined(handle(event))  # type: ignore[method-assign]
        return layer

    if checked is not None:
        MessageData.__post_init__ = _unchecked  # type: ignore[method-assign]
    RegularInstance.make_top_layer = make_top_layer  # type: ignore[method-assign]
    try:
        yield
    finally:
        RegularInstance.make_top_layer = plain  # type: ignore[method-assign]
        if checked is not None:
            MessageData.__post_init__ = checked  # type: ignore[method-assign]


def _unchecked(message: MessageData) -> None:
    """Trust the types of a message that mitmproxy has read from a connection."""
