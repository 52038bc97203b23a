"""What mitmweb shows beside a governed flow: one line, and a mark when it was refused."""

from mitmproxy.http import HTTPFlow

from leash_addon.core.money import show_usd
from leash_addon.ledger import Settlement

REFUSED = ":no_entry:"


def remark_settled(flow: HTTPFlow, run: str, settled: Settlement) -> None:
    """Say what the call came to."""
    cost = "unpriced" if settled.cost is None else show_usd(settled.cost)
    tokens = settled.tokens
    flow.comment = (
        f"leash: run {run} · {settled.model or 'no model'} · {tokens.input} in, {tokens.output} out"
        f" · {cost} ({settled.confidence.value})"
    )


def remark_refused(flow: HTTPFlow, run: str, reason: str) -> None:
    """Say why leash answered."""
    flow.comment = f"leash: run {run} · refused ({reason})"
    flow.marked = REFUSED
