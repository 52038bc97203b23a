"""Runs and calls as every output shows them: dollars as exact JSON numbers, times RFC 3339 UTC."""

from collections.abc import Iterable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import msgspec

from leash_addon.core.balance import Balance
from leash_addon.core.journal import (
    CallAdjusted,
    CallOpened,
    CallRefused,
    CallSettled,
    Entry,
    LimitsRaised,
    Screened,
    Tokens,
    Warned,
)
from leash_addon.core.money import Instant, Pico
from leash_addon.ledger import Standing
from leash_addon.proxy.account import Account, dollars, time_of

type Shown = dict[str, object]


def local_time(at: Instant | None, zone: ZoneInfo) -> str | None:
    """Write an instant for people, in their time zone, to the second."""
    if at is None:
        return None
    moment = datetime.fromtimestamp(at // 1_000_000, UTC).astimezone(zone)
    return f"{moment:%Y-%m-%d %H:%M:%S %Z}"


def instant_of(text: object) -> Instant | None:
    """Read an instant back that ``time_of`` wrote."""
    if not isinstance(text, str):
        return None
    return Instant(round(datetime.fromisoformat(text).timestamp() * 1_000_000))


def money(name: str, amount: Pico | None) -> Shown:
    """Return an amount twice: in dollars, and exact in picodollars as ``NAME_pico``."""
    return {name: None if amount is None else dollars(amount), f"{name}_pico": amount}


def tokens(counts: Tokens) -> Shown:
    """Return the five counts of a call or run."""
    return {
        "input": counts.input,
        "output": counts.output,
        "cache_read": counts.cache_read,
        "cache_write": counts.cache_write,
        "reasoning": counts.reasoning,
    }


def run(standing: Standing, now: Instant) -> Shown:
    """Return one run as ``ps`` and ``inspect`` print it."""
    balance = standing.balance
    account = Account(balance=balance, now=now)
    return {
        "run": standing.run,
        "status": str(standing.status),
        "reason": balance.stopped and str(balance.stopped),
        "calls": balance.calls,
        "open_calls": balance.open_calls,
        "tokens": tokens(balance.tokens),
        **money("token_cost", balance.counted()),
        **money("compute_cost", balance.compute(now)),
        **money("total_cost", account.total),
        **money("held_cost", balance.held),
        **money("imputed_cost", balance.imputed),
        "unpriced_calls": balance.unpriced,
        "limits": account.limits(),
        "program": balance.program,
        "exit_code": balance.exit_code,
        **moments(balance),
    }


def moments(balance: Balance) -> Shown:
    """Return when things happened to a run, ``None`` for what has not."""
    return {
        "started_at": time_of(balance.started_at),
        "first_call_at": time_of(balance.first_call_at),
        "last_call_at": time_of(balance.last_call_at),
        "refused_at": time_of(balance.refused_at),
        "stopped_at": time_of(balance.stopped_at),
        "finished_at": time_of(balance.finished_at),
    }


def calls(entries: Iterable[tuple[int, Entry]]) -> list[Shown]:
    """Return the calls of a run in the order they were opened, each as it stands now."""
    found: dict[str, Shown] = {}
    for _, entry in entries:
        match entry:
            case CallOpened():
                found[entry.call] = _opened(entry)
            case CallSettled():
                found[entry.call] |= _settled(entry)
            case CallAdjusted():
                found[entry.call] |= _adjusted(found[entry.call], entry)
            case _:
                pass
    return list(found.values())


def happenings(entries: Iterable[tuple[int, Entry]]) -> list[Shown]:
    """Return the refusals, warnings, findings and raised limits of a run, oldest first."""
    found: list[Shown] = []
    for _, entry in entries:
        shown: Shown = {"at": time_of(entry.at)}
        match entry:
            case CallRefused():
                shown |= {"refused": str(entry.reason), "model": entry.model or None}
                shown |= {"account": entry.account or None}
            case Warned():
                shown |= {"warned": entry.limit, "message": entry.message}
            case LimitsRaised():
                shown |= {"raised_by": entry.by, "limits": msgspec.to_builtins(entry.limits)}
            case Screened():
                shown |= {"screened": fired(entry)}
            case _:
                continue
        found.append(shown)
    return found


def findings(entry: Screened) -> list[Shown]:
    """Return what screening found in one call, a row for each rule that fired."""
    call: Shown = {
        "at": time_of(entry.at),
        "run": entry.run,
        "call": entry.of,
        "provider": entry.provider,
        "model": entry.model or None,
        "client": entry.client or None,
    }
    return [
        call
        | {
            "rule": found.rule,
            "part": str(found.part),
            "severity": found.severity,
            "action": str(found.action),
            "place": found.place,
            "start": found.start,
            "end": found.end,
            "view": found.view or None,
            "hash": found.block,
        }
        for found in entry.found
    ]


def fired(entry: Screened) -> str:
    """Name the rules that fired on a call, each once, with the part and what was done."""
    named = dict.fromkeys(f"{found.rule} in {found.part} ({found.action})" for found in entry.found)
    return ", ".join(named)


def _opened(entry: CallOpened) -> Shown:
    return {
        "call": entry.call,
        "at": time_of(entry.at),
        "provider": entry.provider,
        "format": entry.format,
        "model": entry.model or None,
        "client": entry.client or None,
        "state": "open",
        "tokens": None,
        **money("cost", None),
        **money("hold", entry.hold),
        "confidence": None,
        "imputed": entry.imputed,
        "tags": entry.tags,
        "caps": [account for account in entry.accounts if account.startswith("cap:")],
        "status": None,
        "outcome": None,
        "duration_ms": None,
        "first_byte_ms": None,
        "reason": None,
        "notes": [],
    }


def _settled(entry: CallSettled) -> Shown:
    shown: Shown = {
        "state": "settled",
        "tokens": tokens(entry.tokens),
        "usage": entry.usage,
        **money("cost", entry.cost),
        "confidence": str(entry.confidence),
        "priced_by": entry.priced_by or None,
        "priced_as": entry.priced_as or None,
        "status": entry.status,
        "outcome": str(entry.outcome),
        "duration_ms": milliseconds(entry.took),
        "first_byte_ms": milliseconds(entry.first_byte),
        "reason": entry.flag and str(entry.flag),
        "notes": list(entry.notes),
        **({"plan": entry.plan} if entry.plan else {}),
    }
    return shown | ({"model": entry.model} if entry.model else {})


def _adjusted(call: Shown, entry: CallAdjusted) -> Shown:
    """Lay the true settlement of a swept call over what was booked for it."""
    booked, counts = call["cost_pico"], msgspec.convert(call["tokens"], Tokens)
    cost = entry.cost + (booked if isinstance(booked, int) else 0)
    shown: Shown = {
        "tokens": tokens(counts + entry.tokens),
        "usage": entry.usage,
        **money("cost", Pico(cost)),
        "confidence": str(entry.confidence),
        "notes": [*entry.notes, "settled after it had been swept"],
    }
    return shown | ({"model": entry.model} if entry.model else {})


def milliseconds(span: int | None) -> float | None:
    """Return microseconds as milliseconds."""
    return None if span is None else span / 1000


def as_json(shown: object) -> str:
    """Write what was gathered, indented, as JSON."""
    return msgspec.json.format(msgspec.json.encode(shown), indent=2).decode()
