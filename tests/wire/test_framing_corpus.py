"""Recorded traffic frames alike however it is cut. Runs where LEASH_CORPUS names the recordings."""

import base64
import gzip
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from leash_addon.wire.coding import decoder
from leash_addon.wire.event import Event
from leash_addon.wire.framing import framer_for

type Record = dict[str, Any]

SAMPLE = 40
"""Every so many records are in the usual suite."""
SAME_EVENTS = {
    "crlf", "lf_only", "cr_only", "data_no_space", "keepalive_comments", "no_final_blank_line",
    "bom", "multiline_data", "id_and_retry", "generic_event_name", "json_pretty", "json_ascii",
    "enc_gzip", "enc_br", "enc_zstd", "enc_deflate",
    "encjson_gzip", "encjson_br", "encjson_zstd", "encjson_deflate",
}  # fmt: skip


def records(name: str) -> Iterator[Record]:
    """Yield the records of a file of the corpus."""
    folder = os.environ.get("LEASH_CORPUS")
    if not folder:
        pytest.skip("LEASH_CORPUS is not set: it names the folder of recorded traffic")
    with gzip.open(Path(folder) / "wire" / name) as lines:
        yield from (json.loads(line) for line in lines)


def body_of(record: Record) -> bytes:
    """Return the answer's body as it was on the wire."""
    text = record.get("response_body")
    return text.encode() if text is not None else base64.b64decode(record["response_body_b64"])


def framed(record: Record, size: int) -> tuple[list[Event], str | None, str | None]:
    """Decode and frame a body in pieces of ``size`` bytes."""
    headers, body = record["response_headers"], body_of(record)
    decode = decoder(headers.get("content-encoding", ""))
    framer = framer_for(headers.get("content-type", ""))
    events: list[Event] = []
    for at in range(0, len(body), size):
        events += framer.feed(decode.feed(body[at : at + size]))
    events += framer.feed(decode.close())
    events += framer.close()
    return events, decode.broken, framer.broken


def assert_cuts_do_not_matter(record: Record) -> None:
    """Compare a body framed whole with the same body in small pieces."""
    whole = framed(record, len(body_of(record)) or 1)
    for size in (1, 7, 1000):
        assert (record["id"], framed(record, size)) == (record["id"], whole)


def test_a_sample_frames_alike_however_cut() -> None:
    """A sample of recorded bodies yields the same events whole, byte by byte, and in between."""
    for number, record in enumerate(records("corpus_dev.jsonl.gz")):
        if number % SAMPLE == 0:
            assert_cuts_do_not_matter(record)


@pytest.mark.long
def test_every_recording_frames_alike_however_cut() -> None:
    """Every recorded body yields the same events whole, byte by byte, and in between."""
    for record in records("corpus_dev.jsonl.gz"):
        assert_cuts_do_not_matter(record)


@pytest.mark.long
def test_every_variant_frames_alike_however_cut() -> None:
    """Every transport variant yields the same events whole, byte by byte, and in between."""
    for record in records("mutated_dev.jsonl.gz"):
        assert_cuts_do_not_matter(record)


def test_no_recording_is_broken() -> None:
    """Nothing of the recorded traffic is damaged in the eyes of the decoders and framers."""
    broken = {
        record["id"]: losses
        for record in records("corpus_dev.jsonl.gz")
        if any(losses := framed(record, 65_536)[1:])
    }
    assert broken == {}


def test_transport_variants_say_what_the_original_says() -> None:
    """Line ends, comments, byte-order marks, codings and layout change no event's meaning."""
    variants = {
        record["id"]: record
        for record in records("mutated_dev.jsonl.gz")
        if record["mutation"] in SAME_EVENTS
    }
    names = {name.partition("+")[0] for name in variants}
    originals = {
        record["id"]: meanings(record)
        for record in records("corpus_dev.jsonl.gz")
        if record["id"] in names
    }
    wrong = [
        name
        for name, record in variants.items()
        if meanings(record) != originals[name.partition("+")[0]]
    ]
    assert wrong == []


def test_truncated_event_streams_say_so() -> None:
    """An AWS event stream that was cut off is known as broken."""
    broken = {
        framed(record, 65_536)[2]
        for record in records("mutated_dev.jsonl.gz")
        if record["mutation"] == "truncate_eventstream"
    }
    assert broken == {"the event stream ended inside a message"}


def meanings(record: Record) -> list[object]:
    """Return each event's JSON, or its bytes where it is none."""
    return [meaning(event.data) for event in framed(record, 65_536)[0]]


def meaning(text: bytes) -> object:
    """Return what a text decodes to, or the text."""
    try:
        return json.loads(text)
    except ValueError:
        return text
