"""Fuzzing of what reads requests in other ways than at once: slices, and the files of uploads."""

import msgspec

from leash_addon.wire.asked import READ_BODY
from leash_addon.wire.request_shapes import Body
from leash_addon.wire.slices import read_in_slices
from leash_addon.wire.uploads import files_of

WORDS = (
    b'{"messages":[{"role":', b'{"role":', b'"messages":[', b'"', b"\\", b",", b", ", b"{", b"}",
    b"[", b"]", b":", b"1", b'"a"', b'"input":[', b'"contents":[', b'"leash-0"', b" ", b"null",
    b'"content":', b"\n", b"\xff", b"--X", b"\r\n", b"\r\n\r\n", b"Content-Type: ", b"text/csv",
    b"\0", b"\xff\xfe",
)  # fmt: skip


def reading(program: bytes) -> None:
    """Check that slices make the whole, and that a form's files raise nothing and add nothing."""
    size, text = 1 + (program[0] if program else 0) % 40, _text_of(program[1:])
    read = _sliced(text, size)
    if read is not None and _encoded(read) != _encoded(_whole(text)):
        msg = f"slices read otherwise than the whole: {text!r}"
        raise AssertionError(msg)
    files = files_of({"content-type": "multipart/form-data; boundary=X"}, text)
    if sum(len(file.raw) for file in files) > len(text):
        msg = f"more files than there are bytes: {text!r}"
        raise AssertionError(msg)
    for file in files:
        file.texts()


def _text_of(program: bytes) -> bytes:
    return b"".join(WORDS[byte] if byte < len(WORDS) else bytes([byte]) for byte in program)


def _sliced(text: bytes, size: int) -> Body | None:
    steps = read_in_slices(text, READ_BODY, size)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            found: Body | None = end.value
            return found


def _whole(text: bytes) -> Body | None:
    try:
        return READ_BODY.decode(text)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return None


def _encoded(body: Body | None) -> bytes:
    return b"" if body is None else msgspec.json.encode(body)
