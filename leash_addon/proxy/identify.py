"""What a run may be called, which headers are leash's own, and whether a subscription pays."""

import re
from collections.abc import Mapping

from leash_addon.config.tokens import NAME

RUN_ID = re.compile(r"(?!-)[A-Za-z0-9._:-]{1,128}")  # one like a flag could not be named later
SCOPED_RUN = re.compile(rf"(?:{NAME.pattern}/)?{RUN_ID.pattern}")
"""A run as the ledger knows it: ``tenant/run`` where there are tenants."""

OWN_HEADERS = ("proxy-authorization", "proxy-connection", "x-loop-id")
"""Headers that are for the proxy; ``x-leash-*`` are, too."""

OAUTH = "bearer sk-ant-oat"
"""How a Claude subscription's token begins; API keys begin ``sk-ant-api``."""

SUBSCRIPTION_HOSTS = ("chatgpt.com",)


def is_own(name: str) -> bool:
    """Tell whether a header is meant for leash and goes no further."""
    name = name.lower()
    return name in OWN_HEADERS or name.startswith("x-leash-")


def is_imputed(host: str, headers: Mapping[str, str]) -> bool:
    """Tell whether a subscription pays for the call."""
    if any(host == name or host.endswith("." + name) for name in SUBSCRIPTION_HOSTS):
        return True
    return headers.get("authorization", "")[: len(OAUTH)].lower() == OAUTH
