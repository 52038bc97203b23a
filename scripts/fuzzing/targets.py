"""What is fuzzed: each target takes bytes and raises AssertionError where a promise breaks.

The first bytes choose among the variants and the cuts; the rest is a text in which small byte
values stand for words of the grammars at hand, so that both engines reach deep places quickly.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType

from fuzzing.reading import reading
from fuzzing.screening import screening

from leash_addon.wire.asked import Asked, read_request, with_usage_option
from leash_addon.wire.coding import FREE_BYTES, MAX_RATIO, decoder
from leash_addon.wire.event import Event
from leash_addon.wire.formats import FORMATS
from leash_addon.wire.framing import Framer, framer_for
from leash_addon.wire.framing.eventstream import EventStream
from leash_addon.wire.framing.json_array import JsonArray
from leash_addon.wire.framing.ndjson import Ndjson
from leash_addon.wire.framing.sse import Sse
from leash_addon.wire.framing.whole import Whole
from leash_addon.wire.meter import Meter
from leash_addon.wire.request_shapes import SHAPES
from leash_addon.wire.routes import Route
from leash_addon.wire.swallow import UsageSwallow

type Target = Callable[[bytes], None]

WORDS = (
    b"data: ", b"data:", b"event: ", b"error: ", b": c", b"id: 1", b"\n", b"\r", b"\r\n", b"\n\n",
    b"\r\n\r\n", b"\xef\xbb\xbf", b"[DONE]", b"{", b"}", b"[", b"]", b'"', b"\\", b",", b":",
    b"null", b"true", b"-1", b"1e999", b"99999999999999999999", b"0.5", b'"a"', b'"type":',
    b'"usage":{', b'"choices":[', b'"choices":[]', b'"delta":{', b'"message":{', b'"model":"m"',
    b'"error":{', b'"prompt_tokens":3', b'"completion_tokens":', b'"input_tokens":5',
    b'"output_tokens":',
    b'"message_start"', b'"message_delta"', b'"message_stop"', b'"iterations":[', b'"response":{',
    b'"response.completed"', b'"usageMetadata":{', b'"promptTokenCount":7', b'"candidates":[',
    b'"thoughtsTokenCount":', b'"stream":true', b'"stream_options":', b'"max_tokens":', b'"n":',
    b'"bytes":"eyJ9"', b'"inputTokens":1', b'"done":true', b'"eval_count":', b'"meta":{',
    b'"billed_units":{', b'"x_groq":{', b'"service_tier":', b'"id":"r"', b"\xc3\xa9", b"\xff",
)  # fmt: skip
KINDS = ("text/event-stream", "application/json", "application/x-ndjson", "",
         "application/vnd.amazon.eventstream", "application/octet-stream")  # fmt: skip
CODINGS = ("gzip", "deflate", "br", "zstd", "gzip, br", "identity", "nonsense")
FRAMERS: tuple[Callable[[], Framer], ...] = (
    *(lambda kind=kind: framer_for(kind) for kind in KINDS),
    *(lambda make=make: make(30) for make in (Sse, Ndjson, JsonArray, EventStream, Whole)),
)


def text_of(program: bytes) -> bytes:
    """Spell out a program: small bytes are words, the others themselves."""
    return b"".join(WORDS[byte] if byte < len(WORDS) else bytes([byte]) for byte in program)


def pieces_of(text: bytes, size: int) -> Iterator[bytes]:
    """Cut a text into pieces of ``size`` bytes."""
    return (text[at : at + size] for at in range(0, len(text), size))


def framers(program: bytes) -> None:
    """Check that events are the same however the bytes are cut."""
    make = FRAMERS[_byte(program, 0) % len(FRAMERS)]
    text = text_of(program[2:])
    whole = _framed(make(), [text])
    if whole != _framed(make(), pieces_of(text, _size(program, 1))):
        _fail("events differ by cut", text)
    if sum(len(event.data) for event in whole[0]) > len(text):
        _fail("more came out than went in", text)


def decoders(program: bytes) -> None:
    """Check that nothing is raised, and that what comes out is bounded."""
    coded = program[2:]
    decode = decoder(CODINGS[_byte(program, 0) % len(CODINGS)])
    plain = b"".join(map(decode.feed, pieces_of(coded, _size(program, 1)))) + decode.close()
    if len(plain) > max(FREE_BYTES, MAX_RATIO * len(coded)):
        _fail("a bomb went off", coded)


def requests(program: bytes) -> None:
    """Check that reading raises nothing, and that the usage option is added where it can be."""
    names = sorted(SHAPES)
    route = Route(provider="p", format=names[_byte(program, 0) % len(names)])
    coding = (*CODINGS, "")[_byte(program, 1) % (len(CODINGS) + 1)]
    body = text_of(program[2:])
    read_request(route, {"content-encoding": coding}, body)
    plain = read_request(route, {}, body)
    if plain.broken is None and body and _wants_usage(with_usage_option(body)) is False:
        _fail("the usage option was not added", body)


def swallowing(program: bytes) -> None:
    """Check that the client gets the same bytes however the stream is cut."""
    text = text_of(program[1:])
    if _passed([text]) != _passed(pieces_of(text, _size(program, 0))):
        _fail("bytes differ by cut", text)


def formats(program: bytes) -> None:
    """Check that no format gives up, and that each reads the same however its answer is cut."""
    names = sorted(FORMATS)
    route = Route(provider="p", format=names[_byte(program, 0) % len(names)])
    kind = KINDS[_byte(program, 1) % len(KINDS)]
    text = text_of(program[3:])
    whole = _read(route, kind, [text])
    if whole != _read(route, kind, pieces_of(text, _size(program, 2))):
        _fail(f"{route.format} reads differently by cut", text)
    if "gave up" in whole:
        _fail(f"{route.format} {kind}: {whole}", text)


TARGETS: Mapping[str, Target] = MappingProxyType(
    {
        each.__name__: each
        for each in (framers, decoders, requests, reading, swallowing, formats, screening)
    }
)


def _byte(program: bytes, at: int) -> int:
    return program[at] if at < len(program) else 0


def _size(program: bytes, at: int) -> int:
    """Return a size of pieces, mostly small: a cut has to meet a line end to tell anything."""
    return 1 + _byte(program, at) % 12


def _framed(framer: Framer, pieces: Iterable[bytes]) -> tuple[list[Event], str | None]:
    events = [event for piece in pieces for event in framer.feed(piece)]
    return [*events, *framer.close()], framer.broken


def _passed(pieces: Iterable[bytes]) -> bytes:
    swallow = UsageSwallow(64)
    return b"".join([*map(swallow.feed, pieces), swallow.close()])


def _read(route: Route, kind: str, pieces: Iterable[bytes]) -> str:
    meter = Meter(route, Asked(), 200, {"content-type": kind})
    for piece in pieces:
        meter.feed(piece)
    meter.close()
    return repr((meter.reading(), meter.complete))


def _wants_usage(body: bytes) -> bool | None:
    try:
        return bool(json.loads(body)["stream_options"]["include_usage"])
    except (ValueError, RecursionError):
        return None  # Python's parser is stricter than msgspec about what nobody reads
    except (KeyError, TypeError):
        return False


def _fail(why: str, text: bytes) -> None:
    message = f"{why}: {text!r}"
    raise AssertionError(message)
