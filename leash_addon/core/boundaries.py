"""Boundaries: each asks one question of a run's balance and has one stable reason.

The order is fixed: kill, deadline, cost, calls, rate, stall; then the two that concern a single
call, cost per call and calls in flight. A zero turns a boundary off; kill is always on.
"""

from dataclasses import dataclass
from typing import ClassVar, Protocol

from leash_addon.core.balance import Balance
from leash_addon.core.limits import Limits, TokenWindow
from leash_addon.core.money import SECOND, Instant, Pico, show_usd
from leash_addon.core.trailing import frees, live
from leash_addon.core.verdict import Effect, Reason, Trip

SHORT = 1.0
"""Seconds a client is asked to wait for held money or a free place: calls end within seconds."""


class Boundary(Protocol):
    """A stopping condition of a run."""

    def check(self, balance: Balance, hold: Pico, now: Instant) -> Trip | None:
        """Return the trip when the boundary says no to a call that would hold ``hold``."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """Stopped stays stopped, for the same reason, until someone raises that limit."""

    def check(self, balance: Balance, hold: Pico, now: Instant) -> Trip | None:  # noqa: ARG002
        """Trip for whatever stopped the run, a kill included."""
        if balance.stopped is None:
            return None
        message = balance.stop_message or (
            "the run was killed" if balance.stopped is Reason.KILL else "the run was stopped"
        )
        return Trip(reason=balance.stopped, effect=Effect.STOP, message=message)


@dataclass(frozen=True, slots=True)
class Deadline:
    """The run may last this long, counted from its first call."""

    reason: ClassVar[Reason] = Reason.DEADLINE
    seconds: int

    def check(self, balance: Balance, hold: Pico, now: Instant) -> Trip | None:  # noqa: ARG002
        """Trip once the span since the first call has been used up."""
        if balance.first_call_at is None:
            return None
        if now - balance.first_call_at < self.seconds * SECOND:
            return None
        message = f"the deadline of {show_span(self.seconds)} after the first call has passed"
        return Trip(reason=self.reason, effect=Effect.STOP, message=message)


@dataclass(frozen=True, slots=True)
class CostBudget:
    """The run may spend this much. Held money is spoken for but may come back."""

    reason: ClassVar[Reason] = Reason.COST_BUDGET
    limit: Pico

    def check(self, balance: Balance, hold: Pico, now: Instant) -> Trip | None:
        """Trip at the limit; beside open calls, also when the holds would reach beyond it."""
        spent = balance.counted() + balance.compute(now)
        if spent >= self.limit:
            message = f"the budget of {show_usd(self.limit)} is spent ({show_usd(Pico(spent))})"
            return Trip(reason=self.reason, effect=Effect.STOP, message=message)
        if balance.open_calls and spent + balance.spoken_for() + hold > self.limit:
            message = (
                f"{show_usd(balance.spoken_for())} of the budget of {show_usd(self.limit)} is held "
                f"by {balance.open_calls} open calls"
            )
            return Trip(
                reason=Reason.HELD, effect=Effect.PASSING, message=message, retry_after=SHORT
            )
        return None


@dataclass(frozen=True, slots=True)
class CallBudget:
    """The run may make this many calls; open ones count."""

    reason: ClassVar[Reason] = Reason.CALL_BUDGET
    limit: int

    def check(self, balance: Balance, hold: Pico, now: Instant) -> Trip | None:  # noqa: ARG002
        """Trip when every allowed call has been opened."""
        if balance.calls < self.limit:
            return None
        used = f"all {self.limit} calls" if self.limit > 1 else "the only call"
        message = f"{used} of the run {'are' if self.limit > 1 else 'is'} used"
        return Trip(reason=self.reason, effect=Effect.STOP, message=message)


@dataclass(frozen=True, slots=True)
class TokenRate:
    """So many tokens in a trailing window; cures itself, so it never stops a run."""

    reason: ClassVar[Reason] = Reason.TOKEN_RATE
    window: TokenWindow

    def check(self, balance: Balance, hold: Pico, now: Instant) -> Trip | None:  # noqa: ARG002
        """Trip while the window is full, with the seconds until it is not."""
        slots = live(balance.recent, self.window, now)
        used = left = sum(tokens for _, tokens in slots)
        if used < self.window.tokens:
            return None
        wait = float(self.window.seconds)
        for slot in slots:
            left -= slot[1]
            if left < self.window.tokens:
                wait = max(SHORT, frees(slot, self.window, now))
                break
        message = (
            f"{used} tokens in the last {show_span(self.window.seconds)}; "
            f"the rate limit is {self.window.tokens}"
        )
        return Trip(reason=self.reason, effect=Effect.PASSING, message=message, retry_after=wait)


@dataclass(frozen=True, slots=True)
class Stall:
    """The model may not give the same reply, or go round in tool calls, so often in a row."""

    reason: ClassVar[Reason] = Reason.STALL
    limit: int

    def check(self, balance: Balance, hold: Pico, now: Instant) -> Trip | None:  # noqa: ARG002
        """Trip when the same tool calls, or the same text and tool calls, came back so often."""
        message = balance.looped.told(self.limit)
        if message is None and balance.repeats < self.limit:
            return None
        message = message or f"the model gave the same reply {balance.repeats} times in a row"
        return Trip(reason=self.reason, effect=Effect.STOP, message=message)


@dataclass(frozen=True, slots=True)
class CallCost:
    """No single call may be expected to cost more than this."""

    reason: ClassVar[Reason] = Reason.CALL_COST
    limit: Pico

    def check(self, balance: Balance, hold: Pico, now: Instant) -> Trip | None:  # noqa: ARG002
        """Refuse the one call; smaller ones may still go."""
        if hold <= self.limit:
            return None
        message = (
            f"the call is expected to cost {show_usd(hold)}; "
            f"a single call may cost {show_usd(self.limit)}"
        )
        return Trip(reason=self.reason, effect=Effect.REFUSE, message=message)


@dataclass(frozen=True, slots=True)
class InFlight:
    """So many calls may be open at once."""

    reason: ClassVar[Reason] = Reason.IN_FLIGHT
    limit: int

    def check(self, balance: Balance, hold: Pico, now: Instant) -> Trip | None:  # noqa: ARG002
        """Ask to come back while every place is taken."""
        if balance.open_calls < self.limit:
            return None
        message = f"calls in flight: {balance.open_calls}; at most {self.limit} may be"
        return Trip(reason=self.reason, effect=Effect.PASSING, message=message, retry_after=SHORT)


def boundaries(limits: Limits) -> tuple[Boundary, ...]:
    """Return the boundaries that are on, in their fixed order."""
    found: list[Boundary] = [Stopped()]
    if limits.deadline:
        found.append(Deadline(limits.deadline))
    if limits.max_cost:
        found.append(CostBudget(limits.max_cost))
    if limits.max_calls:
        found.append(CallBudget(limits.max_calls))
    if limits.rate is not None:
        found.append(TokenRate(limits.rate))
    if limits.stall:
        found.append(Stall(limits.stall))
    if limits.max_cost_per_call:
        found.append(CallCost(limits.max_cost_per_call))
    if limits.max_inflight:
        found.append(InFlight(limits.max_inflight))
    return tuple(found)


def show_span(seconds: int) -> str:
    """Write a span as people do: ``15m``, ``1h30m``, ``90s``."""
    units = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))
    parts: list[str] = []
    for unit, size in units:
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"
