"""AWS Signature Version 4, for a virtual key that stands for an AWS key pair.

The algorithm is https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-
request.html (2026-11), for services that encode the path twice, as all but S3 do. Signed are the
host, the content type and every header of Amazon's own, and the whole body.
"""

import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import quote

SERVICE = "bedrock"
"""What Bedrock's runtime is called in a signature."""

ALGORITHM = "AWS4-HMAC-SHA256"
OURS = frozenset(
    {b"authorization", b"x-amz-date", b"x-amz-security-token", b"x-amz-content-sha256"}
)
"""Headers that belong to a signature, and are written anew with it."""

TRACE = "x-amzn-trace-id"
"""A header that load balancers change on its way, so AWS's own libraries do not sign it."""

_PAIR = re.compile(r"((?:AKIA|ASIA)[A-Z0-9]{12,124}):([A-Za-z0-9/+=]{40})(?::(\S+))?")
_SCOPE = re.compile(rb"(?i)AWS4-HMAC-SHA256 +Credential=[^/,\s]+/[0-9]{8}/([a-z0-9-]{3,32})/")
_HOST = re.compile(r"bedrock-runtime(?:-fips)?\.([a-z0-9-]{3,32})\.amazonaws\.com(?:\.cn)?")

type Field = tuple[bytes, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """An AWS key pair; ``session``: the token of a temporary one."""

    access: str
    secret: str = field(repr=False)
    session: str = field(default="", repr=False)


def read_pair(text: str) -> Pair | None:
    """Read ``ID:SECRET`` or ``ID:SECRET:SESSION_TOKEN``; ``None``: this is no AWS key pair."""
    found = _PAIR.fullmatch(text)
    if found is None:
        return None
    return Pair(access=found[1], secret=found[2], session=found[3] or "")


def region_of(fields: Sequence[Field], host: str) -> str | None:
    """Return the region that a request is for: as its server's name says, else its signature."""
    named = _HOST.fullmatch(host.lower())
    if named is not None:
        return named[1]
    for name, value in fields:
        if name.lower() == b"authorization" and (scope := _SCOPE.match(value)) is not None:
            return scope[1].decode().lower()
    return None


def signed(
    pair: Pair,
    *,
    method: str,
    target: str,
    fields: Sequence[Field],
    body: bytes,
    region: str,
    at: datetime,
) -> tuple[Field, ...]:
    """Return the header fields of a request with its signature.

    ``target``: path and query as they go over the wire. ``at``: now, in UTC. One ``host`` is there.
    """
    stamp = f"{at:%Y%m%dT%H%M%SZ}"
    made = [each for each in fields if each[0].lower() not in OURS]
    made.append((b"x-amz-date", stamp.encode()))
    if pair.session:
        made.append((b"x-amz-security-token", pair.session.encode()))
    headers = _canonical(made)
    names = ";".join(headers)
    path, _, query = target.partition("?")
    canonical = "\n".join(
        (
            method,
            quote(path, safe="/-_.~"),
            "&".join(f"{name}={value}" for name, value in sorted(_parts(query))),
            *(f"{name}:{value}" for name, value in headers.items()),
            "",
            names,
            hashlib.sha256(body).hexdigest(),
        )
    )
    scope = f"{at:%Y%m%d}/{region}/{SERVICE}/aws4_request"
    digest = hashlib.sha256(canonical.encode("utf-8", "surrogateescape")).hexdigest()
    signature = _mac(_key(pair, scope), f"{ALGORITHM}\n{stamp}\n{scope}\n{digest}").hex()
    parts = f"Credential={pair.access}/{scope}, SignedHeaders={names}, Signature={signature}"
    return (*made, (b"authorization", f"{ALGORITHM} {parts}".encode()))


def _parts(query: str) -> list[tuple[str, str]]:
    split = (part.partition("=") for part in query.split("&") if part)
    return [(name, value) for name, _, value in split]


def _canonical(fields: Sequence[Field]) -> dict[str, str]:
    found: dict[str, str] = {}
    for raw_name, raw_value in fields:
        name = raw_name.decode("ascii", "replace").lower()
        if name in {"host", "content-type"} or (name.startswith("x-amz") and name != TRACE):
            value = " ".join(raw_value.decode("utf-8", "surrogateescape").split())
            found[name] = f"{found[name]},{value}" if name in found else value
    return dict(sorted(found.items()))


def _key(pair: Pair, scope: str) -> bytes:
    key = b"AWS4" + pair.secret.encode()
    for part in scope.split("/"):
        key = _mac(key, part)
    return key


def _mac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()
