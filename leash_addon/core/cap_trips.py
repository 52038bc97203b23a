"""What caps say: to a call that would exceed them, and when a fraction of them is reached."""

from dataclasses import dataclass
from datetime import tzinfo
from enum import StrEnum

from msgspec import Struct

from leash_addon.core.balance import Balance
from leash_addon.core.boundaries import SHORT, show_span
from leash_addon.core.bounds import Size
from leash_addon.core.caps import CapAccount
from leash_addon.core.holds import Fit, HoldMode, fit
from leash_addon.core.journal import Warned
from leash_addon.core.limits import Ceiling
from leash_addon.core.money import SECOND, ZERO, Instant, Pico, show_usd
from leash_addon.core.verdict import Effect, Reason, Trip
from leash_addon.core.windows import WindowKind, local

NEAR = 60
"""Seconds before its reset in which a cap asks to come back rather than refuse for good. Clients
sleep through a longer Retry-After, or hang."""

WHOLE = 1000
"""All of a limit, in thousandths: what an alert is recorded at."""

_ADJECTIVE = {
    WindowKind.DAY: "Daily",
    WindowKind.WEEK: "Weekly",
    WindowKind.MONTH: "Monthly",
    WindowKind.TOTAL: "Total",
}


class Measure(StrEnum):
    """What a ceiling counts, by the name of its setting."""

    COST = "max_cost"
    CALLS = "max_calls"
    TOKENS = "max_tokens"


_NOUN = {Measure.COST: "spend cap", Measure.CALLS: "call cap", Measure.TOKENS: "token cap"}


class Line(Struct, frozen=True):
    """One measure of a cap beside its balance, in picodollars, calls or tokens.

    ``wanted``: what the call at hand would hold of it.
    """

    measure: Measure
    limit: int
    used: int
    held: int = 0
    wanted: int = 0

    def show(self, amount: int) -> str:
        """Write an amount for people."""
        return show_usd(Pico(amount)) if self.measure is Measure.COST else str(amount)

    @property
    def stand(self) -> str:
        """Write what is used of the limit."""
        words = {Measure.COST: "spent", Measure.CALLS: "calls", Measure.TOKENS: "tokens"}
        return f"{self.show(self.used)} of {self.show(self.limit)} {words[self.measure]}"


NOTHING = Size(hold=ZERO, estimate=ZERO, hold_tokens=0, tokens=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """A call that passes although its cap is reached."""

    account: CapAccount
    message: str


def lines(
    account: CapAccount,
    balance: Balance,
    size: Size,
    *,
    imputed: bool,
    opening: bool = False,
    ceiling: Ceiling | None = None,
) -> list[Line]:
    """Return the measures that the cap limits, with what a call of this size would hold.

    ``ceiling``: what the account allows, where the caller has it already.
    """
    ceiling = account.ceiling(balance) if ceiling is None else ceiling
    found: list[Line] = []
    if ceiling.max_cost and (not imputed or account.cap.count_imputed):
        spent, held = account.spent(balance), account.held(balance)
        found.append(Line(Measure.COST, ceiling.max_cost, spent, held, size.hold))
    if ceiling.max_calls:
        found.append(Line(Measure.CALLS, ceiling.max_calls, balance.calls + opening))
    if ceiling.max_tokens:
        used = balance.tokens.input + balance.tokens.output
        held_tokens, wanted = balance.held_tokens, size.hold_tokens
        found.append(Line(Measure.TOKENS, ceiling.max_tokens, used, held_tokens, wanted))
    return found


def check(
    account: CapAccount,
    balance: Balance,
    size: Size,
    now: Instant,
    *,
    mode: HoldMode,
    tz: tzinfo,
    imputed: bool = False,
) -> Trip | Alert | None:
    """Say whether a cap lets a call pass: yes, no (the trip), or yes but it is reached.

    Effect ``REFUSE``; ``PASSING`` when only held money or tokens are in the way, or when the cap
    begins anew within ``NEAR`` seconds.
    """
    return says(account, balance, size, now, mode=mode, tz=tz, imputed=imputed)[0]


def says(
    account: CapAccount,
    balance: Balance,
    size: Size,
    now: Instant,
    *,
    mode: HoldMode,
    tz: tzinfo,
    imputed: bool,
    ceiling: Ceiling | None = None,
) -> tuple[Trip | Alert | None, Line | None]:
    """Return the answer of ``check`` with the measure that gave it; ``ceiling`` as in ``lines``."""
    passing: tuple[Trip | None, Line | None] = (None, None)
    how = mode if account.cap.refuses else HoldMode.SETTLED
    for line in lines(account, balance, size, imputed=imputed, ceiling=ceiling):
        match fit(
            limit=line.limit,
            used=line.used,
            held=line.held,
            wanted=line.wanted,
            open_calls=balance.open_calls,
            mode=how,
        ):
            case Fit.FULL if account.cap.refuses:
                return _refusal(account, line, now, tz), line
            case Fit.FULL:
                return Alert(account=account, message=exceeded(account, line)), line
            case Fit.HELD:
                passing = _held(account, line, balance), line
            case Fit.YES:
                pass
    return passing


def exceeded(account: CapAccount, line: Line) -> str:
    """Write what every budget tool writes: ``Daily spend cap exceeded for user alice: ...``."""
    title = f"{_ADJECTIVE[account.window.kind]} {_NOUN[line.measure]}"
    if line.used >= line.limit:
        return f"{title} exceeded for {account.label}: {line.stand}"
    return (
        f"{title} for {account.label}: the call may come to {line.show(line.wanted)}, and "
        f"{line.show(line.limit - line.used)} of {line.show(line.limit)} is left"
    )


def due(
    account: CapAccount, balance: Balance, *, run: str, now: Instant, opening: bool = False
) -> tuple[Warned, ...]:
    """Return the warnings and alerts that a balance has reached and not recorded yet.

    Each fraction of each limit once in a window; a raised limit warns anew. ``run``: whose call it
    was. ``opening``: one call more is about to be opened.
    """
    fractions = account.cap.fractions
    if not fractions:
        return ()
    return tuple(
        warned
        for line in lines(account, balance, NOTHING, imputed=False, opening=opening)
        if line.used * 1000 >= line.limit * fractions[0]
        for thousandths in fractions
        if line.used * 1000 >= line.limit * thousandths
        and (warned := _warned(account, line, thousandths, run, now)).limit not in balance.warned
    )


def alerted(
    account: CapAccount, balance: Balance, line: Line, *, run: str, now: Instant
) -> tuple[Warned, ...]:
    """Return the alert of a cap that said no, or would have; none when it is recorded already."""
    warned = _warned(account, line, WHOLE, run, now)
    return () if warned.limit in balance.warned else (warned,)


def _warned(account: CapAccount, line: Line, thousandths: int, run: str, now: Instant) -> Warned:
    title = f"{_ADJECTIVE[account.window.kind]} {_NOUN[line.measure]}"
    message = f"{title} for {account.label}: {line.stand}"
    if thousandths == WHOLE:
        message = f"{title} reached for {account.label}: {line.stand}"
        if line.used < line.limit:
            message = exceeded(account, line)
    return Warned(
        run=run,
        at=now,
        limit=f"{line.measure}={line.limit}@{thousandths}",
        at_thousandths=thousandths,
        message=message,
        account=account.key,
    )


def _refusal(account: CapAccount, line: Line, now: Instant, tz: tzinfo) -> Trip:
    end = account.window.end
    left = None if end is None else max(0, -(-(end - now) // SECOND))
    near = left is not None and left <= NEAR
    return Trip(
        reason=Reason.CAP,
        effect=Effect.PASSING if near else Effect.REFUSE,
        message=f"{exceeded(account, line)}; {_reset(end, left, tz)}",
        retry_after=max(SHORT, float(left)) if left is not None and near else None,
        account=account.key,
        resets_at=end,
    )


def _reset(end: Instant | None, left: int | None, tz: tzinfo) -> str:
    if end is None or left is None:
        return "it does not reset"
    return f"it resets at {local(end, tz):%Y-%m-%d %H:%M %Z}, in {show_span(left)}"


def _held(account: CapAccount, line: Line, balance: Balance) -> Trip:
    title = f"{_ADJECTIVE[account.window.kind].lower()} {_NOUN[line.measure]}"
    message = (
        f"{line.show(line.held)} of the {title} of {line.show(line.limit)} for {account.label} is "
        f"held by calls that are open ({balance.open_calls})"
    )
    return Trip(
        reason=Reason.HELD,
        effect=Effect.PASSING,
        message=message,
        retry_after=SHORT,
        account=account.key,
        resets_at=account.window.end,
    )
