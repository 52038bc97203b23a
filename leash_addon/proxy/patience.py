"""How long a client may take before it is given up, and for whom the time runs.

Nothing runs out for a connection that is in use: one whose answer is being made or sent, a
WebSocket, a tunnel. The time of a head runs from its first byte, however slowly the rest trickles;
that of a body begins anew with every ``PROGRESS`` bytes of it.
"""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from enum import Enum

PROGRESS = 1024
"""Bytes of a body that must come within its time; fewer are no progress."""


class Phase(Enum):
    """What is being waited for; the value says it of a connection that is given up."""

    SILENT = "said nothing"
    HEAD = "sent no whole head, greeting or TLS handshake"
    BODY = "stopped in the middle of a body"
    IDLE = "made no further request"


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Seconds of each wait; 0: for ever. ``head``: of the first byte, too."""

    head: int = 30
    body: int = 60
    idle: int = 300

    def of(self, phase: Phase) -> int:
        """Return the seconds that a phase may last; 0: for ever."""
        match phase:
            case Phase.SILENT | Phase.HEAD:
                return self.head
            case Phase.BODY:
                return self.body
            case Phase.IDLE:
                return self.idle


ENDLESS = Patience(head=0, body=0, idle=0)


@dataclass(slots=True)
class Wait:
    """Since when a connection is waited for, in seconds, and what has come of a body since."""

    since: float
    came: int = 0


class Deadlines:
    """The connections that are waited for, by phase, the longest first. ``now``: in seconds."""

    def __init__(self, patience: Patience) -> None:
        """Wait for nobody yet."""
        self.patience = patience
        self._waits: dict[Phase, OrderedDict[Hashable, Wait]] = {
            phase: OrderedDict() for phase in Phase
        }
        self._phases: dict[Hashable, Phase] = {}

    def __len__(self) -> int:
        """Count the connections that are waited for."""
        return len(self._phases)

    def enter(self, key: Hashable, phase: Phase | None, now: float) -> None:
        """Wait for this from now on; ``None``: for nothing. Time that runs for it runs on."""
        before = self._phases.get(key)
        if before is phase:
            return
        if before is not None:
            del self._waits[before][key]
            del self._phases[key]
        if phase is not None and self.patience.of(phase):
            self._phases[key] = phase
            self._waits[phase][key] = Wait(now)

    def came(self, key: Hashable, size: int, now: float) -> None:
        """Take note of bytes of a body."""
        wait = self._waits[Phase.BODY].get(key)
        if wait is None:
            return
        wait.came += size
        if wait.came >= PROGRESS:
            wait.since, wait.came = now, 0
            self._waits[Phase.BODY].move_to_end(key)

    def late(self, now: float, most: int) -> list[tuple[Hashable, Phase]]:
        """Give up those whose time is over, ``most`` at once, and name them."""
        found: list[tuple[Hashable, Phase]] = []
        for phase, waits in self._waits.items():
            while waits and len(found) < most:
                key, wait = next(iter(waits.items()))
                if wait.since + self.patience.of(phase) > now:
                    break
                self.enter(key, None, now)
                found.append((key, phase))
        return found
