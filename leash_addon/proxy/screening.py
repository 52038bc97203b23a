"""Screening of calls: their new texts through the engine, and what is done about what it finds.

Agents send their history with every call; a piece of it that was judged before is known by its
hash and acted on the same way, a long beginning of it as one. Only what is new is screened, what
is large of it in a thread.
Nothing is written here: what was found travels with the call to the ledger.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from threading import Event
from typing import Final

from leash_addon.config.screening import ScreeningSettings
from leash_addon.core.part import Part
from leash_addon.core.screening import Action, Found
from leash_addon.proxy.acting import Blocked
from leash_addon.proxy.decoding import decoded
from leash_addon.proxy.histories import Histories
from leash_addon.proxy.look import HUGE, Look, UnreadableError
from leash_addon.proxy.resent import Met, Resent
from leash_addon.proxy.sliced import whole
from leash_addon.proxy.verdicts import Judged, Verdicts
from leash_addon.screen.engine import Engine
from leash_addon.screen.known import NO_PROMPTS, KnownPrompts
from leash_addon.wire.asked import Parsed
from leash_addon.wire.known import Known
from leash_addon.wire.texts import FORMATS
from leash_addon.wire.texts.tools import tool_name
from leash_addon.wire.uploads import files_of

logger = logging.getLogger(__name__)

ACTING: Final = frozenset({Action.ANNOTATE, Action.REDACT, Action.REFUSE})

UNREADABLE: Final = (
    "Request blocked by injection filter: its body cannot be read, so it cannot be screened"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What screening says of one call.

    ``found``: what is not on record yet. ``blocked``: the first reason to refuse it, ``hostile``:
    its message. ``body``: what goes out instead, without content coding. ``skipped``: images,
    sound and files that were not looked at.
    """

    found: tuple[Found, ...] = ()
    blocked: Blocked | None = None
    hostile: str = ""
    body: bytes | None = None
    judged: tuple[Judged, ...] = ()
    skipped: int = 0

    def recorded(self) -> None:
        """Note that the ledger has what was found."""
        for each in self.judged:
            each.noted.done = True


NOTHING: Final = Judgement()


class Screening:
    """Screens the calls of one proxy. ``engine`` and ``settings`` may be replaced at any time."""

    def __init__(
        self, engine: Engine, settings: ScreeningSettings, known: KnownPrompts = NO_PROMPTS
    ) -> None:
        """Begin without a memory. ``known``: paragraphs of agents' own, which are not screened."""
        self.engine = engine
        self.settings = settings
        self._known = known
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="leash-screening")
        self._closed = Event()
        self._verdicts, self._histories = Verdicts(), Histories()

    def take(
        self, engine: Engine, settings: ScreeningSettings, known: KnownPrompts | None = None
    ) -> None:
        """Go on with other rules; what was judged by the old ones is judged anew.

        ``known``: ``None`` where that is as it was.
        """
        self.engine, self.settings = engine, settings
        self._known = self._known if known is None else known
        self._verdicts, self._histories = Verdicts(), Histories()

    def close(self) -> None:
        """Leave what is under way unfinished: the process does not end before its threads do."""
        self._closed.set()

    def recall(self, plain: bytes) -> Known | None:
        """Return how much of a request's JSON has been read before."""
        return self._histories.recall(plain)

    @property
    def cuts(self) -> bool:
        """Tell whether a rule may end an answer."""
        return self.settings.action(Part.RESPONSE) is Action.CUT

    async def judge(self, run: str, wire_format: str | None, parsed: Parsed) -> Judgement:
        """Screen one call. Raises whatever goes wrong, where an action depends on the answer."""
        return await self._guarded(run, lambda acts: self._judge(run, wire_format, parsed, acts))

    async def judge_upload(self, run: str, headers: Mapping[str, str], body: bytes) -> Judgement:
        """Screen the files of an upload. Raises as ``judge`` does."""
        return await self._guarded(run, lambda acts: self._judge_upload(run, headers, body, acts))

    async def _guarded(self, run: str, work: Callable[[bool], Awaitable[Judgement]]) -> Judgement:
        acts = not ACTING.isdisjoint(self.settings.actions.values())
        try:
            return await work(acts)
        except UnreadableError:
            return Judgement(hostile=UNREADABLE) if acts else NOTHING
        except Exception:
            if acts:
                raise
            logger.exception("a call of run %s was not screened", run)
            return NOTHING

    async def _judge_upload(
        self, run: str, headers: Mapping[str, str], body: bytes, acts: bool
    ) -> Judgement:
        plain, broken = await decoded(headers, body)
        if broken is not None:
            return Judgement(hostile=UNREADABLE) if acts else NOTHING
        look = self._look(f"{run} files", signed=False)
        judged: list[Judged] = []
        files = await self._aside(partial(files_of, headers, plain), plain)
        async for _, verdict in look.verdicts(files):
            judged += verdict.judged
        return _judgement(judged, look)

    async def _judge(
        self, run: str, wire_format: str | None, parsed: Parsed, acts: bool
    ) -> Judgement:
        if parsed.body is None:
            known = (wire_format or "") in FORMATS and wire_format
            unread = known and parsed.asked.broken is not None
            return Judgement(hostile=UNREADABLE) if acts and unread else NOTHING
        histories, known_as = self._histories, wire_format or ""
        look = self._look(run, signed=parsed.asked.signed)
        met: tuple[Met, ...] | None = ()
        if parsed.known is not None:
            met = histories.find(look.account, known_as, parsed.known)
            if met is None:
                parsed = await whole(parsed)
        resent = Resent(wire_format=known_as, parsed=parsed, met=met or ())
        async for piece, verdict in look.verdicts(resent.new()):
            resent.hear(piece.path, verdict)
        await look.breathe()
        lesson = await self._aside(partial(histories.lesson, look.account, resent), parsed.plain)
        if lesson is not None:
            histories.learn(lesson)
        await look.breathe()
        judged = resent.judged
        body = await self._aside(resent.put_together, parsed.plain) if resent.changes else None
        found = _judgement(judged, look, body)
        blocked = found.blocked
        if blocked is not None and blocked.call and not blocked.tool:
            blocked = replace(blocked, tool=tool_name(blocked.call, resent.all()))
            return replace(found, blocked=blocked, hostile=blocked.message)
        return found

    def _look(self, run: str, *, signed: bool) -> Look:
        return Look(
            self.engine,
            self.settings,
            self._verdicts,
            self._thread,
            run,
            signed=signed,
            closed=self._closed,
            known=self._known,
        )

    async def _aside[T](self, work: Callable[[], T], plain: bytes) -> T:
        """Do what goes through a whole request, for a huge one in the thread."""
        if len(plain) <= HUGE:
            return work()
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


def _judgement(judged: list[Judged], look: Look, body: bytes | None = None) -> Judgement:
    if not judged and not look.skipped:
        return NOTHING
    blocked = next((each.blocked for each in judged if each.blocked is not None), None)
    fresh = tuple({id(each.noted): each for each in judged if not each.noted.done}.values())
    return Judgement(
        found=tuple(found for each in fresh for found in each.found),
        blocked=blocked,
        hostile="" if blocked is None else blocked.message,
        body=body,
        judged=fresh,
        skipped=look.skipped,
    )
