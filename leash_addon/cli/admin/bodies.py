"""What a request to the admin API brings: JSON objects of texts."""

import msgspec

from leash_addon.errors import UsageError

LONGEST = 256
"""Characters of a name that are kept."""


def texts(body: bytes) -> dict[str, str]:
    """Read a body: an object of texts, or nothing. Raises ``UsageError``."""
    if not body.strip():
        return {}
    try:
        return msgspec.json.decode(body, type=dict[str, str])
    except msgspec.MsgspecError as error:
        msg = f"the body must be a JSON object of texts: {error}"
        raise UsageError(msg) from None


def by_in(body: bytes) -> str:
    """Return who asks, as it goes on the record: printable, and not long."""
    by = texts(body).get("by", "")[:LONGEST]
    return "".join(letter for letter in by if letter.isprintable()) or "the API"


def given_in(body: bytes) -> tuple[dict[str, str], str]:
    """Return limits to change, and who asks."""
    given = texts(body)
    return {name: text for name, text in given.items() if name != "by"}, by_in(body)


def account_in(body: bytes) -> tuple[str, dict[str, str], str]:
    """Return a cap's account, limits to change, and who asks. Raises ``UsageError``."""
    given, by = given_in(body)
    if "account" not in given:
        msg = 'name an "account", as /api/caps lists them'
        raise UsageError(msg)
    account = given.pop("account")
    return account, given, by
