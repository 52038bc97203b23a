"""A request in pieces: each message or item by itself, as the bytes that it came in.

Agents send their whole history with every call. A piece that was seen before is known by its
bytes and not decoded again; ``texts_in`` reads those that are new.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from leash_addon.wire.known import Known
from leash_addon.wire.request_shapes import Body
from leash_addon.wire.texts import (
    anthropic,
    batches,
    chat,
    converse,
    gemini,
    guess,
    interactions,
    live,
    realtime,
    responses,
)
from leash_addon.wire.texts.arrays import set_aside
from leash_addon.wire.texts.gathered import Gathered
from leash_addon.wire.texts.text import Path

type Read = Callable[[Gathered, Any, Path], None]
type Members = Mapping[str, Read]


class Piece(Struct, frozen=True):
    """One piece: where it stands in the request, its JSON, and what reads it.

    ``path``: a member's name, and an index where the member is an array.
    """

    path: Path
    raw: bytes
    read: Read

    def texts(self) -> Gathered:
        """Read it, as ``texts_in`` does."""
        return texts_in(self)


CHAT: Final[Members] = MappingProxyType(
    {
        "messages": chat.message,
        "system": chat.system,
        "instructions": chat.system,
        "prompt": chat.user,
        "suffix": chat.user,
        "inputs": responses.item,
        "documents": chat.document,
        "tools": chat.tools,
    }
)
COHERE: Final[Members] = MappingProxyType(
    {
        "messages": chat.message,
        "message": chat.user,
        "chat_history": chat.message,
        "preamble": chat.system,
        "documents": chat.document,
        "tool_results": chat.outputs,
        "tools": chat.tools,
    }
)
ANTHROPIC: Final[Members] = MappingProxyType(
    {"system": anthropic.system, "messages": anthropic.message, "tools": chat.tools}
)
GEMINI: Final[Members] = MappingProxyType(
    {
        "system_instruction": gemini.system,
        "system_instruction_snake": gemini.system,
        "contents": gemini.turn,
        "tools": chat.tools,
    }
)
RESPONSES: Final[Members] = MappingProxyType(
    {
        "instructions": responses.instructions,
        "input": responses.item,
        "prompt": responses.prompt,
        "tools": chat.tools,
    }
)
PROMPTS: Final[Members] = MappingProxyType(
    {"prompt": chat.user, "suffix": chat.user, "input_text": chat.user, "inputs": chat.user}
)
ASSISTANTS: Final[Members] = MappingProxyType(
    {
        "instructions": chat.system,
        "additional_instructions": chat.system,
        "additional_messages": chat.message,
        "thread": chat.thread,
        "tool_outputs": chat.tool_output,
        "tools": chat.tools,
    }
)
REALTIME: Final[Members] = MappingProxyType(
    {"session": realtime.session, "item": responses.item, "response": realtime.response}
)
KEPT: Final[Members] = MappingProxyType(
    {
        "instructions": chat.system,
        "session": realtime.session,
        "messages": chat.message,
        "content": chat.user,
        "items": responses.item,
        "tools": chat.tools,
    }
)
INTERACTIONS: Final[Members] = MappingProxyType(
    {
        "system_instruction": gemini.system,
        "system_instruction_snake": gemini.system,
        "input": interactions.item,
        "tools": chat.tools,
    }
)
LIVE: Final[Members] = MappingProxyType(
    {
        "setup": live.setup,
        "client_content": live.content,
        "client_content_snake": live.content,
        "tool_response": live.answers,
        "tool_response_snake": live.answers,
        "realtime_input": live.typed,
        "realtime_input_snake": live.typed,
    }
)
INVOKE: Final[Members] = MappingProxyType(
    {**COHERE, **PROMPTS, "system": anthropic.system, "messages": guess.message}
)
BATCHES: Final[Members] = MappingProxyType({"requests": batches.request, "batch": batches.batch})
BLIND: Final[Members] = MappingProxyType({**GEMINI, **RESPONSES, **INVOKE, **BATCHES})

FORMATS: Final[Mapping[str, Members]] = MappingProxyType(
    {
        "": BLIND,
        "openai.chat": CHAT,
        "azure.chat": CHAT,
        "ollama.chat": CHAT,
        "openai.completions": PROMPTS,
        "openai.responses": RESPONSES,
        "openai.realtime": REALTIME,
        "openai.kept": KEPT,
        "openai.assistants": ASSISTANTS,
        "anthropic.messages": ANTHROPIC,
        "gemini.generate": GEMINI,
        "gemini.cached": GEMINI,
        "gemini.interactions": INTERACTIONS,
        "gemini.live": LIVE,
        "bedrock.converse": MappingProxyType(
            {
                "system": converse.system,
                "messages": converse.message,
                "tool_config": chat.tools,
            }
        ),
        "bedrock.invoke": INVOKE,
        "bedrock.agent": PROMPTS,
        "cohere.chat": COHERE,
    }
)
"""By wire format, "" for a call of none. Others ask for no words: embeddings, images, audio."""

NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {field.name: field.encode_name for field in msgspec.structs.fields(Body)}
)


def pieces(wire_format: str | None, body: Body, known: Known | None = None) -> Iterator[Piece]:
    """Yield the pieces of a request that may hold texts, in the order of the format's table.

    ``known``: the elements that ``body`` was read without.
    """
    if not asks_for_words(wire_format, body, known):
        return
    for field, read in FORMATS.get(wire_format or "", {}).items():
        value = getattr(body, field)
        if value is None or isinstance(value, bool | int | float):
            continue
        name = NAMES[field]
        if isinstance(value, Raw):
            if raw := bytes(value):
                yield Piece((name,), raw, read)
        elif isinstance(value, list):
            before = known.count if known is not None and known.field == field else 0
            for index, each in enumerate(value, before):
                yield Piece((name, index), bytes(each), read)
        elif value:
            yield Piece((name,), msgspec.json.encode(value), read)


def asks_for_words(wire_format: str | None, body: Body, known: Known | None = None) -> bool:
    """Tell whether a request asks a model to read: ranking and embedding have Cohere's format."""
    says = known is not None and known.field == "messages"
    return wire_format != "cohere.chat" or bool(body.messages or body.message or says)


def texts_in(piece: Piece) -> Gathered:
    """Read one piece; the paths of its texts begin inside it.

    Raises ``ValueError`` for one that no reader of JSON takes.
    """
    found = Gathered()
    piece.read(found, decoded(piece.raw), ())
    return found


def decoded(raw: bytes) -> Any:  # noqa: ANN401 - JSON
    """Decode JSON; bytes that are no UTF-8 are replaced. Raises ``ValueError``."""
    try:
        return msgspec.json.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        pass
    try:
        return json.loads(raw.decode("utf-8", "replace"))
    except RecursionError as error:
        msg = "it is nested too deeply"
        raise ValueError(msg) from error


def put_together(
    body: bytes, pieces: Iterable[Piece], changed: Mapping[Path, bytes], *, inside: str = ""
) -> bytes:
    """Return a request with some of its pieces replaced, every other value byte for byte.

    ``pieces``: all of the request. ``changed``: new JSON by the path of a piece. ``inside``: the
    member that holds the request itself. White space between members is lost.
    """
    if inside:
        top: dict[str, Raw] = msgspec.json.decode(body, type=dict[str, Raw])
        top[inside] = Raw(put_together(bytes(top[inside]), pieces, changed))
        return msgspec.json.encode(top)
    touched = {path[0] for path in changed}
    kept = [piece for piece in pieces if piece.path[0] in touched]
    arrays: dict[str, list[bytes]] = {}
    values: dict[str, bytes] = {}
    for piece in kept:
        name, raw = str(piece.path[0]), changed.get(piece.path, piece.raw)
        if len(piece.path) == 1:
            values[name] = raw
        else:
            arrays.setdefault(name, []).append(raw)
    top = _members(body, kept)
    top |= {name: Raw(raw) for name, raw in values.items()}
    top |= {name: Raw(b"[" + b",".join(raws) + b"]") for name, raws in arrays.items()}
    return msgspec.json.encode(top)


def _members(body: bytes, kept: Sequence[Piece]) -> dict[str, Raw]:
    """Return the members of a request; those that pieces are kept of need not be whole."""
    names = {piece.path[0] for piece in kept}
    if len(names) == 1 and len(kept) > 1:
        aside = set_aside(body, str(kept[0].path[0]), [piece.raw for piece in kept])
        if aside is not None:
            return aside.rest
    return msgspec.json.decode(body, type=dict[str, Raw])
