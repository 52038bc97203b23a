"""Free requests that leave words with the provider, which a later call only points at.

Assistants and their threads, conversations, and how a realtime session is set up. Sources:
https://platform.openai.com/docs/api-reference/messages, .../conversations, .../realtime-sessions
(2026-08).
"""

import re
from dataclasses import replace
from typing import Final

from leash_addon.wire.routes import Route

KEPT: Final = "openai.kept"
PATHS: Final = re.compile(
    r".*/(?:threads(?:/[^/]+/messages)?|conversations(?:/[^/]+/items)?|assistants(?:/[^/]+)?"
    r"|realtime/(?:client_secrets|sessions|transcription_sessions))/?"
)


def kept_words(route: Route, path: str) -> Route | None:
    """Return how a free request is read whose words are kept; ``None``: it is no such."""
    if not route.free or PATHS.fullmatch(path.partition("?")[0]) is None:
        return None
    return replace(route, free=False, format=KEPT)
