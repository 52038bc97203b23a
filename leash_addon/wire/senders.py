"""Which session of which person sends a request, as agents say it unasked.

Headers: ``X-Claude-Code-Session-Id`` (Claude Code), ``session-id`` and ``thread-id`` (codex),
``session-id`` and ``x-session-id`` (opencode). Bodies: Anthropic's ``metadata.user_id``, in which
Claude Code writes ``user_HASH_account_UUID_session_UUID``, later a JSON object with
``session_id``; OpenAI's ``metadata``, ``safety_identifier`` and ``user``. Seen with the real
programs, 2025-11 (https://docs.anthropic.com/en/api/messages,
https://platform.openai.com/docs/api-reference/responses/create).

These are observations, not claims: an id of odd letters or length is known by its hash.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

import msgspec

from leash_addon.wire.request_shapes import Body

SESSION_HEADERS = ("x-claude-code-session-id", "session-id", "x-session-id", "thread-id")
"""The first that is sent decides."""

SESSION_MEMBERS = ("session_id", "sessionId", "thread_id", "conversation_id", "run_id")
"""Members of a request's ``metadata`` that name a session."""

USER_MEMBERS = ("user_id", "userId", "user")

FAULTS = (msgspec.MsgspecError, RecursionError, ValueError)

_PLAIN = re.compile(r"(?!-)[A-Za-z0-9._:-]{1,128}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """A session and a person; "" where the request names none."""

    session: str = ""
    user: str = ""


NOBODY = Sender()


def session_of(headers: Mapping[str, str]) -> str:
    """Return the session that a request's headers name (names in lower case), "" for none."""
    return next((_id(headers[name]) for name in SESSION_HEADERS if headers.get(name)), "")


def sender_of(headers: Mapping[str, str], body: Body | None) -> Sender:
    """Tell whose request it is. Never raises: members that cannot be read name nobody.

    ``body``: its outermost members, ``None`` where it is no JSON object.
    """
    session = session_of(headers)
    if body is None:
        return Sender(session=session)
    theirs = _in_metadata(_read(body.metadata))
    fallback = _id(_read(body.safety_identifier)) or _id(_read(body.user))
    return Sender(session=session or theirs.session or fallback, user=theirs.user or fallback)


def _read(raw: msgspec.Raw) -> object:
    try:
        return msgspec.json.decode(raw) if raw else None
    except FAULTS:
        return None


def _in_metadata(metadata: object) -> Sender:
    if not isinstance(metadata, dict):
        return NOBODY
    session = next((_id(metadata[name]) for name in SESSION_MEMBERS if metadata.get(name)), "")
    user = next((metadata[name] for name in USER_MEMBERS if metadata.get(name)), "")
    anthropic = _in_user_id(user) if isinstance(user, str) else NOBODY
    return Sender(session=session or anthropic.session, user=anthropic.user)


def _in_user_id(user: str) -> Sender:
    """Take Anthropic's ``user_id`` apart."""
    before, session, after = user.rpartition("_session_")
    if session and before.startswith("user_"):
        device, _, account = before.removeprefix("user_").partition("_account_")
        return Sender(session=_id(after), user=_id(account or device))
    if not user.startswith("{"):
        return Sender(session="", user=_id(user))
    try:
        inner = msgspec.json.decode(user[:4096])
    except FAULTS:
        return Sender(user=_id(user))
    if not isinstance(inner, dict):
        return Sender(user=_id(user))
    person = inner.get("account_uuid") or inner.get("device_id")
    return Sender(session=_id(inner.get("session_id")), user=_id(person))


def _id(value: object) -> str:
    """Return an id as it is, or its hash when it could not stand in a run's name."""
    if not isinstance(value, str) or not value.strip():
        return ""
    value = value.strip()
    if _PLAIN.fullmatch(value):
        return value
    return "h-" + sha256(value.encode("utf-8", "surrogatepass")).hexdigest()[:24]
