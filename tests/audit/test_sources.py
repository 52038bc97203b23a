"""Files and folders, and what can be wrong with them."""

import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from leash_addon.audit.exchange import Bad, Exchange
from leash_addon.audit.sources import KINDS, read_path, read_paths

type Write = Callable[..., Path]
type Make = Callable[..., dict[str, object]]


def _ids(path: Path) -> list[str]:
    return [read.id for read in read_paths([path]) if isinstance(read, Exchange)]


def _complaints(path: Path) -> list[str]:
    return [read.what for read in read_paths([path]) if isinstance(read, Bad)]


def test_a_gzipped_file_reads_like_a_plain_one(write: Write, chat: Make, tmp_path: Path) -> None:
    """Packing a file changes nothing but the place that a record is at."""
    plain = write([chat("a"), chat("b")])
    packed = tmp_path / "calls.jsonl.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert _ids(packed) == _ids(plain) == ["a", "b"]


def test_gzip_is_known_by_its_bytes(write: Write, chat: Make) -> None:
    """A packed file without .gz in its name is unpacked all the same."""
    path = write([chat("a")])
    path.write_bytes(gzip.compress(path.read_bytes()))
    assert _ids(path) == ["a"]


def test_what_came_before_the_end_of_a_cut_gzip_counts(chat: Make, tmp_path: Path) -> None:
    """A cut gzip yields its first records and says that it is cut."""
    noise = "".join(chr(33 + (n * n * 7919) % 90) for n in range(200_000))
    lines = [json.dumps(chat(str(n), request_body=noise[n * 300 :])) for n in range(40)]
    path = tmp_path / "calls.jsonl.gz"
    packed = gzip.compress("\n".join(lines).encode())
    path.write_bytes(packed[: len(packed) // 2])
    assert _ids(path)[:3] == ["0", "1", "2"]
    assert _complaints(path) == ["the gzip ends in the middle; what came before counts"]


def test_a_damaged_gzip_is_one_complaint(write: Write, chat: Make) -> None:
    """Flipped bytes inside a gzip never raise."""
    path = write([chat("a")])
    packed = bytearray(gzip.compress(path.read_bytes()))
    packed[20:60] = b"\xff" * 40
    path.write_bytes(packed)
    (what,) = _complaints(path)
    assert what.startswith("damaged gzip")


@pytest.mark.parametrize(
    ("name", "what"),
    [
        pytest.param("notes.txt", f"not a kind of file that is read; give {KINDS}", id="unknown"),
        pytest.param("calls.jsonl", "cannot be read (No such file or directory)", id="missing"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(name: str, what: str, tmp_path: Path) -> None:
    """The complaint is the file and what to give instead."""
    path = tmp_path / name
    assert list(read_path(path)) == [Bad(str(path), what)]


def test_a_folder_is_read_with_what_is_in_it(write: Write, chat: Make, tmp_path: Path) -> None:
    """Known kinds are read in the order of their names, at any depth; others are passed over."""
    (tmp_path / "deep").mkdir()
    (tmp_path / "notes.txt").write_text("no traffic")
    write([chat("b")], "deep/b.jsonl")
    write([chat("a")], "a.ndjson")
    assert _ids(tmp_path) == ["a", "b"]
    assert _complaints(tmp_path) == []


def test_a_folder_without_traffic_is_named(tmp_path: Path) -> None:
    """An empty answer from a wrong folder would look like a free one."""
    (tmp_path / "notes.txt").write_text("no traffic")
    assert _complaints(tmp_path) == [f"no file in it is {KINDS}"]


def test_an_empty_file_holds_nothing(tmp_path: Path) -> None:
    """An empty file of JSON lines is no mistake."""
    path = tmp_path / "calls.jsonl"
    path.touch()
    assert list(read_path(path)) == []


def test_a_name_that_is_no_text_can_be_reported(write: Write, tmp_path: Path) -> None:
    """A file name with bytes that are no UTF-8 is shown with a mark in their place."""
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/x\xff.jsonl"))
    write([{"id": "a"}]).rename(odd)
    (bad,) = read_path(odd)
    assert str(bad).startswith(f"{tmp_path}/x?.jsonl:1: ")
