"""What a call is to the agent that makes it: its main loop, a sub-agent, or something aside.

Some agents say so in a header; of others only their side calls (titles, routers, classifiers)
declare no tools. Which program does what is data: ``[[client]]`` in ``rules/providers.toml``.
"""

import re
from collections.abc import Mapping

import msgspec

from leash_addon.proxy.clients import Client

SIDE = "side"
MAIN = "main"
_WORD = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_MEMBER = re.compile(r"([^:]+):(.+)")


def said_kind(client: Client, headers: Mapping[str, str]) -> str:
    """Return what the headers (names in lower case) of a call say that it is; "" when nothing.

    A word that is none is left out: a client may send anything.
    """
    return next(filter(None, (_said(headers, place) for place in client.kind_header)), "")


def kind_of(client: Client, said: str, *, declares_tools: bool) -> str:
    """Return the kind of a call: a word of the agent's own, ``main``, ``side``, or ""."""
    if said or not client.side_without_tools:
        return said
    return MAIN if declares_tools else SIDE


def _said(headers: Mapping[str, str], place: str) -> str:
    """Read a header, or the member of a header that holds a JSON object: ``name:member``."""
    inside = _MEMBER.fullmatch(place)
    if inside is None:
        return _word(headers.get(place, ""))
    try:
        found = msgspec.json.decode(headers.get(inside[1], "{}"))
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return ""
    return _word(found.get(inside[2])) if isinstance(found, dict) else ""


def _word(value: object) -> str:
    text = value.lower() if isinstance(value, str) else ""
    return text if _WORD.fullmatch(text) else ""
