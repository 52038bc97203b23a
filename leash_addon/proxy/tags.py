"""Who asks, by scope, beside the run: what caps and rate limits divide their accounts by.

A tag comes from a header of leash's own (``x-leash-user: alice``) or from the proxy user
(``nightly;user=alice;feature=search``); the header wins. The key is known by a keyed hash: the
credential itself is neither kept nor written anywhere.
"""

import re
from collections.abc import Callable, Mapping
from urllib.parse import parse_qs, urlsplit

NAMED = ("user", "feature", "tenant")
"""Tags that a caller names itself."""

LONGEST = 256
"""Characters of a tag that are looked at."""

CREDENTIAL_HEADERS = ("authorization", "x-api-key", "x-goog-api-key", "api-key")
_SIGNER = re.compile(r"\bcredential=([^/,\s]+)", re.IGNORECASE)
"""Whose signature an AWS request bears; the signature itself is another one each time."""


def tags_of(
    headers: Mapping[str, str], user: str | None, url: str, ip: str, hashed: Callable[[str], str]
) -> dict[str, str]:
    """Return the tags that are known before the body is; an unknown one is left out.

    ``headers``: names in lower case. ``user``: the proxy user. ``ip``: of the client.
    ``hashed``: the keyed hash of a credential.
    """
    named = dict(part.partition("=")[::2] for part in (user or "").split(";")[1:])
    found = {tag: headers.get(f"x-leash-{tag}") or named.get(tag, "") for tag in NAMED}
    credential = credential_of(headers, url)
    found |= {"ip": ip, "key": hashed(credential) if credential else ""}
    return {tag: value[:LONGEST] for tag, value in found.items() if value}


def credential_of(headers: Mapping[str, str], url: str) -> str:
    """Return what a provider knows its customer by: a key, a token, an AWS key's id; "" for none.

    The scheme is left out, so that one key has one hash wherever it is put.
    """
    for name in CREDENTIAL_HEADERS:
        value = headers.get(name, "").strip()
        if value:
            signer = _SIGNER.search(value)
            return signer[1] if signer else value.rpartition(" ")[2]
    return (parse_qs(urlsplit(url).query).get("key") or [""])[-1]
