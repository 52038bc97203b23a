"""What hard holds are told of a request's size holds however the request was written."""

import gzip
import json

import pytest

from leash_addon.core.holds import HoldMode, Holds
from leash_addon.proxy.bounds import UNASKED, Bounds, bounds_of
from leash_addon.wire.asked import parse_request
from leash_addon.wire.routes import Route

CHAT = Route(provider="openai", format="openai.chat")
HARD = Holds(mode=HoldMode.HARD, clamp=True)
FILE = {"model": "m", "messages": [{"role": "user", "content": [{"file_id": "f"}]}]}
TEXT = {"model": "m", "messages": [{"role": "user", "content": "\u00e9" * 99}]}
PLAIN = json.dumps(TEXT).encode()
WIDE = json.dumps({"messages": [{"content": "\u6f22" * 999}]}, ensure_ascii=False)


def bounds(body: bytes, coding: str = "", changed: bytes | None = None) -> Bounds:
    """Look a request over."""
    parsed = parse_request(CHAT, {"content-encoding": coding}, body)
    return bounds_of(HARD, CHAT, parsed, changed, body, url="/v1/chat/completions")


@pytest.mark.parametrize(
    ("body", "coding", "changed", "expected"),
    [
        pytest.param(PLAIN, "", None, (len(PLAIN), False, 1), id="plain"),
        pytest.param(gzip.compress(PLAIN), "gzip", None, (len(PLAIN), False, None), id="coded"),
        pytest.param(
            gzip.compress(json.dumps(FILE).encode()),
            "gzip",
            None,
            (len(json.dumps(FILE)), True, None),
            id="coded, a file by its name",
        ),
        pytest.param(
            json.dumps(FILE).encode("utf-16"),
            "",
            None,
            (len(json.dumps(FILE).encode("utf-16")), True, None),
            id="UTF-16, a file by its name",
        ),
        pytest.param(
            WIDE.encode("utf-16"), "", None, (len(WIDE.encode()), False, None), id="UTF-16, wide"
        ),
        pytest.param(PLAIN[:-1] + b",}", "", None, (len(PLAIN) + 1, True, None), id="unreadable"),
        pytest.param(PLAIN, "unheard-of", None, (0, True, None), id="of a coding nobody knows"),
        pytest.param(gzip.compress(b"{}"), "gzip", PLAIN, (len(PLAIN), False, 1), id="changed"),
    ],
)
def test_a_request_is_as_large_as_what_goes_out(
    body: bytes, coding: str, changed: bytes | None, expected: tuple[int, bool, int | None]
) -> None:
    """Its bytes without coding count, what it only names is seen, and its limit where it stands."""
    found = bounds(body, coding, changed)
    assert (found.input_bytes, found.unseen, found.clamp_floor) == expected


def test_nothing_is_looked_at_that_nobody_asks_for() -> None:
    """Other holds than hard ones do not need to know."""
    parsed = parse_request(CHAT, {}, PLAIN)
    assert bounds_of(Holds(), CHAT, parsed, None, PLAIN, url="/") is UNASKED
