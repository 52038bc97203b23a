"""Admits calls and settles them, exactly once each: between mitmproxy's hooks and the ledger.

Nothing here knows of flows. A ``Call`` exists from the moment its hold is in the ledger until it
is settled; every way a call can end comes to ``Governor.finish``.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from random import SystemRandom

from msgspec import structs

from leash_addon.core.ask import Ask
from leash_addon.core.balance import Balance
from leash_addon.core.money import SECOND, ZERO, Instant, Pico
from leash_addon.core.pricing import RateCard
from leash_addon.core.reading import Outcome, bill
from leash_addon.core.scopes import NO_TAGS
from leash_addon.core.verdict import DRAINING, Allow, Reason, Trip
from leash_addon.core.virtual_keys import Grant
from leash_addon.errors import UsageError
from leash_addon.ledger import Settlement, new_call_id, run_account
from leash_addon.proxy.account import Account
from leash_addon.proxy.booking import Ended, hashed_key, held_settlement, settlement
from leash_addon.proxy.bounds import UNASKED, Bounds
from leash_addon.proxy.call import Call
from leash_addon.proxy.drift import Drift
from leash_addon.proxy.known_runs import KnownRuns
from leash_addon.proxy.policy import Policy
from leash_addon.proxy.ports import Ledger, PriceList
from leash_addon.wire.asked import Asked
from leash_addon.wire.routes import Route

__all__ = ["Call", "Governor"]

logger = logging.getLogger(__name__)

CURES = frozenset({Reason.HELD, Reason.IN_FLIGHT})
"""Passing refusals that end as soon as another call does, so that waiting a moment is worth it."""

LOOK_AGAIN = 0.25
"""Seconds until a waiting call asks again: calls of other processes end unheard."""


class Governor:
    """Decides over the calls of one proxy. ``clock`` returns the time in microseconds."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        prices: PriceList,
        policy: Policy,
        clock: Callable[[], Instant],
        new_id: Callable[[Instant], str] | None = None,
        secret: bytes = b"leash",
    ) -> None:
        """Take what it stands on. ``secret``: keys the hashes of answer ids, 1 to 64 bytes."""
        self.policy = policy
        self.clock = clock
        self._ledger, self.prices = ledger, prices
        self._new_id, self._secret = new_id or _new_id, secret
        self._open: set[Call] = set()
        self.draining = False
        self.known = KnownRuns(policy.max_runs, policy.run)
        self._starting = asyncio.Lock()
        self._drift = Drift()
        self._told: set[str] = set()
        self._ended = asyncio.Event()

    @property
    def open_calls(self) -> int:
        """Count the calls that have not ended."""
        return len(self._open)

    @property
    def runs(self) -> frozenset[str]:
        """Name the runs that are governed."""
        return frozenset(self.known)

    @property
    def runs_met(self) -> int:
        """Count the runs that came, those that were forgotten since included."""
        return self.known.total

    def hashed(self, credential: str) -> str:
        """Return what a key is known by: its keyed hash."""
        return hashed_key(credential, self._secret)

    def ask(
        self,
        run: str,
        route: Route,
        asked: Asked,
        *,
        client: str,
        imputed: bool,
        tags: Mapping[str, str] = NO_TAGS,
        bounds: Bounds = UNASKED,
        grant: Grant | None = None,
    ) -> Ask:
        """Put what a request asks for into the ledger's words. ``tags``: who asks.

        ``grant``: what the caller's virtual key allows.
        """
        model = asked.model or route.model or ""
        card = self._card(route, asked.model)
        return Ask(
            run=run,
            call=self._new_id(self.clock()),
            accounts=(run_account(run),),
            provider=route.provider,
            format=route.format or "",
            model=model,
            client=client,
            input_tokens=asked.input_tokens,
            max_output=None if asked.max_output is None else asked.max_output * asked.choices,
            choices=asked.choices,
            card=card,
            context_window=None if card is None else card.context_window,
            blind=None if route.format else Reason.BLIND_ENDPOINT,
            imputed=imputed,
            on_blind=self.policy.on_blind,
            tags={"run": run, "model": model, "provider": route.provider, **tags},
            input_bytes=bounds.input_bytes,
            unseen=bounds.unseen,
            clamp_floor=bounds.clamp_floor,
            patient=self.policy.wait > 0,
            grant=grant,
        )

    async def admit(self, ask: Ask, route: Route, *, waits: bool = True) -> Call | Trip:
        """Hold money for the call, or say what refuses it; waits a little for what cures itself.

        ``waits``: ``False`` for a call that stands in the way of those that it would wait for.
        Raises ``LedgerError`` when the ledger cannot be asked: then nothing may be forwarded.
        """
        if self.draining:
            return DRAINING
        await self._start(ask.run)
        end = self.clock() + int(self.policy.wait * SECOND) * waits
        while True:
            self._ended.clear()
            left = (end - self.clock()) / SECOND
            if ask.patient is not (left > 0):
                ask = replace(ask, patient=left > 0)
            verdict = await self._ledger.admit(ask)
            if isinstance(verdict, Allow):
                return self._opened(ask, route, verdict)
            if left <= 0 or verdict.final:
                return verdict
            if verdict.reason in CURES:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._ended.wait(), min(left, LOOK_AGAIN))
            elif verdict.retry_after is not None and verdict.retry_after <= left:
                await asyncio.sleep(verdict.retry_after)
            else:
                end = self.clock()  # ask once more, for the record

    async def note(self, ask: Ask) -> None:
        """Record what was found in words that ask for no call. Raises ``LedgerError``."""
        await self._start(ask.run)
        await self._ledger.note(ask)

    async def look(self, run: str) -> Balance:
        """Read what a run stands at now, whoever changed it. Raises ``LedgerError``."""
        return await self._ledger.look(run)

    def running(self, call: Call) -> Pico:
        """Return what a call has come to so far: as reported, or by the text that has come."""
        reading = call.reading()
        provider, model, now = call.route.provider, call.ask.model or None, self.clock()

        def find(leg: str | None) -> RateCard | None:
            tier = reading.service_tier
            return self.prices.find(provider, leg, at=now, tier=tier, requested=model)

        so_far = bill(
            reading,
            outcome=Outcome.CUT,
            status=call.status,
            hold=ZERO,
            card=find(reading.model),
            find=find,
            input_tokens=call.ask.input_tokens,
        )
        return so_far.cost or ZERO

    def account(self, run: str) -> Account:
        """Return what a run stands at, for people."""
        return Account(balance=self._ledger.balance(run), now=self.clock())

    def finish(self, call: Call, outcome: Outcome) -> Settlement:
        """Settle a call, whatever ended it; a second time changes nothing."""
        if call.settled is not None:
            return call.settled
        ended = Ended(call=call.ask, outcome=outcome, status=call.status, at=self.clock())
        try:
            found = self._settlement(call, ended)
        except Exception:
            logger.exception("call %s could not be priced; it is booked at its hold", call.ask.call)
            found = held_settlement(ended, call.hold)
        if call.heard is not None:
            found = structs.replace(found, found=call.heard())
        call.settled = found
        self._open.discard(call)
        self._ledger.settle(found)
        self._ended.set()
        return found

    def close(self) -> None:
        """Settle what is still open, as cut off."""
        for call in list(self._open):
            self.finish(call, Outcome.CUT)

    def _opened(self, ask: Ask, route: Route, allowed: Allow) -> Call:
        if ask.imputed and not self.policy.limits.count_imputed and ask.run not in self._told:
            self._told.add(ask.run)
            logger.warning(
                "run %s: a subscription pays for calls to %s; they are booked as imputed and do "
                "not count towards dollar limits (count_imputed = true counts them)",
                *(ask.run, ask.provider),
            )
        call = Call(
            ask=ask,
            route=route,
            hold=allowed.hold or allowed.estimate,
            max_output=allowed.max_output,
            opened_at=self.clock(),
        )
        self._open.add(call)
        return call

    def _settlement(self, call: Call, ended: Ended) -> Settlement:
        reading, first = call.reading(), call.first_byte_at
        if call.cut:
            reading = replace(reading, notes=(*reading.notes, f"cut by leash: {call.cut}"))
        provider, model = call.route.provider, call.ask.model or None

        def card(reported: str | None, requested: str | None) -> RateCard | None:
            return self.prices.find(
                provider, reported, at=ended.at, tier=reading.service_tier, requested=requested
            )

        def find(leg: str | None) -> RateCard | None:
            # A leg that names its model is never priced as the model that was asked for.
            return card(leg, None) if leg else own

        own = card(reading.model, model)
        if reading.usage is not None and own is not None:
            self._drift.compare(provider, reading.usage, own, find)
        return settlement(
            ended,
            reading,
            hold=call.hold,
            card=own,
            find=find,
            took=ended.at - call.opened_at,
            first_byte=None if first is None else first - call.opened_at,
            secret=self._secret,
            first_hand=call.first_hand,
            plan=call.plan,
            turn=call.turn(reading, self.policy.looking),
        )

    def _card(self, route: Route, model: str | None) -> RateCard | None:
        wanted = model or route.model
        return self.prices.find(route.provider, None, at=self.clock(), requested=wanted)

    async def _start(self, run: str) -> None:
        """Record a run that the proxy meets for the first time; one that is stopped stays so."""
        if self.known.use(run):
            return
        async with self._starting:
            if self.known.use(run):
                return
            prices, limits = self.policy.prices, self.policy.limits
            try:
                await self._ledger.start_run(run, limits, prices=prices, keeps_raised=True)
            except UsageError:
                await self._ledger.start_run(run, None, prices=prices)
            if limits is self.policy.limits:  # else it is met again under those that came meanwhile
                self.known.add(run)
            await self._forget()

    async def _forget(self) -> None:
        """Take leave of surplus runs; they are met anew when they come back."""
        if not self.known.is_full:
            return
        busy = {call.ask.run for call in self._open}
        while (run := self.known.surplus(busy)) is not None:
            self._told.discard(run)
            await self._ledger.finish_run(run, 0)


def _new_id(now: Instant) -> str:
    return new_call_id(now, SystemRandom())
