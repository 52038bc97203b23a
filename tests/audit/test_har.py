"""Reading HTTP Archives."""

import base64
import json
from io import BytesIO
from typing import Any

import pytest

from leash_addon.audit.exchange import Bad, Exchange, Message
from leash_addon.audit.har import read_har

HEADERS = [{"name": "Content-Type", "value": "application/json"}]


def _entry(text: str = "{}", **changes: object) -> dict[str, Any]:
    request = {
        "method": "POST",
        "url": "https://api.openai.com/v1/chat/completions",
        "httpVersion": "HTTP/2",
        "headers": HEADERS,
        "postData": {"mimeType": "application/json", "text": '{"model":"gpt-4o"}'},
    }
    content = {"size": len(text), "mimeType": "application/json", "text": text}
    response = {"status": 200, "headers": HEADERS, "content": content}
    return {"startedDateTime": "2026-08-01T00:00:00Z", "request": request, "response": response} | (
        changes
    )


def _archive(*entries: object, **after: object) -> bytes:
    log = {"version": "1.2", "creator": {"name": "test"}, "entries": list(entries), **after}
    return json.dumps({"log": log}, indent=1).encode()


def _read(archive: bytes, limit: int = 1024 * 1024) -> list[Exchange | Bad]:
    return list(read_har(BytesIO(archive), "f.har", limit))


def _one(archive: bytes) -> Exchange:
    (read,) = _read(archive)
    assert isinstance(read, Exchange)
    return read


def test_every_part_of_an_entry_arrives() -> None:
    """Method, URL, status, headers and both bodies come as the archive holds them."""
    assert _one(_archive(_entry('{"a": 1}'))) == Exchange(
        id="f.har:entry 1",
        place="f.har:entry 1",
        method="POST",
        url="https://api.openai.com/v1/chat/completions",
        request_headers={"content-type": "application/json"},
        request_body=b'{"model":"gpt-4o"}',
        status=200,
        response_headers={"content-type": "application/json"},
        response_body=b'{"a": 1}',
    )


def test_a_body_in_base64_is_unpacked() -> None:
    """Content with encoding base64 comes back as bytes."""
    entry = _entry()
    entry["response"]["content"] = {
        "size": 3,
        "encoding": "base64",
        "text": base64.b64encode(b"\x00\xff\x01").decode(),
    }
    assert _one(_archive(entry)).response_body == b"\x00\xff\x01"


@pytest.mark.parametrize(
    ("body", "coding"),
    [
        pytest.param(b"{}", None, id="stored decoded: the header no longer holds"),
        pytest.param(b"\x1f\x8b\x08\x00", "gzip", id="stored packed: it does"),
    ],
)
def test_the_content_encoding_holds_only_if_the_bytes_say_so(
    body: bytes, coding: str | None
) -> None:
    """Exporters store what they decoded and keep the header of the wire."""
    entry = _entry()
    entry["response"]["headers"] = [*HEADERS, {"name": "Content-Encoding", "value": "gzip"}]
    entry["response"]["content"] = {
        "encoding": "base64",
        "text": base64.b64encode(body).decode(),
    }
    assert _one(_archive(entry)).response_headers.get("content-encoding") == coding


def test_websocket_messages_come_with_their_directions() -> None:
    """Messages as Chrome writes them: text as it is, binary ones in base64."""
    messages = [
        {"type": "send", "time": 1, "opcode": 1, "data": '{"type":"response.create"}'},
        {"type": "receive", "time": 2, "opcode": 2, "data": base64.b64encode(b"{}").decode()},
    ]
    entry = _entry(_webSocketMessages=messages)
    assert _one(_archive(entry)).messages == (
        Message(from_server=False, text=b'{"type":"response.create"}'),
        Message(from_server=True, text=b"{}"),
    )


def test_an_aborted_entry_has_no_status() -> None:
    """Status 0 means that no answer came."""
    entry = _entry(response={"status": 0, "headers": [], "content": {"size": 0}})
    read = _one(_archive(entry))
    assert (read.status, read.cut) == (None, True)


def test_a_body_that_was_not_exported_is_noted() -> None:
    """Size without text: the archive was made without content, and the note says what to do."""
    entry = _entry()
    entry["response"]["content"] = {"size": 812, "mimeType": "text/event-stream"}
    note = "the body is not in the archive; export it with content"
    assert _one(_archive(entry)).notes == (note,)


def test_pages_are_no_entries_wherever_they_stand() -> None:
    """A list of pages after the entries is passed over without a complaint."""
    pages = [{"id": "page_1", "title": "t", "pageTimings": {}}]
    assert len(_read(_archive(_entry(), _entry(), pages=pages))) == 2


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        pytest.param({}, "has no request", id="empty"),
        pytest.param({"request": {"url": "x"}}, "missing required field `method`", id="no method"),
        pytest.param(_entry(response={"status": "x"}), "at `$.response.status`", id="odd status"),
    ],
)
def test_a_bad_entry_is_named_and_the_next_one_read(entry: object, said: str) -> None:
    """The complaint carries file and entry, and the good entry after it still comes."""
    bad, good = _read(_archive(entry, _entry()))
    assert isinstance(bad, Bad)
    assert (bad.place, said in bad.what) == ("f.har:entry 1", True)
    assert isinstance(good, Exchange)
    assert good.place == "f.har:entry 2"


def test_an_entry_over_the_bound_is_skipped() -> None:
    """An overlong entry is named; the entries around it are read."""
    reads = _read(_archive(_entry(), _entry("x" * 2_000_000), _entry()))
    assert [str(read) for read in reads if isinstance(read, Bad)] == [
        "f.har:entry 2: longer than 1 MiB; skipped"
    ]
    assert [type(read) for read in reads] == [Exchange, Bad, Exchange]


def test_what_came_before_the_end_of_a_cut_archive_counts() -> None:
    """A cut archive yields its whole entries and one complaint about the rest."""
    whole = _archive(_entry(), _entry(), _entry())
    *read, bad = _read(whole[: whole.rindex(b"postData")])
    assert len(read) == 2
    assert str(bad) == "f.har: ends in the middle of entry 3; what came before it counts"


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"<html></html>", id="a page"),
        pytest.param(b'{"log": {"entries": {}}}', id="entries are no list"),
        pytest.param(b'{"log": {"comment": "\\"entries\\": ["}}', id="only in a string"),
    ],
)
def test_what_is_no_archive_is_said_to_be_none(content: bytes) -> None:
    """A file without a list of entries is one complaint with the mend in it."""
    assert [str(bad) for bad in _read(content)] == [
        'f.har: no list "entries" in it; export the traffic as HAR 1.2 (JSON)'
    ]
