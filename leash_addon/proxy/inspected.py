"""mitmweb's interface over the same addon: every flow, live, in a browser.

It keeps whole flows in memory, and shows prompts and answers to whoever has its token: it is for
looking into a proxy, and not for leaving on. The addon stands before mitmweb's own view of flows,
so tokens and keys are gone from a request before it is shown.
"""

from collections.abc import Sequence

from mitmproxy.options import Options
from mitmproxy.tools.web.master import WebMaster

REPLACED = ("tlsconfig", "proxyauth", "onboarding", "errorcheck", "termlog")
"""mitmproxy's addons that ours stand for, or that would end the program."""

BEHIND = "proxyserver"
"""Ours come directly behind this one, and so before everything that shows or keeps flows."""


def inspected(own: Sequence[object]) -> WebMaster:
    """Make mitmweb's master with these addons among its own."""
    made = WebMaster(Options(), with_termlog=False)
    manager = made.addons
    for name in REPLACED:
        addon = manager.get(name)
        if addon is not None:
            manager.remove(addon)
    manager.add(*own)
    rest = [addon for addon in manager.chain if addon not in own]
    at = rest.index(manager.get(BEHIND)) + 1
    manager.chain = [*rest[:at], *own, *rest[at:]]
    return made
