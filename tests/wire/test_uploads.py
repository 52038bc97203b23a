"""The texts of uploaded files."""

import json

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from leash_addon.core.part import Part
from leash_addon.wire.uploads import files_of

FORM = "multipart/form-data; boundary="
JSON_LINES = '{"text": "one\\ntwo"}\n{"text": "three"}\n'


def form(*files: tuple[str, bytes], line: bytes = b"\r\n") -> bytes:
    """Write a form as programs do: a type and the bytes of each file."""
    parts = [
        line.join((b'content-disposition: form-data; name="file"; filename="f"', head, b"", raw))
        for kind, raw in files
        for head in [b"Content-Type: " + kind.encode()]
    ]
    return b"".join(b"--X" + line + part + line for part in parts) + b"--X--" + line


def read(kind: str, body: bytes) -> tuple[list[str], int]:
    """Return the texts of an upload, and how many files are none."""
    found = [file.texts() for file in files_of({"content-type": kind}, body)]
    texts = [text for each in found for text in each.texts]
    assert all(text.part is Part.TOOL_RESULT and text.fixed for text in texts)
    return [text.text for text in texts], sum(each.skipped for each in found)


@pytest.mark.parametrize(
    ("kind", "body", "expected", "skipped"),
    [
        pytest.param("text/plain", b"words", ["words"], 0, id="plain"),
        pytest.param(
            FORM + "X", form(("text/markdown", b"# a"), ("x/y", b"b")), ["# a", "b"], 0, id="form"
        ),
        pytest.param(FORM + '"X"; a=b', form(("", b"a"), line=b"\n"), ["a\n"], 0, id="bare lines"),
        pytest.param(
            FORM + "X",
            form(("application/octet-stream", JSON_LINES.encode())),
            ['{"text": "one\ntwo"}\n{"text": "three"}'],
            0,
            id="JSON lines, each without its escapes",
        ),
        pytest.param("", json.dumps({"a": "b\nc"}).encode(), ['{"a": "b\nc"}'], 0, id="JSON"),
        pytest.param("image/png", b"\x89PNG\0\xff", [], 1, id="picture"),
        pytest.param("image/svg+xml", b"<svg>", ["<svg>"], 0, id="a picture of words"),
        pytest.param("application/pdf", b"%PDF-1.7\n\xe2\xe3\xcf\xd3", [], 1, id="PDF"),
        pytest.param("text/csv; charset=latin-1", b"caf\xe9,1", ["caf\ufffd,1"], 0, id="latin-1"),
        pytest.param("x/y", "hé".encode("utf-16"), ["hé"], 0, id="UTF-16"),
        pytest.param(FORM + "Y", b"no boundary", ["no boundary"], 0, id="no form after all"),
        pytest.param("multipart/form-data", b"words", ["words"], 0, id="a form without boundary"),
        pytest.param("text/plain", b"", [], 0, id="empty"),
    ],
)
def test_text_is_read_and_all_else_counted(
    kind: str, body: bytes, expected: list[str], skipped: int
) -> None:
    """What is text comes out, whatever it is called; what is none is counted."""
    assert read(kind, body) == (expected, skipped)


@given(st.text() | st.sampled_from([FORM + "X", FORM, FORM + '"X"']), st.binary(max_size=200))
def test_no_upload_breaks_the_reader(kind: str, body: bytes) -> None:
    """Whatever is uploaded, reading it raises nothing."""
    for file in files_of({"content-type": kind}, body + form(("text/plain", body))):
        assert file.texts().skipped in {0, 1}


@given(st.lists(st.text(min_size=1, max_size=20), min_size=1, max_size=5))
def test_every_file_of_a_form_is_read(files: list[str]) -> None:
    """No file of a form is lost, and none read twice."""
    wanted = [text for text in files if text.strip() and "\0" not in text and "--X" not in text]
    assume(wanted)
    body = form(*(("text/plain", text.encode("utf-8", "replace")) for text in wanted))
    texts = [file.raw.decode() for file in files_of({"content-type": FORM + "X"}, body)]
    assert texts == [text.encode("utf-8", "replace").decode() for text in wanted]
