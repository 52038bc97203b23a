"""Who asks, as the ledger keeps it."""

from leash_addon.proxy.intake import Intake
from leash_addon.proxy.kinds import kind_of


def tags_of(intake: Intake, process: str, *, declares_tools: bool) -> dict[str, str]:
    """Return who asks, with which of its processes, and what the call is to it."""
    kind = kind_of(intake.client, intake.kind, declares_tools=declares_tools)
    more = {"kind": kind, "process": process}
    return {**intake.tags, **{name: value for name, value in more.items() if value}}
