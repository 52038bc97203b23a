"""How a body is cut before it is fed: the answer must be the same for all of them."""

from collections.abc import Callable, Iterable, Iterator
from random import Random

PIECE = 16 * 1024
LONGEST = 64


def pieces(how: str = "") -> Callable[[bytes], Iterable[bytes]]:
    """Return a cutter: ``whole``, ``bytes``, ``random`` (the same cuts every time), or 16 KiB."""
    return CUTTERS.get(how, _even)


def _whole(body: bytes) -> Iterable[bytes]:
    return (body,)


def _bytes(body: bytes) -> Iterator[bytes]:
    return (body[at : at + 1] for at in range(len(body)))


def _even(body: bytes) -> Iterator[bytes]:
    return (body[at : at + PIECE] for at in range(0, len(body), PIECE))


def _random(body: bytes) -> Iterator[bytes]:
    dice = Random(len(body))  # noqa: S311 - cuts have nothing to guard
    at = 0
    while at < len(body):
        end = at + dice.randint(1, LONGEST)
        yield body[at:end]
        at = end


CUTTERS = {"whole": _whole, "bytes": _bytes, "random": _random}
