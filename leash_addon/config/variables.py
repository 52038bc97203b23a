"""The environment variables that leash knows, and what is misspelt among them."""

from collections.abc import Mapping
from difflib import get_close_matches

from leash_addon.config.settings import KEYS
from leash_addon.config.tokens import VARIABLE
from leash_addon.errors import UsageError

OTHER_VARIABLES = frozenset(
    {
        "LEASH_CONFIG",
        "LEASH_RUN",
        "LEASH_LISTEN",
        "LEASH_WORKERS",
        "LEASH_INSECURE",
        "LEASH_LOG_LEVEL",
        "LEASH_SOCKS5",
        "LEASH_TRANSPARENT",
        "LEASH_WEB",
        VARIABLE,
        "LEASH_MASTER_KEY",
        "LEASH_JAIL",
        "LEASH_JAIL_BY",
    }
)
"""Variables of flags that are no settings."""


def check_variables(env: Mapping[str, str]) -> None:
    """Refuse a ``LEASH_`` variable that is a misspelt setting; a limit must not vanish silently."""
    known = {key.variable for key in KEYS} | OTHER_VARIABLES
    for name in env:
        if name.startswith("LEASH_") and name not in known:
            close = get_close_matches(name, sorted(known), 1, 0.9)
            if close:
                msg = f"{name}: unknown variable; did you mean {close[0]}?"
                raise UsageError(msg)
