"""One look at a call: piece by piece, what is known from before and what is new.

What is large or intricate is read and screened in a thread, one thing at a time; a small text on
the event loop, which goes round after each.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Hashable, Iterable
from concurrent.futures import Executor
from dataclasses import replace
from functools import partial
from threading import Event
from typing import Final, Protocol

from leash_addon.config.screening import ScreeningSettings
from leash_addon.core.screening import Action
from leash_addon.proxy.lively import give_way
from leash_addon.proxy.placing import judged_of, place_of, values_of
from leash_addon.proxy.verdicts import CLEAN, Judged, Verdict, Verdicts
from leash_addon.screen.block import block_hash
from leash_addon.screen.engine import Engine
from leash_addon.screen.finding import Finding
from leash_addon.screen.known import NO_PROMPTS, KnownPrompts
from leash_addon.screen.windows import SIZE
from leash_addon.wire.texts import Path, Text
from leash_addon.wire.texts.gathered import Gathered
from leash_addon.wire.texts.rewrite import rewritten

BREATH: Final = 0.001
"""Seconds after which the event loop gets its turn."""

SMALL: Final = 2_048
"""Characters of a text that is screened on the event loop; hostile ones of that size take some
milliseconds."""

LARGE: Final = 64 * 1024
INTRICATE: Final = 2_000
"""Bytes, and quotes or backslashes, of a piece that is read and rewritten in a thread."""

HUGE: Final = 1024 * 1024
"""Bytes of what is gone through in a thread, however simple that is."""

WEIGHTY: Final = 256 * 1024
"""Bytes of a piece that is hashed in a thread."""

MANY: Final = 256
"""Known pieces between two looks at the time."""

_CHANGING: Final = frozenset({Action.ANNOTATE, Action.REDACT})


class UnreadableError(Exception):
    """A piece of a request is no JSON that anybody reads."""


class ClosedError(Exception):
    """The proxy ends, and nobody waits any more."""


class Readable(Protocol):
    """A piece of a request, or a file."""

    @property
    def path(self) -> Path:
        """Return where it stands in the request."""

    @property
    def raw(self) -> bytes:
        """Return its bytes, which it is known by."""

    @property
    def read(self) -> Hashable:
        """Return what reads it: other texts may come of the same bytes."""

    def texts(self) -> Gathered:
        """Read it. Raises ``ValueError`` for what nobody reads."""


class Look:
    """A look at one call. ``signed``: its body cannot be changed.

    ``account``: what its verdicts are remembered for. ``skipped``: new images and the like.
    """

    def __init__(
        self,
        engine: Engine,
        settings: ScreeningSettings,
        verdicts: Verdicts,
        thread: Executor,
        run: str,
        *,
        signed: bool,
        closed: Event,
        known: KnownPrompts = NO_PROMPTS,
    ) -> None:
        """Begin; the event loop's time counts from here.

        ``thread``: for what takes long, unless ``closed``.
        """
        self._thread = thread
        self._engine = engine
        self._settings = settings
        self._verdicts = verdicts
        self.account = f"{run} signed" if signed else run
        self.skipped = 0
        self._signed = signed
        self._known = known
        self._closed = closed
        self._loop = asyncio.get_running_loop()
        self._since = self._loop.time()

    async def verdicts(self, parts: Iterable[Readable]) -> AsyncIterator[tuple[Readable, Verdict]]:
        """Yield what is made of each piece in which something was found."""
        for number, piece in enumerate(parts):
            name = (self.account, piece.read, piece.raw)
            make = self._verdicts.key
            heavy = len(piece.raw) > WEIGHTY
            key = await self._aside(make, *name) if heavy else make(*name)
            verdict = self._verdicts.find(key)
            if verdict is None:
                verdict = await self._verdict(piece)
                self._verdicts.keep(key, verdict)
                await self.breathe()
            elif number % MANY == 0 or len(piece.raw) > LARGE:
                await self.breathe()
            if verdict is not CLEAN:
                yield piece, verdict

    async def _verdict(self, piece: Readable) -> Verdict:
        large = _is_large(piece.raw)
        if large:
            read = await self._aside(self._named, await self._aside(_gathered, piece))
        else:
            read = self._named(_gathered(piece))
        judged: list[Judged] = []
        values: dict[Path, str] = {}
        for text, action, block in read:
            one = await self._judged(text, action, block, piece.path)
            if one.found:
                judged.append(one)
                values |= values_of(text, action, one.found)
        if not judged:
            return CLEAN
        raw = None
        if values:
            made = (piece.raw, values)
            raw = await self._aside(rewritten, *made) if large else rewritten(*made)
        return Verdict(judged=tuple(judged), raw=raw)

    def _named(self, read: Gathered) -> list[tuple[Text, Action, str]]:
        """Return the texts that are to be looked at, what is done with them, and their hashes."""
        self.skipped += read.skipped
        found = [(text, self._action(text)) for text in read.texts]
        return [
            (text, action, block_hash(text.text))
            for text, action in found
            if action is not Action.OFF
        ]

    def _action(self, text: Text) -> Action:
        """Return what is done with a text; what must not be changed is not."""
        action = self._settings.action(text.part)
        fixed = self._signed or text.fixed
        return self._settings.signed if fixed and action in _CHANGING else action

    async def _judged(self, text: Text, action: Action, block: str, path: Path) -> Judged:
        key = (self.account, text.part, action, block)
        known = self._verdicts.find_text(key)
        if known is None:
            allowed = block in self._settings.allowed
            fired = () if allowed else await self._fired(text, block)
            known = judged_of(text, action, block, path, fired)
            self._verdicts.keep_text(key, known)
        elif known.blocked is not None:
            place = place_of(text, path, known.found[0])
            blocked = replace(known.blocked, place=place, tool=text.tool, call=text.call)
            known = replace(known, blocked=blocked)
        return known

    async def _fired(self, text: Text, block: str) -> tuple[Finding, ...]:
        key = (text.part, block)
        known = self._verdicts.fired(key)
        if known is None:
            known = await self._screen(text)
            self._verdicts.keep_fired(key, known)
        return known

    async def _screen(self, text: Text) -> tuple[Finding, ...]:
        if len(text.text) > SMALL:
            try:
                return await self._aside(self._whole, text)
            except ClosedError:
                await self._loop.create_future()  # until it is cancelled with the loop
        found: list[Finding] = []
        for window in self._engine.pieces(self._rest(text), text.part):
            found += window
            await self.breathe()
        return tuple(sorted(found, key=lambda each: (each.severity, each.start, each.rule)))

    def _whole(self, text: Text) -> tuple[Finding, ...]:
        found: list[Finding] = []
        several = len(text.text) > SIZE
        for window in self._engine.pieces(self._rest(text), text.part):
            found += window
            if self._closed.is_set():
                raise ClosedError
            if several:
                give_way()
        return tuple(sorted(found, key=lambda each: (each.severity, each.start, each.rule)))

    def _rest(self, text: Text) -> str:
        """Return what an agent did not bring itself, every character in its place."""
        return self._known.rest(text.text, text.part, (leaf.start for leaf in text.leaves))

    async def _aside[**P, T](self, work: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
        """Do something in the thread for it; the event loop goes on beside it."""
        done = await self._loop.run_in_executor(self._thread, partial(work, *args, **named))
        self._since = self._loop.time()
        return done

    async def breathe(self) -> None:
        """Let others have the loop when we have had it for long enough."""
        if self._loop.time() - self._since > BREATH:
            await asyncio.sleep(0)
            self._since = self._loop.time()


def _gathered(piece: Readable) -> Gathered:
    try:
        return piece.texts()
    except ValueError as error:
        raise UnreadableError from error


def _is_large(raw: bytes) -> bool:
    return len(raw) > LARGE or raw.count(b'"') > INTRICATE or raw.count(b"\\") > INTRICATE
