"""What a settlement sets off: a stop for a blind call, a warning when a limit comes near."""

from leash_addon.core.ask import OnBlind
from leash_addon.core.balance import Balance
from leash_addon.core.journal import CallSettled, RunStopped, Warned
from leash_addon.core.money import SECOND, Instant, Pico, show_usd
from leash_addon.core.verdict import Reason


def stop_after(
    settled: CallSettled, balance: Balance, on_blind: OnBlind, *, capped: bool = False
) -> RunStopped | None:
    """Stop a run whose call came back without a cost that its dollar limit, or a cap, needs."""
    limits = balance.limits
    if settled.cost is not None or balance.stopped is not None or on_blind is not OnBlind.REFUSE:
        return None
    run_needs_it = limits.counts_money and (not settled.imputed or limits.count_imputed)
    if not (run_needs_it or capped):
        return None
    return RunStopped(
        run=settled.run,
        at=settled.at,
        reason=settled.flag or Reason.METER_BLIND,
        message=f"a call could not be metered ({', '.join(settled.notes) or 'no usage'})",
    )


def warnings(run: str, balance: Balance, now: Instant) -> tuple[Warned, ...]:
    """Return the warnings that are due: each limit once, at the fraction that was asked for."""
    at = balance.limits.warn_at
    if not at:
        return ()
    return tuple(
        Warned(run=run, at=now, limit=name, at_thousandths=at, message=message)
        for name, used, limit, message in _used(balance, now)
        if limit and name not in balance.warned and used * 1000 >= limit * at
    )


def _used(balance: Balance, now: Instant) -> tuple[tuple[str, int, int, str], ...]:
    limits = balance.limits
    cost = balance.counted() + balance.compute(now)
    first = balance.first_call_at
    lasted = 0 if first is None else max(0, now - first) // SECOND
    return (
        (
            "max_cost",
            cost,
            limits.max_cost,
            f"{show_usd(Pico(cost))} of {show_usd(limits.max_cost)} spent",
        ),
        (
            "max_calls",
            balance.calls,
            limits.max_calls,
            f"{balance.calls} of {limits.max_calls} calls made",
        ),
        (
            "deadline",
            lasted,
            limits.deadline,
            f"{lasted} of {limits.deadline} seconds since the first call",
        ),
    )
