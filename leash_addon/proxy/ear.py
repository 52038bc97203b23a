"""An answer's text, screened while it streams past.

Only a window is held: what may still become a match. It is looked at when a link in it may be
complete, when enough has come, and at the end; the text itself goes on to the client meanwhile.
"""

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from leash_addon.core.part import Part
from leash_addon.core.screening import Action, Found
from leash_addon.proxy.acting import Blocked
from leash_addon.proxy.call import Call
from leash_addon.proxy.screening import Screening
from leash_addon.screen.block import block_hash
from leash_addon.screen.engine import Engine
from leash_addon.screen.finding import Finding

logger = logging.getLogger(__name__)

WINDOW: Final = 2_048
"""Characters that are kept of what was looked at: a longer link is found by its beginning."""

ENOUGH: Final = 1_024
LARGE: Final = 8_192
"""A piece that is larger came with the whole answer; of it the links are looked at."""

LINK: Final = re.compile(r"://|\]\(|<img|&#|%3a", re.IGNORECASE)
LINK_ENDS: Final = re.compile(r"[\s)>]")
MARK: Final = 8
"""Characters that the beginning of a link may have been cut at."""

LINKS: Final = 32
BEFORE, AFTER = 64, 448
MOST: Final = 64
CHOICES: Final = 16


def listen(
    screening: Screening | None, call: Call, on_hit: Callable[[Blocked], None], *, streams: bool
) -> None:
    """Have an answer listened to, where that is asked for and its format reads text.

    ``streams``: it comes in pieces; one that comes whole has passed when its text is known, so
    that it cannot be cut.
    """
    if screening is None or call.meter is None:
        return
    action = screening.settings.action(Part.RESPONSE)
    if action is Action.OFF:
        return
    if action is Action.CUT and not streams:
        action = Action.OBSERVE
    ear = Ear(engine=screening.engine, action=action, on_hit=on_hit)
    if call.meter.listen(ear.hear):
        call.heard = ear.close


@dataclass(slots=True)
class _Heard:
    """One choice: its window, where that begins, how much of it is new, whether a link is open."""

    window: str = ""
    begins: int = 0
    fresh: int = 0
    link: bool = False


@dataclass(slots=True, kw_only=True)
class Ear:
    """Listens to one answer. ``on_hit``: told once, when the answer is to be cut."""

    engine: Engine
    action: Action
    on_hit: Callable[[Blocked], None]
    found: list[Found] = field(default_factory=list)
    _heard: dict[int, _Heard] = field(default_factory=dict)
    _known: set[tuple[str, int, int]] = field(default_factory=set)
    _deaf: bool = False

    def hear(self, piece: str, choice: int) -> None:
        """Take a piece of text; a fault of ours ends the listening, never the answer."""
        if self._deaf:
            return
        try:
            self._hear(piece, choice)
        except Exception:
            self._deaf = True
            logger.exception("an answer is not screened any further")

    def _hear(self, piece: str, choice: int) -> None:
        choice = min(choice, CHOICES)
        heard = self._heard.setdefault(choice, _Heard())
        heard.window += piece
        heard.fresh += len(piece)
        if self._ends_link(heard, piece) or heard.fresh >= ENOUGH:
            self._look(heard, choice)

    def close(self) -> tuple[Found, ...]:
        """Look at what is left; return everything that was found."""
        try:
            for choice, heard in self._heard.items():
                if heard.fresh and not self._deaf:
                    self._look(heard, choice)
        except Exception:
            self._deaf = True
            logger.exception("the end of an answer was not screened")
        return tuple(self.found)

    def _ends_link(self, heard: _Heard, piece: str) -> bool:
        """Tell whether a link in the window has come to its end."""
        recent = max(0, len(heard.window) - len(piece) - MARK)
        begins = [found.end() for found in LINK.finditer(heard.window, recent)]
        ends = LINK_ENDS.search(heard.window, begins[0]) if begins else LINK_ENDS.search(piece)
        ended = ends is not None and (heard.link or bool(begins))
        heard.link = (heard.link or bool(begins)) and not ended
        return ended

    def _look(self, heard: _Heard, choice: int) -> None:
        heard.fresh = 0
        for first, text in _stretches(heard.window):
            for window in self.engine.pieces(text, Part.RESPONSE):
                for fired in window:
                    self._note(fired, text, heard.begins + first, choice)
        if len(heard.window) > WINDOW:
            heard.begins += len(heard.window) - WINDOW
            heard.window = heard.window[-WINDOW:]

    def _note(self, fired: Finding, text: str, begins: int, choice: int) -> None:
        start = begins + fired.start
        key = (fired.rule, choice, start)
        if key in self._known or len(self.found) >= MOST:
            return
        self._known.add(key)
        block = block_hash(text[fired.start : fired.end])
        place = f"choices[{choice}]"
        self.found.append(
            Found(
                rule=fired.rule,
                part=Part.RESPONSE,
                severity=fired.severity,
                action=self.action,
                block=block,
                place=place,
                start=start,
                end=begins + fired.end,
                view=fired.view,
            )
        )
        if self.action is Action.CUT and len(self.found) == 1:
            self.on_hit(
                Blocked(
                    rule=fired.rule,
                    title=fired.title,
                    why=fired.why,
                    part=Part.RESPONSE,
                    place=place,
                    block=block,
                )
            )


def _stretches(window: str) -> list[tuple[int, str]]:
    """Return what is to be looked at, with where it begins: all of it, or what is around links."""
    if len(window) <= LARGE:
        return [(0, window)]
    found: list[tuple[int, str]] = []
    done = 0
    for link in islice(LINK.finditer(window), MOST * LINKS):
        if link.start() >= done and len(found) < LINKS:
            first = max(done, link.start() - BEFORE)
            done = link.end() + AFTER
            found.append((first, window[first:done]))
    return found
