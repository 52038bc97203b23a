"""What a subscription says of its own limits: how much of a plan's windows is used.

Anthropic: ``anthropic-ratelimit-unified-*`` (status, reset and utilization per window);
ChatGPT: ``x-codex-*`` (used percent and reset per window). Seen in answers to the programs that
log in with a subscription (2026-11); neither is documented.
"""

import re
from collections.abc import Mapping

PREFIXES = ("anthropic-ratelimit-unified-", "x-codex-")
MOST = 16
"""Headers that are kept of one answer."""

_VALUE = re.compile(r"[A-Za-z0-9_.:+-]{1,40}")


def plan_limits(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the plan's own limits by their names without the prefix; words and numbers only.

    ``headers``: of an answer, names in lower case.
    """
    found = {
        name.removeprefix(prefix): value
        for name, value in headers.items()
        for prefix in PREFIXES
        if name.startswith(prefix) and _VALUE.fullmatch(value)
    }
    return dict(sorted(found.items())[:MOST])
