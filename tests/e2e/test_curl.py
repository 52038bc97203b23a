"""curl through leash: the plainest client, with the system's own TLS."""

import json
import shutil

import pytest

from leash_addon.cli.fakeprovider import FakeProvider
from leash_addon.core.journal import Tokens
from tests.e2e.house import Finished, House

URL = "https://api.openai.com/v1/chat/completions"
QUESTION = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


def curl(house: House, *flags: str, stream: bool = False) -> Finished:
    """Make one call of the run ``curl``, which may make two."""
    body = json.dumps(QUESTION | ({"stream": True} if stream else {}))
    request = ("--data", body, "-H", "content-type: application/json")
    secret = ("-H", "authorization: Bearer sk-dummy")
    govern = ("--run", "curl", "--max-calls", "2", "--")
    return house.leash(*govern, "curl", "-sS", "-v", *flags, *request, *secret, URL)


def requests_of(done: Finished) -> int:
    """Count the requests that curl says it sent, retries included."""
    return sum(line.startswith("> POST /v1/chat") for line in done.err.splitlines())


def test_curl_is_governed_plain_streamed_and_refused(house: House, fake: FakeProvider) -> None:
    """Two calls pass byte for byte, the third meets one 429 with leash's headers and account."""
    plain = curl(house)
    streamed = curl(house, "--no-buffer", stream=True)
    refused = curl(house, "--retry", "0", "--fail-with-body")
    assert (plain.code, streamed.code, refused.code) == (0, 0, 3)
    assert json.loads(plain.out)["usage"]["completion_tokens"] == 2_000
    events = streamed.out.split("\n\n")
    assert (events[-2], '"choices":[]' in streamed.out, "\n\n\n" in streamed.out) == (
        "data: [DONE]",
        False,
        False,
    )
    assert [call.tokens for call in house.settled("curl")] == [
        Tokens(input=2_000, output=2_000)
    ] * 2
    assert fake.seen.requests[-1]["body"]["stream_options"] == {"include_usage": True}  # type: ignore[index]
    assert (requests_of(refused), fake.seen.count) == (1, 2)
    heads = {line.lower() for line in refused.err.splitlines()}
    for head in (
        "< x-leash-reason: call_budget",
        "< x-leash-run: curl",
        "< x-should-retry: false",
        "< content-type: application/json",
    ):
        assert head in heads
    assert [line for line in heads if line.startswith("< retry-after")] == []
    body = json.loads(refused.out)
    assert body["error"]["message"].startswith("leash: all 2 calls of the run are used")
    assert body["leash"]["limits"] == {"max_calls": 2}


def test_curl_through_the_proxy_uses_http_1_or_2_alike(house: House) -> None:
    """A client that is told to use HTTP/1.1 is metered like one that may choose."""
    assert [curl(house, flag).code for flag in ("--http1.1", "--http2")] == [0, 0]
    assert house.balance("curl").calls == 2
