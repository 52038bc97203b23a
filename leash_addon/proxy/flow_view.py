"""A view for mitmproxy and mitmweb: what leash knows of a flow, above the body.

Chosen by its name, "leash"; the body's own view stays the one that is shown first. It belongs to
the request: answers are streamed through, so mitmproxy keeps no content of theirs to show.
"""

from collections.abc import Mapping
from typing import override

from mitmproxy.contentviews import Contentview, Metadata

from leash_addon.proxy.remarks import KEY

LEAST = 0.0
"""Priority where leash knows something: below every view that reads the body."""


class LeashContentview(Contentview):
    """Usage, cost, hold, verdict and findings of a call."""

    @property
    @override
    def name(self) -> str:
        return "leash"

    @override
    def prettify(self, data: bytes, metadata: Metadata) -> str:
        lines = [f"{name:<10} {value}" for name, value in known(metadata).items()]
        return "\n".join([*lines, "", data.decode("utf-8", "replace")])

    @override
    def render_priority(self, data: bytes, metadata: Metadata) -> float:
        return LEAST if known(metadata) else -1


def known(metadata: Metadata) -> Mapping[str, object]:
    """Return what leash keeps of a flow, nothing for one that it did not govern."""
    found = metadata.flow.metadata.get(KEY) if metadata.flow is not None else None
    return found if isinstance(found, dict) else {}
