"""The credential that a provider knows its customer by.

The account of a key is named by a keyed hash of it: the credential itself is neither kept nor
written anywhere.
"""

import re
from collections.abc import Mapping
from urllib.parse import parse_qs, urlsplit

CREDENTIAL_HEADERS = ("authorization", "x-api-key", "x-goog-api-key", "api-key")
_SIGNER = re.compile(r"\bcredential=([^/,\s]+)", re.IGNORECASE)
"""Whose signature an AWS request bears; the signature itself is another one each time."""


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
