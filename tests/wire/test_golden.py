"""Every shape of an answer, made up small, read the same however the body is cut."""

import base64
import json
import struct
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zlib import crc32

import pytest

from leash_addon.config.packs import load_providers
from leash_addon.core.reading import Reading
from leash_addon.core.usage import Usage
from leash_addon.wire.meter import Meter

GOLDEN = Path(__file__).parent.parent / "golden"
PROVIDERS = load_providers()
MOST_CUTS = 300
CASES = [
    pytest.param(json.loads(path.read_text(encoding="utf-8")), id=path.stem)
    for path in sorted(GOLDEN.glob("*.json"))
]


def message(name: str, payload: object) -> bytes:
    """Build one message of an AWS event stream; ``#``: base64 in ``bytes``, ``!``: an exception."""
    kind = ":exception-type" if name.startswith("!") else ":event-type"
    if name.startswith("#"):
        inner = payload.encode() if isinstance(payload, str) else json.dumps(payload).encode()
        payload = {"bytes": base64.b64encode(inner).decode(), "p": "abcd"}
    header = b""
    for key, value in ((kind, name.lstrip("#!")), (":content-type", "application/json")):
        header += struct.pack("!B", len(key)) + key.encode()
        header += struct.pack("!BH", 7, len(value)) + value.encode()
    data = json.dumps(payload).encode()
    head = struct.pack("!II", 16 + len(header) + len(data), len(header))
    head += struct.pack("!I", crc32(head))
    return (whole := head + header + data) + struct.pack("!I", crc32(whole))


def body(case: dict[str, Any]) -> bytes:
    """Return the body's bytes."""
    if "events" in case:
        return b"".join(message(name, payload) for name, payload in case["events"])
    return "\n".join(case["body"]).encode()


def read(case: dict[str, Any], pieces: list[bytes]) -> Reading:
    """Meter a body that comes in these pieces."""
    url = urlsplit(case["url"])
    route = PROVIDERS.route(case["method"], url.netloc, url.path)
    assert route is not None
    meter = Meter(route, None, case["status"], case["headers"], case["url"])
    for piece in pieces:
        meter.feed(piece)
    meter.close()
    return meter.reading()


def said(usage: Usage | None) -> dict[str, Any] | None:
    """Return what a usage says, without what it does not say."""
    if usage is None:
        return None
    found: dict[str, Any] = {}
    for field in fields(Usage):
        value = getattr(usage, field.name)
        if field.name == "billable_legs":
            value = [
                [leg.kind, leg.model, leg.usage.input_tokens, leg.usage.output_tokens]
                for leg in value
            ]
        elif field.name == "server_tool_requests":
            value = dict(value)
        elif field.name in {"provider_cost_usd", "audio_seconds"} and value is not None:
            value = f"{value.normalize():f}"
        if value not in (None, [], {}):
            found[field.name] = value
    return found


def cuts(whole: bytes) -> Iterator[list[bytes]]:
    """Yield the body in two pieces at many places (a short one at every), and byte by byte."""
    for at in range(1, len(whole), 1 + len(whole) // MOST_CUTS):
        yield [whole[:at], whole[at:]]
    yield [whole[at : at + 1] for at in range(len(whole))]


@pytest.mark.parametrize("case", CASES)
def test_usage_is_read(case: dict[str, Any]) -> None:
    """The usage is what the provider meant, with its parts inside its totals."""
    assert said(read(case, [body(case)]).usage) == case["usage"]


@pytest.mark.parametrize("case", CASES)
def test_the_rest_is_read(case: dict[str, Any]) -> None:
    """Model, tier, id, end, error and notes are what the answer says."""
    reading = read(case, [body(case)])
    expected = case["reading"]
    if "notes" in expected:
        expected = {**expected, "notes": tuple(expected["notes"])}
    assert {key: getattr(reading, key) for key in expected} == expected


@pytest.mark.parametrize("case", CASES)
def test_cuts_change_nothing(case: dict[str, Any]) -> None:
    """A body reads the same in two pieces cut anywhere, and byte by byte."""
    whole = body(case)
    expected = read(case, [whole])
    different = [len(pieces[0]) for pieces in cuts(whole) if read(case, pieces) != expected]
    assert different == []
