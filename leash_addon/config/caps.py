"""``[[cap]]`` and ``[[rate]]`` of ``leash.toml``, read into the core's values.

Takes what ``tomllib`` with ``parse_float=Decimal`` yields. Whatever is wrong is a ``UsageError``
that names the file, the table (the 2nd ``[[cap]]``) and the key, and what to write instead.
"""
# ruff: noqa: TRY004 - a wrong type in a file is bad input, not a wrong call

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import Never

from leash_addon.config import durations, values
from leash_addon.core.buckets import Bucket
from leash_addon.core.caps import Action, Cap
from leash_addon.core.limits import Ceiling, TokenWindow
from leash_addon.core.rate_limits import RateLimit
from leash_addon.core.scopes import MATCHABLE, NO_TAGS, Scope, Target
from leash_addon.core.windows import WindowKind
from leash_addon.errors import UsageError

type Table = Mapping[str, object]

EVERYTHING: tuple[Scope, ...] = (Scope.ALL,)
NO_FRACTIONS: tuple[int, ...] = ()


def read_caps(tables: object, file: str) -> tuple[Cap, ...]:
    """Read every ``[[cap]]``. ``file``: the name for messages."""
    return tuple(_cap(_Reader(table, place)) for table, place in _each(tables, "cap", file))


def read_rates(tables: object, file: str) -> tuple[RateLimit, ...]:
    """Read every ``[[rate]]``."""
    return tuple(_rate(_Reader(table, place)) for table, place in _each(tables, "rate", file))


class _Reader:
    """One table, read key by key; what is left over at the end is a mistake."""

    def __init__(self, table: Table, place: str) -> None:
        self.place = place
        self._left = dict(table)
        self._known: list[str] = []

    def get[T](self, name: str, read: Callable[[object], T], default: T) -> T:
        self._known.append(name)
        if name not in self._left:
            return default
        try:
            return read(self._left.pop(name))
        except ValueError as error:
            msg = f"{self._key(name)}: {error}"
            raise UsageError(msg) from None

    def close(self) -> None:
        for name in self._left:
            close = get_close_matches(name, self._known, 1, 0.6)
            mend = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(self._known)}"
            msg = f"{self._key(name)}: unknown key; {mend}"
            raise UsageError(msg)

    def refuse(self, why: object) -> Never:
        msg = f"{self.place}: {why}"
        raise UsageError(msg) from None

    def _key(self, name: str) -> str:
        return f"{self.place}: {name}"


def _each(tables: object, name: str, file: str) -> list[tuple[Table, str]]:
    if not isinstance(tables, Sequence) or not all(isinstance(one, Mapping) for one in tables):
        msg = f"{file}: {name}: is a list of tables; write [[{name}]] on a line of its own"
        raise UsageError(msg)
    return [(one, f"{file}: {_nth(at)} [[{name}]]") for at, one in enumerate(tables, 1)]


def _nth(number: int) -> str:
    if number % 100 in (11, 12, 13):
        return f"{number}th"
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th') }"


def _cap(reader: _Reader) -> Cap:
    target = _target(reader)
    window = reader.get("window", values.choice(WindowKind), None)
    ceiling = Ceiling(
        max_cost=reader.get("max_cost", values.money, Ceiling().max_cost),
        max_calls=reader.get("max_calls", values.count, 0),
        max_tokens=reader.get("max_tokens", values.count, 0),
    )
    action = reader.get("action", values.choice(Action), Action.REFUSE)
    warn_at = reader.get("warn_at", _fractions, NO_FRACTIONS)
    count_imputed = reader.get("count_imputed", values.flag, default=False)
    reader.close()
    if window is None:
        reader.refuse("window: is missing; write day, week, month or total")
    try:
        return Cap(
            target=target,
            window=window,
            ceiling=ceiling,
            action=action,
            warn_at=warn_at,
            count_imputed=count_imputed,
        )
    except ValueError as error:
        reader.refuse(error)


def _rate(reader: _Reader) -> RateLimit:
    target = _target(reader)
    requests = reader.get("requests", _per_span, None)
    tokens = reader.get("tokens", _per_span, None)
    burst = reader.get("burst", values.positive, None)
    burst_tokens = reader.get("burst_tokens", values.positive, None)
    reader.close()
    if burst is not None and requests is None:
        reader.refuse("burst: counts requests; for tokens write burst_tokens")
    if burst_tokens is not None and tokens is None:
        reader.refuse('burst_tokens: needs tokens, for example tokens = "100000/1m"')
    try:
        return RateLimit(
            target=target, requests=_bucket(requests, burst), tokens=_bucket(tokens, burst_tokens)
        )
    except ValueError as error:
        reader.refuse(error)


def _target(reader: _Reader) -> Target:
    per = reader.get("per", _scopes, EVERYTHING)
    match = reader.get("match", _patterns, NO_TAGS)
    try:
        return Target(per=per, match=match)
    except ValueError as error:
        reader.refuse(error)


def _bucket(rate: TokenWindow | None, burst: int | None) -> Bucket | None:
    if rate is None:
        return None
    size = rate.tokens if burst is None else burst
    return Bucket(units=rate.tokens, seconds=rate.seconds, burst=size)


def _scopes(value: object) -> tuple[Scope, ...]:
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not names:
        msg = f'{value!r} names no scope; write for example "user" or ["user", "model"]'
        raise ValueError(msg)
    return tuple(_scope(name) for name in names)


def _scope(name: object) -> Scope:
    try:
        return Scope(str(name))
    except ValueError:
        close = get_close_matches(str(name), list(Scope), 1, 0.6)
        mend = f"did you mean '{close[0]}'?" if close else f"write one of {', '.join(Scope)}"
        msg = f"{name!r} is no scope; {mend}"
        raise ValueError(msg) from None


def _patterns(value: object) -> Mapping[str, str]:
    if not isinstance(value, Mapping):
        msg = f'{value!r} is no table of patterns; write for example {{ model = "gpt-4o*" }}'
        raise ValueError(msg)
    for tag, glob in value.items():
        if tag not in MATCHABLE:
            msg = f"{tag!r} is no tag; write one of {', '.join(MATCHABLE)}"
            raise ValueError(msg)
        if not isinstance(glob, str) or not glob:
            msg = f'{tag} = {glob!r} is no pattern; write for example "gpt-4o*"'
            raise ValueError(msg)
    return value


def _fractions(value: object) -> tuple[int, ...]:
    given = value if isinstance(value, list) else [value]
    found = sorted({values.thousandths(one) for one in given})
    if any(one in (0, 1000) for one in found):
        msg = "a warning comes before the limit; write for example [0.5, 0.8]"
        raise ValueError(msg)
    return tuple(found)


def _per_span(value: object) -> TokenWindow | None:
    msg = f'{value!r} is not a rate; write a count per span in quotes, for example "60/1m"'
    if not isinstance(value, str):
        raise ValueError(msg)
    try:
        return durations.window(value)
    except ValueError:
        raise ValueError(msg) from None
