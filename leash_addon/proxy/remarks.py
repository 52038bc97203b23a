"""What mitmweb shows beside a governed flow: one line, and a mark when it was refused."""

from mitmproxy.http import HTTPFlow

from leash_addon.core.money import show_usd
from leash_addon.ledger import Settlement
from leash_addon.proxy.intake import Intake

REFUSED = ":no_entry:"


def remark_settled(flow: HTTPFlow, intake: Intake, settled: Settlement) -> None:
    """Say what the call came to."""
    cost = "unpriced" if settled.cost is None else show_usd(settled.cost)
    tokens = settled.tokens
    flow.comment = (
        f"leash: run {intake.run} · {settled.model or 'no model'} · {tokens.input} in, "
        f"{tokens.output} out · {cost} ({settled.confidence.value}){_screening(intake)}"
    )


def remark_refused(flow: HTTPFlow, intake: Intake, reason: str) -> None:
    """Say why leash answered."""
    flow.comment = f"leash: run {intake.run} · refused ({reason}){_screening(intake)}"
    flow.marked = REFUSED


def _screening(intake: Intake) -> str:
    """Say which rules fired."""
    return f" · screening: {intake.remark}" if intake.remark else ""
