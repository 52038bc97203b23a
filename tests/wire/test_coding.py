"""Content codings: any of them, however cut, damaged, truncated or hostile."""

import gzip
import secrets
import tracemalloc
import zlib
from collections.abc import Sequence

import brotli
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from leash_addon.wire import asked
from leash_addon.wire.coding import FREE_BYTES, MAX_RATIO, decoder
from leash_addon.wire.codings import PIECE

TEXT = b'data: {"choices":[{"delta":{"content":"\xc3\xa9"}}]}\n\n' * 50
LONG = bytes(range(256)) * (PIECE // 64)


def raw_deflate(body: bytes) -> bytes:
    """Return a deflate stream without zlib's header."""
    press = zlib.compressobj(wbits=-15)
    return press.compress(body) + press.flush()


def zstd(body: bytes) -> bytes:
    """Return one zstd frame."""
    return zstandard.ZstdCompressor().compress(body)


SKIPPABLE = b"\x5a\x2a\x4d\x18\x03\x00\x00\x00abc"

CODED = [
    pytest.param("", TEXT, TEXT, id="no coding"),
    pytest.param("identity", TEXT, TEXT, id="identity"),
    pytest.param("gzip", gzip.compress(TEXT), TEXT, id="gzip"),
    pytest.param("X-GZIP", gzip.compress(TEXT), TEXT, id="its old name"),
    pytest.param("gzip", gzip.compress(TEXT) + gzip.compress(b"x"), TEXT + b"x", id="two members"),
    pytest.param("gzip", gzip.compress(TEXT) + b"\0\0", TEXT, id="padding after gzip"),
    pytest.param("deflate", zlib.compress(TEXT), TEXT, id="deflate with zlib's header"),
    pytest.param("deflate", raw_deflate(TEXT), TEXT, id="raw deflate"),
    pytest.param("br", brotli.compress(TEXT), TEXT, id="br"),
    pytest.param("zstd", zstd(TEXT), TEXT, id="zstd"),
    pytest.param("zstd", zstd(TEXT) + SKIPPABLE + zstd(b"x"), TEXT + b"x", id="frames of zstd"),
    pytest.param("zstd", zstd(TEXT) + b"\0\0", TEXT, id="padding after zstd"),
    pytest.param("gzip, br", brotli.compress(gzip.compress(TEXT)), TEXT, id="a stack"),
    pytest.param("gzip,identity", gzip.compress(TEXT), TEXT, id="a stack with nothing in it"),
    pytest.param("gzip", gzip.compress(LONG), LONG, id="gzip, many pieces"),
    pytest.param("deflate", zlib.compress(LONG), LONG, id="deflate, many pieces"),
    pytest.param("br", brotli.compress(LONG), LONG, id="br, many pieces"),
    pytest.param("zstd", zstd(LONG), LONG, id="zstd, many pieces"),
    pytest.param("gzip", b"", b"", id="an empty body"),
    pytest.param("br", b"", b"", id="an empty br body"),
]


def decoded(coding: str, pieces: Sequence[bytes]) -> tuple[bytes, str | None]:
    """Feed a decoder; return what came out and what went wrong."""
    decode = decoder(coding)
    body = b"".join([*map(decode.feed, pieces), decode.close()])
    return body, decode.broken


@pytest.mark.parametrize(("coding", "body", "plain"), CODED)
def test_a_coded_body_decodes(coding: str, body: bytes, plain: bytes) -> None:
    """A body decodes to what was coded, whole, cut in two at every place, and byte by byte."""
    assert decoded(coding, [body]) == (plain, None)
    for at in range(0, len(body), 1 + len(body) // 300):
        assert decoded(coding, [body[:at], body[at:]]) == (plain, None)
    assert decoded(coding, [bytes([byte]) for byte in body]) == (plain, None)


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        pytest.param("gzip", gzip.compress(TEXT), id="gzip"),
        pytest.param("deflate", zlib.compress(TEXT), id="deflate"),
        pytest.param("deflate", raw_deflate(TEXT), id="raw deflate"),
        pytest.param("br", brotli.compress(TEXT), id="br"),
        pytest.param("zstd", zstd(TEXT), id="zstd"),
        pytest.param("gzip, br", brotli.compress(gzip.compress(TEXT)), id="a stack"),
    ],
)
def test_a_truncated_body_delivers_what_came(coding: str, body: bytes) -> None:
    """A body that lacks its end delivers the text so far and says that it ended too early."""
    for at in range(1, len(body)):
        text, broken = decoded(coding, [body[:at]])
        assert (TEXT.startswith(text), broken) == (True, "the coded body ended in the middle")


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
def test_a_flushed_event_is_delivered_at_once(coding: str) -> None:
    """What a server has flushed comes out before the body ends."""
    flushed = {
        "gzip": _flushed_zlib(31),
        "deflate": _flushed_zlib(15),
        "br": _flushed_brotli(),
        "zstd": _flushed_zstd(),
    }[coding]
    assert decoder(coding).feed(flushed) == TEXT


@pytest.mark.parametrize("over", [1, 200, 257])
def test_a_flush_is_not_owed_at_the_edge_of_a_piece(over: int) -> None:
    """Zlib may have taken all input and still owe output: it is asked until it owes none."""
    press = zlib.compressobj()
    flushed = press.compress(bytes(PIECE + over)) + press.flush(zlib.Z_SYNC_FLUSH)
    assert len(decoder("deflate").feed(flushed)) == PIECE + over


def _flushed_zlib(window: int) -> bytes:
    press = zlib.compressobj(wbits=window)
    return press.compress(TEXT) + press.flush(zlib.Z_SYNC_FLUSH)


def _flushed_brotli() -> bytes:
    press = brotli.Compressor()
    return bytes(press.process(TEXT) + press.flush())


def _flushed_zstd() -> bytes:
    press = zstandard.ZstdCompressor().compressobj()
    return press.compress(TEXT) + press.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)


def bomb(coding: str, size: int) -> bytes:
    """Return a small body that decodes to ``size`` zeros."""
    zeros = bytes(size)
    return {
        "gzip": lambda: gzip.compress(zeros),
        "deflate": lambda: zlib.compress(zeros),
        "br": lambda: bytes(brotli.compress(zeros, quality=4)),
        "zstd": lambda: zstd(zeros),
        "gzip, gzip": lambda: gzip.compress(gzip.compress(zeros)),
    }[coding]()


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "gzip, gzip"])
def test_a_bomb_is_defused(coding: str) -> None:
    """A bomb delivers at most the bound, uses little more memory, and delivers nothing after it."""
    body = bomb(coding, 128 * 1024 * 1024)
    decode = decoder(coding)
    tracemalloc.start()
    given = len(decode.feed(body))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert decode.broken == "the body is a decompression bomb"
    assert given <= max(FREE_BYTES, MAX_RATIO * len(body))
    assert peak < 4 * FREE_BYTES
    assert decode.feed(body) + decode.close() == b""


def test_a_body_comes_to_no_more_than_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many bytes came, so that none of their ratio is a bomb: a request is not so large."""
    body = gzip.compress(secrets.token_bytes(60_000))
    for most, broken in ((60_000, None), (59_999, "the body is a decompression bomb")):
        decode = decoder("gzip", most=most)
        assert (len(decode.feed(body)) <= most, decode.broken) == (True, broken)
        monkeypatch.setattr(asked, "MOST_BYTES", most)
        assert asked.plain_body({"content-encoding": "gzip"}, body)[1] == broken


@pytest.mark.parametrize(
    ("coding", "broken"),
    [
        pytest.param("compress", "unknown content coding 'compress'", id="unknown"),
        pytest.param("gzip, sdch", "unknown content coding 'sdch'", id="one of two unknown"),
        pytest.param("gzip," * 4, "4 content codings on one body", id="too many"),
    ],
)
def test_what_cannot_be_decoded_says_so_from_the_start(coding: str, broken: str) -> None:
    """A coding that is not ours to decode delivers nothing and names itself."""
    assert decoded(coding, [b"abc"]) == (b"", broken)


@settings(max_examples=200, deadline=None)
@given(
    coding=st.sampled_from(["gzip", "deflate", "br", "zstd", "zstd, gzip"]),
    body=st.binary(max_size=200),
    at=st.integers(0, 200),
)
def test_no_bytes_raise(coding: str, body: bytes, at: int) -> None:
    """Bytes of no coding are broken, or decode to something; nothing is raised."""
    text, broken = decoded(coding, [body[:at], body[at:]])
    assert isinstance(text, bytes)
    assert broken is None or "body" in broken


@settings(max_examples=200, deadline=None)
@given(
    row=st.sampled_from(
        [
            ("gzip", gzip.compress(TEXT)),
            ("deflate", zlib.compress(TEXT)),
            ("br", brotli.compress(TEXT)),
            ("zstd", zstd(TEXT)),
        ]
    ),
    at=st.floats(0, 1, exclude_max=True),
    byte=st.integers(0, 255),
)
def test_damage_never_raises(row: tuple[str, bytes], at: float, byte: int) -> None:
    """A byte that was changed on the way makes the body broken or is not noticed."""
    coding, body = row
    place = int(at * len(body))
    text, broken = decoded(coding, [body[:place] + bytes([byte]) + body[place + 1 :]])
    assert isinstance(text, bytes)
    assert broken is None or broken.startswith(
        ("the body cannot be decoded", "the coded body ended")
    )
