"""What one request asks for: its model, its limits, and how its answer will come."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import msgspec

from leash_addon.core.reading import BYTES_PER_TOKEN
from leash_addon.wire.coding import MOST_BYTES, decoder
from leash_addon.wire.known import Known, read_without
from leash_addon.wire.request_shapes import (
    OTHER,
    REPORT_UNASKED,
    SHAPES,
    Body,
    Shape,
    largest,
    number,
)
from leash_addon.wire.routes import Route
from leash_addon.wire.usage_option import with_usage_option

__all__ = ["Asked", "Parsed", "parse_request", "plain_body", "read_request", "with_usage_option"]

STREAMING_URL = re.compile(r":stream\w*$|-stream$")
"""Gemini and Vertex (``:streamGenerateContent``), Bedrock (``/invoke-with-response-stream``)."""
FILE_BYTES_PER_TOKEN = 500
"""Uploaded audio and images: some 15 tokens a second of speech, some 1,500 for a photograph."""
SIGNATURE = "aws4-"
MULTIPART = "multipart/form-data"
FORM_FIELD = rb'name="%s"(?:\r\n[^\r\n]+)*+\r\n\r\n([^\r\n]{1,200})\r\n'
FAULTS = (msgspec.MsgspecError, RecursionError, ValueError)
"""What decoding raises; ``UnicodeDecodeError`` is a ``ValueError``."""

READ_BODY = msgspec.json.Decoder(Body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The facts of a request that admission and metering need.

    ``model``: as the body names it, else as the URL does. ``stream``: the answer was asked for in
    pieces. ``max_output``: the request's own limit on output tokens, for one choice.
    ``choices``: how many answers. ``input_tokens``: an estimate, the body's bytes / 4; base64 of
    images is counted like text, which overstates them; uploaded files at 500 bytes a token.
    ``can_inject``: the body may have ``stream_options.include_usage`` added. ``free``: the request
    costs nothing by what it says.
    ``tools``: it declares some. ``signed``: the body is under an AWS signature and cannot be
    changed. ``broken``: why the body could not be read; the other fields then hold what is known
    without it.
    """

    model: str | None = None
    stream: bool = False
    max_output: int | None = None
    choices: int = 1
    input_tokens: int = 0
    can_inject: bool = False
    free: bool = False
    signed: bool = False
    tools: bool = False
    broken: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """A request, read once. ``plain``: its JSON without content coding; ``body``: its members.

    ``body``: ``None`` where there is no JSON object. ``inside``: the member of the body that the
    request itself is in, "" where it is not wrapped. ``top``: the members beside that one.
    ``known``: elements that the body was read without. ``size``: bytes without content coding, as
    they came or as they were mended, whichever is more: UTF-16 has two for up to three tokens.
    """

    asked: Asked
    plain: bytes = b""
    size: int = 0
    body: Body | None = None
    top: Body | None = None
    inside: str = ""
    known: Known | None = None

    @property
    def whole(self) -> "Parsed":
        """Return the request read anew, nothing of it known."""
        if self.known is None:
            return self
        return replace(self, body=READ_BODY.decode(self.plain), known=None)


type Recall = Callable[[bytes], Known | None]
"""Tells what of a request's JSON is known; it vouches for the bytes."""


def knows_nothing(_: bytes) -> None:
    """Recall nothing."""


def read_request(route: Route, headers: Mapping[str, str], body: bytes, *, url: str = "") -> Asked:
    """Read what a request asks for, as ``parse_request`` does."""
    return parse_request(route, headers, body, url=url).asked


def parse_request(
    route: Route,
    headers: Mapping[str, str],
    body: bytes,
    *,
    url: str = "",
    recall: Recall = knows_nothing,
    read: Body | None = None,
    decoded: tuple[bytes, str | None] | None = None,
) -> Parsed:
    """Read a request. ``headers``: names in lower case. ``url``: with or without its host.

    ``recall``: tells what is known of it. ``read``: its JSON, where that has been read already;
    ``decoded``: its ``plain_body``, where that is known.
    Never raises: a body that cannot be read leaves what headers and URL say, and ``broken``.
    """
    shape = SHAPES.get(route.format or "", OTHER)
    plain, broken = plain_body(headers, body) if decoded is None else decoded
    size = len(plain)
    asked = Asked(
        model=route.model,
        stream=STREAMING_URL.search(url.partition("?")[0]) is not None,
        input_tokens=-(-size // BYTES_PER_TOKEN),
        free=route.free,
        signed=headers.get("authorization", "").lower().startswith(SIGNATURE),
        broken=broken,
    )
    if broken is not None or not plain or route.free:
        return Parsed(asked=asked, plain=plain, size=size)
    if _is_form(headers, plain):
        return Parsed(asked=_read_form(asked, plain), plain=plain, size=size)
    known = recall(plain) if read is None else None
    if known is not None:
        read = read_without(plain, known, READ_BODY)
    try:
        if read is None:
            known, (plain, read) = None, _decoded(plain)
    except FAULTS as fault:
        broken = f"the request body cannot be read: {_reason(fault)}"
        return Parsed(asked=replace(asked, broken=broken), plain=plain, size=size)
    can_change = _can_change(route, asked, plain is body)
    stream = asked.stream or _streams(read, shape)
    inside, top = "", read
    if shape.wraps and read.request:
        asked, inner = _unwrapped(asked, read)
        if inner is not None:
            inside, known, read = "request", None, inner
    asked = _read_json(asked, read, shape, can_change=can_change, stream=stream)
    size = max(size, len(plain))
    return Parsed(
        asked=asked, plain=plain, size=size, body=read, top=top, inside=inside, known=known
    )


def _decoded(plain: bytes) -> tuple[bytes, Body]:
    """Decode a body; what only laxer readers take is mended: half surrogates, UTF-16, NaN."""
    try:
        return plain, READ_BODY.decode(plain)
    except FAULTS:
        value = json.loads(plain, parse_constant=lambda _: None)
        if not isinstance(value, dict):
            raise
        text = json.dumps(value, ensure_ascii=False)
        mended = text.encode("utf-8", "replace")
        return mended, READ_BODY.decode(mended)


def _read_json(asked: Asked, body: Body, shape: Shape, *, can_change: bool, stream: bool) -> Asked:
    return replace(
        asked,
        model=_name(body.model) or _name(body.model_id) or asked.model,
        stream=stream,
        max_output=number(body, shape.max_output),
        choices=largest(body, shape.choices),
        can_inject=can_change and shape.usage_option and stream and _lacks_usage(body),
        free=shape.generates_on_request and body.generate is False,
        tools=len(body.tools) > len(b"[]"),
    )


def _unwrapped(asked: Asked, body: Body) -> tuple[Asked, Body | None]:
    """Read the request inside a request, if it is one; the model's name stays outside."""
    asked = replace(asked, model=_name(body.model) or asked.model)
    try:
        return asked, READ_BODY.decode(body.request)
    except FAULTS:
        return asked, None


def _is_form(headers: Mapping[str, str], plain: bytes) -> bool:
    """Tell whether a body is a form. JSON is none: some servers read it whatever it is called."""
    said = headers.get("content-type", "").lower().startswith(MULTIPART)
    return said and not plain[:64].lstrip().startswith(b"{")


def _read_form(asked: Asked, body: bytes) -> Asked:
    """Read a form: audio and images are uploaded so, beside their model's name."""
    model, stream, choices = (_form_field(body, name) for name in (b"model", b"stream", b"n"))
    return replace(
        asked,
        model=model or asked.model,
        stream=asked.stream or stream == "true",
        input_tokens=-(-len(body) // FILE_BYTES_PER_TOKEN),
        choices=int(choices) if choices and re.fullmatch("[1-9][0-9]{0,3}", choices) else 1,
    )


def _form_field(body: bytes, name: bytes) -> str | None:
    found = re.search(FORM_FIELD % name, body)
    return found[1].decode("utf-8", "replace") if found else None


def plain_body(headers: Mapping[str, str], body: bytes) -> tuple[bytes, str | None]:
    """Return a request's body decoded, and why it could not be.

    The very same bytes where it was not encoded. ``headers``: names in lower case.
    """
    coding = headers.get("content-encoding", "")
    if not coding or coding == "identity":
        return body, None
    decode = decoder(coding, most=MOST_BYTES)
    plain = decode.feed(body) + decode.close()
    return plain, decode.broken


def _can_change(route: Route, asked: Asked, is_plain: bool) -> bool:
    return is_plain and not asked.signed and route.dialect not in REPORT_UNASKED


def _streams(body: Body, shape: Shape) -> bool:
    return body.stream is not False if shape.streams_unless_denied else body.stream is True


def _lacks_usage(body: Body) -> bool:
    options = body.stream_options
    if options is msgspec.UNSET or options is None:
        return True
    return isinstance(options, dict) and options.get("include_usage") in (None, False)


def _name(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _reason(fault: Exception) -> str:
    """Name the fault without quoting the body."""
    is_json = not isinstance(fault, msgspec.DecodeError | json.JSONDecodeError)
    return type(fault).__name__ if is_json else "not JSON"
