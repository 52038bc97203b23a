"""One WebSocket that is metered: whose it is, its meter, and its calls that are open."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qs, urlsplit

from leash_addon.core.screening import Found
from leash_addon.core.verdict import Reason
from leash_addon.proxy.call import Call
from leash_addon.proxy.denials import Denial
from leash_addon.proxy.intake import Intake
from leash_addon.proxy.screening import Judgement
from leash_addon.wire.calls import SocketMeter
from leash_addon.wire.routes import Route
from leash_addon.wire.turn import Backlog

MOST_OVERHEARD: Final = 64
"""Messages whose findings wait for a turn; of more the findings come when they are sent again."""


@dataclass(slots=True, kw_only=True, eq=False)
class Socket:
    """One connection.

    ``calls``: those that are open, by the meter's key. ``free``: keys of turns that said to cost
    nothing. ``own``: messages of ours that mitmproxy will show to its hook, too. ``overheard``:
    what was found in messages that asked for no turn, for the next one's entry.
    """

    intake: Intake
    route: Route
    meter: SocketMeter
    backlog: Backlog
    calls: dict[int, Call] = field(default_factory=dict)
    free: set[int] = field(default_factory=set)
    closing: bool = False
    own: list[bytes] = field(default_factory=list)
    overheard: list[Judgement] = field(default_factory=list)

    def overhear(self, judged: Judgement) -> None:
        """Keep what was found in a message that asked for no turn."""
        if judged.found and len(self.overheard) < MOST_OVERHEARD:
            self.overheard.append(judged)

    def outlives(self, denial: Denial) -> bool:
        """Tell whether the connection goes on after a message of its client was refused."""
        hostile = denial.reason == Reason.SCREENING.value
        return not denial.final or (hostile and self.route.format == "openai.realtime")

    @property
    def found(self) -> tuple[Found, ...]:
        """Return the findings that no entry carries yet, each once."""
        return tuple(dict.fromkeys(each for one in self.overheard for each in one.found))

    def recorded(self) -> None:
        """Note that the ledger has them."""
        for each in self.overheard:
            each.recorded()
        self.overheard.clear()


def model_of(url: str) -> str | None:
    """Return the model that the query of a URL names (Realtime; Azure calls it a deployment)."""
    query: Mapping[str, list[str]] = parse_qs(urlsplit(url).query)
    found = query.get("model") or query.get("deployment")
    return found[0] if found else None
