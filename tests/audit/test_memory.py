"""Memory while reading large files."""

import gzip
import json
import tracemalloc
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import IO

import pytest
from mitmproxy.http import Response
from mitmproxy.io import FlowWriter
from mitmproxy.test import tflow

from leash_addon.audit.exchange import Exchange
from leash_addon.audit.jsonl import read_jsonl
from leash_addon.audit.measure import Auditor
from leash_addon.audit.report import Tally, table
from leash_addon.audit.result import Result
from leash_addon.audit.sources import read_path

type Make = Callable[..., dict[str, object]]

BODY = 50_000
MANY, FEW = 200, 20
"""Exchanges of 50 kB: 10 MB against 1 MB."""
SLACK = 1_500_000
"""Bytes by which the peak may differ: pieces that are read ahead, and what is remembered."""


def _jsonl(file: IO[bytes], count: int, chat: Make) -> None:
    for number in range(count):
        file.write(json.dumps(chat(str(number), request_body="x" * BODY)).encode() + b"\n")


def _har(file: IO[bytes], count: int, chat: Make) -> None:
    record = chat()
    request = {"method": "POST", "url": record["url"], "postData": {"text": "x" * BODY}}
    response = {"status": 200, "content": {"text": record["response_body"]}}
    entry = json.dumps({"request": request, "response": response}).encode()
    file.write(b'{"log": {"entries": [')
    file.write(b",\n".join(entry for _ in range(count)))
    file.write(b"]}}")


def _flows(file: IO[bytes], count: int, chat: Make) -> None:
    writer = FlowWriter(file)
    for _ in range(count):
        flow = tflow.tflow()
        flow.request.url = str(chat()["url"])
        flow.request.content = b"x" * BODY
        flow.response = Response.make(200, str(chat()["response_body"]))
        writer.add(flow)


def _exchange(chat: Make) -> Exchange:
    line = BytesIO(json.dumps(chat()).encode())
    (read,) = read_jsonl(line, "f")
    assert isinstance(read, Exchange)
    return read


def _peak(path: Path, auditor: Auditor) -> int:
    tally = Tally()

    def results() -> Iterator[Result]:
        for read in read_path(path):
            assert isinstance(read, Exchange), read
            result = auditor.measure(read)
            tally.add(result)
            yield result

    tracemalloc.start(1)
    for _ in table(results()):
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


@pytest.mark.parametrize(
    ("name", "fill"),
    [
        pytest.param("calls.jsonl", _jsonl, id="JSON lines"),
        pytest.param("calls.jsonl.gz", _jsonl, id="JSON lines, packed"),
        pytest.param("calls.har", _har, id="HAR"),
        pytest.param("calls.mitm", _flows, id="mitmproxy dump"),
    ],
)
def test_memory_does_not_grow_with_the_file(
    name: str,
    fill: Callable[[IO[bytes], int, Make], None],
    chat: Make,
    auditor: Auditor,
    tmp_path: Path,
) -> None:
    """Ten times the exchanges take no more memory at the peak."""
    peaks = []
    auditor.measure(_exchange(chat))  # loads the price table
    for count in (FEW, MANY):
        path = tmp_path / str(count) / name
        path.parent.mkdir()
        content = BytesIO()
        fill(content, count, chat)
        packed = name.endswith(".gz")
        path.write_bytes(gzip.compress(content.getvalue(), 1) if packed else content.getvalue())
        del content
        peaks.append(_peak(path, auditor))
    few, many = peaks
    assert many <= few + SLACK


def test_one_endless_line_is_skipped_in_flat_memory(tmp_path: Path) -> None:
    """A file that is one line of 200 MB is one complaint, at the bound's memory."""
    path = tmp_path / "calls.jsonl"
    with path.open("wb") as file:
        file.truncate(200 * 1024 * 1024)
    tracemalloc.start()
    (bad,) = read_path(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert str(bad) == f"{path}:1: longer than 64 MiB; skipped"
    assert peak < 200 * 1024 * 1024
