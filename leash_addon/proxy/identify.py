"""Who calls: the run, and whether a subscription pays. leash's own headers end here."""

import base64
import binascii
import re
from collections.abc import Mapping

from leash_addon.proxy.policy import Policy

RUN_ID = re.compile(r"(?!-)[A-Za-z0-9._:-]{1,128}")  # one like a flag could not be named later
RUN_HEADER = "x-loop-id"
OWN_HEADERS = ("proxy-authorization", "proxy-connection", RUN_HEADER)
"""Headers that are for the proxy; ``x-leash-*`` are, too."""

OAUTH = "bearer sk-ant-oat"
"""How a Claude subscription's token begins; API keys begin ``sk-ant-api``."""

SUBSCRIPTION_HOSTS = ("chatgpt.com",)


def run_of(policy: Policy, headers: Mapping[str, str], user: str | None) -> str:
    """Return the run of a call; raises ``ValueError`` for an id that is none."""
    if policy.run is not None:
        return policy.run
    named = headers.get(RUN_HEADER) or (user or "").partition(";")[0] or policy.default_run
    if RUN_ID.fullmatch(named) is None:
        msg = "a run id is 1 to 128 letters, digits or . _ : -, the first of them no -"
        raise ValueError(msg)
    return named


def proxy_user(credentials: str | None) -> str | None:
    """Return the user name of a ``Basic`` proxy credential; the password is not kept."""
    scheme, _, coded = (credentials or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        text = base64.b64decode(coded, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
    return text.partition(":")[0] or None


def is_own(name: str) -> bool:
    """Tell whether a header is meant for leash and goes no further."""
    name = name.lower()
    return name in OWN_HEADERS or name.startswith("x-leash-")


def is_imputed(host: str, headers: Mapping[str, str]) -> bool:
    """Tell whether a subscription pays for the call."""
    if any(host == name or host.endswith("." + name) for name in SUBSCRIPTION_HOSTS):
        return True
    return headers.get("authorization", "")[: len(OAUTH)].lower() == OAUTH
