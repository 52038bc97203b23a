"""Requests signed as AWS asks for: the same bytes that AWS's own library makes."""

from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch

import pytest

from leash_addon.proxy.sigv4 import Pair, read_pair, region_of, signed

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
PAIR = Pair(access="AKIAIOSFODNN7EXAMPLE", secret=SECRET)
TEMPORARY = Pair(access="ASIAIOSFODNN7EXAMPLE", secret=SECRET, session="FwoGZXIvYXdzEXAMPLE/+=")
NOW = datetime(2026, 11, 22, 6, 45, 0, tzinfo=UTC)
HOST = "bedrock-runtime.us-east-1.amazonaws.com"


@pytest.mark.parametrize("pair", [PAIR, TEMPORARY], ids=["pair", "temporary"])
@pytest.mark.parametrize(
    ("target", "body", "more"),
    [
        pytest.param("/model/tiny/converse", b'{"messages": []}', {}, id="converse"),
        pytest.param(
            "/model/eu.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse-stream",
            b"{}",
            {"X-Amzn-Bedrock-Trace": "ENABLED", "x-amz-user-agent": "sdk  two   spaces"},
            id="a coded path, more headers",
        ),
        pytest.param(
            "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Aa%2Fb/invoke?b=2&a-b=3&a=1&c",
            "häh".encode(),
            {},
            id="an ARN, a query",
        ),
    ],
)
def test_the_signature_is_that_of_botocore(
    pair: Pair, target: str, body: bytes, more: dict[str, str]
) -> None:
    """For the same request, key and moment both make the same Authorization."""
    auth = pytest.importorskip("botocore.auth", reason="botocore is not installed")
    from botocore.awsrequest import AWSRequest  # noqa: PLC0415
    from botocore.credentials import Credentials  # noqa: PLC0415

    headers = {"Content-Type": "application/json", **more}
    theirs = AWSRequest("POST", f"https://{HOST}{target}", headers, body)
    credentials = Credentials(pair.access, pair.secret, pair.session or None)
    with patch.object(auth, "get_current_datetime", lambda *_, **__: NOW.replace(tzinfo=None)):
        auth.SigV4Auth(credentials, "bedrock", "us-east-1").add_auth(theirs)
    fields = [(b"Host", HOST.encode()), (b"accept-encoding", b"identity")]
    fields += [(name.encode(), value.encode()) for name, value in headers.items()]
    fields += [(b"Authorization", b"AWS4-HMAC-SHA256 x"), (b"X-Amz-Date", b"20200101T000000Z")]
    what = {"method": "POST", "target": target, "body": body, "region": "us-east-1"}
    ours = dict(signed(pair, fields=fields, at=NOW, **what))  # type: ignore[arg-type]
    assert ours[b"authorization"].decode() == theirs.headers["Authorization"]
    assert ours[b"x-amz-date"].decode() == theirs.headers["X-Amz-Date"]


@pytest.mark.parametrize(
    ("text", "pair"),
    [
        pytest.param(f"AKIAIOSFODNN7EXAMPLE:{SECRET}", PAIR, id="pair"),
        pytest.param(f"{TEMPORARY.access}:{SECRET}:{TEMPORARY.session}", TEMPORARY, id="temporary"),
        pytest.param("sk-real-0123456789abcdefghijklmnop", None, id="another key"),
        pytest.param("ABSKQmVkcm9ja0FQSUtleS1leGFtcGxl", None, id="Bedrock's API key"),
        pytest.param("AKIAIOSFODNN7EXAMPLE:short", None, id="half a secret"),
    ],
)
def test_a_pair_is_told_from_other_keys(text: str, pair: Pair | None) -> None:
    """Only an AWS key id with its secret is one."""
    assert read_pair(text) == pair


SCOPE = b"AWS4-HMAC-SHA256 Credential=lsh_x/20261122/eu-west-3/bedrock/aws4_request, x"


@pytest.mark.parametrize(
    ("fields", "host", "region"),
    [
        ([], HOST, "us-east-1"),
        ([], "bedrock-runtime-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
        ([(b"Authorization", SCOPE)], HOST, "us-east-1"),
        ([(b"Authorization", SCOPE)], "127.0.0.1", "eu-west-3"),
        ([(b"Authorization", b"Bearer x")], "127.0.0.1", None),
    ],
)
def test_the_region_is_the_servers_own(fields: Any, host: str, region: str | None) -> None:  # noqa: ANN401
    """The server's name decides, and the client's signature where that says nothing."""
    assert region_of(fields, host) == region
