"""What mitmweb shows beside a governed flow: one line, and a mark when it was refused."""

from mitmproxy.http import HTTPFlow

from leash_addon.core.money import show_usd
from leash_addon.ledger import Settlement
from leash_addon.proxy.intake import Intake

KEY = "leash"
"""Where a flow keeps it: in ``flow.metadata``, which is saved with the flow. Accounting only."""

REFUSED = ":no_entry:"


def remark_settled(flow: HTTPFlow, intake: Intake, settled: Settlement) -> None:
    """Say what the call came to."""
    cost = "unpriced" if settled.cost is None else show_usd(settled.cost)
    tokens = settled.tokens
    call = intake.call
    flow.metadata[KEY] = {
        "run": intake.run,
        "call": settled.call,
        "verdict": "admitted",
        "hold": "-" if call is None else show_usd(call.hold),
        "model": settled.model or "-",
        "usage": ", ".join(f"{name} {value}" for name, value in settled.usage.items()) or "none",
        "cost": cost,
        "confidence": str(settled.confidence),
        "outcome": str(settled.outcome),
        "priced by": f"{settled.priced_by} as {settled.priced_as}" if settled.priced_by else "-",
        "findings": intake.remark or "none",
        **({"notes": "; ".join(settled.notes)} if settled.notes else {}),
    }
    flow.comment = (
        f"leash: run {intake.run} · {settled.model or 'no model'} · {tokens.input} in, "
        f"{tokens.output} out · {cost} ({settled.confidence.value}){_screening(intake)}"
    )


def remark_refused(flow: HTTPFlow, intake: Intake, reason: str) -> None:
    """Say why leash answered."""
    flow.metadata[KEY] = {
        "run": intake.run,
        "verdict": f"refused ({reason})",
        "findings": intake.remark or "none",
    }
    flow.comment = f"leash: run {intake.run} · refused ({reason}){_screening(intake)}"
    flow.marked = REFUSED


def _screening(intake: Intake) -> str:
    """Say which rules fired."""
    return f" · screening: {intake.remark}" if intake.remark else ""
