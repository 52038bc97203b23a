"""Recorded traffic reads as its truth says. Runs where LEASH_CORPUS names the recordings."""

import base64
import gzip
import json
import os
import random
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from leash_addon.config.packs import load_providers
from leash_addon.core.reading import Reading
from leash_addon.core.usage import Usage
from leash_addon.wire.meter import Meter
from leash_addon.wire.routes import Route
from leash_addon.wire.transcript import transcript

type Record = dict[str, Any]

PROVIDERS = load_providers()
COUNTS = (
    "input_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    "output_tokens",
    "reasoning_tokens",
)
LEG = ("input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens")
SAMPLE = 25
"""Every so many records are cut to pieces in the usual suite."""


def records(name: str) -> Iterator[Record]:
    """Yield the records of a file of the corpus."""
    folder = os.environ.get("LEASH_CORPUS")
    if not folder:
        pytest.skip("LEASH_CORPUS is not set: it names the folder of recorded traffic")
    with gzip.open(Path(folder) / "wire" / name) as lines:
        yield from (json.loads(line) for line in lines)


def body_of(record: Record) -> bytes:
    """Return the answer's body as it was on the wire."""
    if "response_body_b64" in record:
        return base64.b64decode(record["response_body_b64"])
    return (record.get("response_body") or "").encode("utf-8", "surrogatepass")


def route_of(record: Record) -> Route | None:
    """Route a record by its host, or by its path where the server has no name."""
    url = urlsplit(record["url"])
    found = PROVIDERS.route(record["method"], url.netloc, url.path)
    return found or PROVIDERS.guess(record["method"], url.path)


def read(record: Record, pieces: list[bytes] | None = None) -> Reading:
    """Meter a record."""
    route = route_of(record) or Route(provider="unknown")
    if record["framing"] == "ws-transcript":
        return transcript(route, body_of(record))
    headers = {name.lower(): value for name, value in record["response_headers"].items()}
    meter = Meter(route, None, record["status"], headers, record["url"])
    for piece in [body_of(record)] if pieces is None else pieces:
        meter.feed(piece)
    meter.close()
    return meter.reading()


def said(usage: Usage | None) -> Mapping[str, Any]:
    """Return the token fields of a usage in the truth's words."""
    if usage is None:
        return {"usage_present": False}
    return {
        "usage_present": True,
        **{name: getattr(usage, name) for name in COUNTS},
        "server_tool_requests": dict(usage.server_tool_requests),
        "billable_legs": [
            [leg.kind, *(getattr(leg.usage, name) for name in LEG)] for leg in usage.billable_legs
        ],
    }


def meant(truth: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the token fields of a truth."""
    if not truth["usage_present"]:
        return {"usage_present": False}
    return {
        "usage_present": True,
        **{name: truth.get(name) for name in COUNTS},
        "server_tool_requests": truth.get("server_tool_requests", {}),
        "billable_legs": [
            [leg["kind"], *(leg[name] for name in LEG)] for leg in truth.get("billable_legs") or ()
        ],
    }


def scored() -> Iterator[tuple[Record, Mapping[str, Any]]]:
    """Yield the records that are scored, with their truth."""
    truth = {line["id"]: line["normalised"] for line in records("truth_dev.jsonl.gz")}
    for record in records("corpus_dev.jsonl.gz"):
        notes = str(truth[record["id"]]["notes"])
        odd = record["fidelity"] == "handwritten?" or "AMBIGUOUS" in notes
        if not odd and "COUNT_ONLY" not in notes:
            yield record, truth[record["id"]]


def test_token_fields_agree_with_the_truth() -> None:
    """All token fields are equal on 99.5 % of exchanges with usage, and on 98 % of each format."""
    right, all_of = Counter[str](), Counter[str]()
    for record, truth in scored():
        if truth["usage_present"]:
            all_of[record["format"]] += 1
            right[record["format"]] += said(read(record).usage) == meant(truth)
    low = {name: right[name] / all_of[name] for name in all_of if right[name] < 0.98 * all_of[name]}
    assert (right.total() >= 0.995 * all_of.total(), low) == (True, {})


def test_usage_is_present_where_the_truth_says() -> None:
    """Whether there is usage at all is right on 99.8 % of exchanges."""
    same = [
        (read(record).usage is not None) == truth["usage_present"] for record, truth in scored()
    ]
    assert sum(same) >= 0.998 * len(same)


def test_counting_is_never_a_bill() -> None:
    """Every token-counting exchange is free and has no usage."""
    truth = {line["id"]: line["normalised"] for line in records("truth_dev.jsonl.gz")}
    counting = [
        read(record)
        for record in records("corpus_dev.jsonl.gz")
        if "COUNT_ONLY" in str(truth[record["id"]]["notes"])
    ]
    assert [(one.free, one.usage) for one in counting] == [(True, None)] * len(counting)


def test_transport_variants_agree() -> None:
    """Every variant of line ends, encodings and cuts reads as expected."""
    wrong = [
        record["id"]
        for record in records("mutated_dev.jsonl.gz")
        if said(read(record).usage) != meant(record["expected"])
    ]
    assert wrong == []


def pieces_of(body: bytes, seed: str) -> list[bytes]:
    """Cut a body at random places, the same ones for the same seed."""
    chance = random.Random(seed)  # noqa: S311 - where to cut, not a secret
    pieces, at = [], 0
    while at < len(body):
        size = chance.choice((1, 2, 7, 40, 1000))
        pieces.append(body[at : at + size])
        at += size
    return pieces


@pytest.mark.parametrize(
    "step",
    [
        pytest.param(SAMPLE, id="sample"),
        pytest.param(1, id="all", marks=pytest.mark.long),
    ],
)
def test_cuts_change_no_reading(step: int) -> None:
    """A recorded body gives the same reading however it is cut."""
    different = [
        record["id"]
        for index, record in enumerate(records("corpus_dev.jsonl.gz"))
        if index % step == 0 and record["framing"] != "ws-transcript"
        if read(record) != read(record, pieces_of(body_of(record), record["id"]))
    ]
    assert different == []


def test_every_recorded_host_is_known() -> None:
    """Each recorded address is routed, local ones by their path."""
    assert [r["url"] for r in records("corpus_dev.jsonl.gz") if route_of(r) is None] == []
