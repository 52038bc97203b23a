"""What is asked for and who asks, as the ledger keeps it."""

from collections.abc import Mapping

from leash_addon.core.ask import Ask
from leash_addon.proxy.bounds import UNASKED, Bounds
from leash_addon.proxy.governor import Governor
from leash_addon.proxy.intake import Intake
from leash_addon.proxy.kinds import kind_of
from leash_addon.proxy.screened import with_findings
from leash_addon.proxy.screening import Judgement
from leash_addon.wire.asked import Asked
from leash_addon.wire.routes import Route


def ask_of(  # noqa: PLR0917 - what a request is known by
    governor: Governor,
    intake: Intake,
    asked: Asked,
    judged: Judgement,
    tags: Mapping[str, str],
    bounds: Bounds = UNASKED,
    *,
    route: Route | None = None,
) -> Ask:
    """Put a request, and what was found in it, into the ledger's words.

    ``tags``: who asks. ``route``: where it is not the one that the request came by.
    """
    ask = governor.ask(
        intake.run,
        route or intake.route,
        asked,
        client=intake.client.name,
        imputed=intake.imputed,
        tags=tags,
        bounds=bounds,
        grant=intake.grant,
    )
    return with_findings(ask, judged)


def tags_of(intake: Intake, process: str, *, declares_tools: bool) -> dict[str, str]:
    """Return who asks, with which of its processes, and what the call is to it."""
    kind = kind_of(intake.client, intake.kind, declares_tools=declares_tools)
    more = {"kind": kind, "process": process}
    return {**intake.tags, **{name: value for name, value in more.items() if value}}
