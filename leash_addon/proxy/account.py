"""A run's standing as refusals and comments show it: dollars as exact JSON numbers."""

from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from leash_addon.core.balance import Balance
from leash_addon.core.boundaries import show_span
from leash_addon.core.money import Instant, Pico, exact_usd, show_usd


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A balance at one moment."""

    balance: Balance
    now: Instant

    @property
    def total(self) -> Pico:
        """Return tokens and compute together, in picodollars."""
        return Pico(self.balance.counted() + self.balance.compute(self.now))

    @property
    def sentence(self) -> str:
        """Say calls and cost in a few words."""
        calls = self.balance.calls
        return f"{calls} {'call' if calls == 1 else 'calls'}, {show_usd(self.total)}"

    def fields(self) -> dict[str, object]:
        """Return calls and costs by the names that every output of leash uses."""
        return {
            "calls": self.balance.calls,
            "open_calls": self.balance.open_calls,
            "token_cost": dollars(self.balance.counted()),
            "compute_cost": dollars(self.balance.compute(self.now)),
            "total_cost": dollars(self.total),
            "held_cost": dollars(self.balance.held),
        }

    def limits(self) -> dict[str, object]:
        """Return the limits that are on, as people write them."""
        limits = self.balance.limits
        found: dict[str, object] = {
            "max_cost": limits.max_cost and dollars(limits.max_cost),
            "max_cost_per_call": limits.max_cost_per_call and dollars(limits.max_cost_per_call),
            "max_calls": limits.max_calls,
            "max_inflight": limits.max_inflight,
            "deadline": limits.deadline and show_span(limits.deadline),
            "rate": limits.rate and f"{limits.rate.tokens}/{show_span(limits.rate.seconds)}",
            "stall": limits.stall,
            "compute_rate": limits.compute_rate and dollars(limits.compute_rate),
        }
        return {name: value for name, value in found.items() if value}


def dollars(amount: Pico) -> msgspec.Raw:
    """Write an amount as a JSON number with every digit that it has."""
    return msgspec.Raw(exact_usd(amount).encode())


def time_of(at: Instant | None) -> str | None:
    """Write an instant as RFC 3339 in UTC, to the millisecond."""
    if at is None:
        return None
    moment = datetime.fromtimestamp(at / 1_000_000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
