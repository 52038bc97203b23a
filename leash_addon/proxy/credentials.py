"""Where a request carries a provider's key, and how another is put in its place.

Providers read it from a header (bare, or after ``Bearer`` or the like) or from ``?key=``. Nowhere
else is a virtual key exchanged for a real one: whoever could have the real one put into a header
that a provider sends back would have it.
"""

import base64
import binascii
import contextlib
import re
from itertools import chain
from urllib.parse import quote, unquote

from mitmproxy.http import Request

from leash_addon.core.virtual_keys import LOOKS_LIKE_ONE, TOKEN

HEADERS = (
    b"authorization",
    b"x-api-key",
    b"api-key",
    b"x-goog-api-key",
    b"ocp-apim-subscription-key",
    b"xi-api-key",
)
"""Names, in lower case, of the headers that providers read a key from."""

SIGNED = b"aws4-"
"""How an Authorization begins that is a signature, not a key."""

_SIGNED_BY = re.compile(rb"(?i:AWS4-HMAC-SHA256) +Credential=(lsh_[A-Za-z0-9_.-]+)/[^\r\n]*")
_VALUE = re.compile(rb"(?:[A-Za-z-]+ +)?(lsh_[A-Za-z0-9_.-]+)")
_QUERY = re.compile(r"(?<=[?&]key=)lsh_[A-Za-z0-9_.-]+")


def may_have_one(request: Request) -> bool:
    """Tell at a glance that a request has no virtual key in its head, as almost every one."""
    path, text = request.data.path, b"\n".join(chain.from_iterable(request.headers.fields))
    return b"lsh_" in text or b"lsh_" in path or b"%" in path or b"basic " in text.lower()


def token_of(request: Request) -> str | None:
    """Return the one virtual key that stands where a provider reads a key; ``None``: there is none.

    Raises ``ValueError`` where one stands elsewhere, is damaged, or is one of several.
    """
    if "lsh_" not in _everything(request):
        return None
    found = [*_in_headers(request), *_QUERY.findall(request.path)]
    if len(LOOKS_LIKE_ONE.findall(_everything(request))) != len(found) or not found:
        msg = "a virtual key stands where no provider reads one; it was not sent on"
        raise ValueError(msg)
    if len(set(found)) > 1:
        msg = "there are several virtual keys in one request"
        raise ValueError(msg)
    if TOKEN.fullmatch(found[0]) is None:
        msg = "this is no whole virtual key"
        raise ValueError(msg)
    return str(found[0])


def bears_one(request: Request) -> bool:
    """Tell whether a request has one whole virtual key where a provider reads it."""
    try:
        return token_of(request) is not None
    except ValueError:
        return False


def is_signed(request: Request) -> bool:
    """Tell whether a request is signed with the virtual key in its header (AWS SigV4)."""
    return any(
        name.lower() == b"authorization" and value.lower().startswith(SIGNED) and b"lsh_" in value
        for name, value in request.headers.fields
    )


def exchange(request: Request, old: str, new: str) -> None:
    """Put one key in another's place, wherever a provider reads it."""
    was, becomes = old.encode(), new.encode()
    request.headers.fields = tuple(
        (name, value.replace(was, becomes) if name.lower() in HEADERS else value)
        for name, value in request.headers.fields
    )
    path = request.data.path
    if was in path:
        request.data.path = path.replace(b"key=" + was, b"key=" + quote(new, safe="").encode())


def _in_headers(request: Request) -> list[str]:
    found = []
    for name, value in request.headers.fields:
        if name.lower() in HEADERS:
            match = _VALUE.fullmatch(value.strip())
            if match is None and name.lower() == b"authorization":
                match = _SIGNED_BY.fullmatch(value.strip())
            found += [match[1].decode()] if match else []
    return found


def _everything(request: Request) -> str:
    """Return the request's head as text, with what is encoded in it in clear."""
    texts = [unquote(request.path)]
    for name, value in request.headers.fields:
        text = value.decode("utf-8", "replace")
        texts.append(f"{name.decode('utf-8', 'replace')}: {text}")
        if text[:6].lower() == "basic ":
            with contextlib.suppress(binascii.Error, ValueError):
                texts.append(base64.b64decode(text[6:], validate=False).decode("utf-8", "replace"))
    return "\n".join(texts)
