"""The user's own price table: JSON (the Go seed's shape) or TOML, exact to the last digit.

    {"gpt-4o": {"input": 2.5, "output": 10, "reasoning": 0, "cached_input": 1.25}}

    ["local-*"]                       # a pattern; quote names that hold dots or stars
    input = 0
    output = 0.1
    web_search_per_request = 0.01
    tiers = [{above = 200000, input = 0.2, output = 0.4}]

Token rates are USD per million tokens, ``*_per_request`` and ``per_call`` USD for one,
``audio_hour`` USD for an hour. ``reasoning`` absent or 0 means the output price. A tier prices
the whole call once its input is above so many tokens, and inherits what it does not name.
"""

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from decimal import Decimal
from difflib import get_close_matches
from fnmatch import translate
from pathlib import Path
from typing import Final, Never

from leash_addon.config.tool_kinds import SPELLINGS, by_every_spelling
from leash_addon.core.money import MAX_USD
from leash_addon.core.pricing import RateCard, Rates
from leash_addon.errors import UsageError

MOST_BYTES: Final = 10_000_000
"""A price table is a few kilobytes; a larger file is another file."""

FINEST: Final = -18
"""Decimals of a rate, as a power of ten: with these and ``MAX_USD`` every sum stays exact."""

_RATES: Final = tuple(field.name for field in fields(Rates))
_PER_REQUEST: Final = tuple(f"{kind}_per_request" for kind in SPELLINGS)
_KEYS: Final = (*_RATES, *_PER_REQUEST, "per_call", "tiers")


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceTable:
    """Cards by exact name, and by pattern with the one of the longest literal text first."""

    name: str
    exact: Mapping[str, RateCard]
    patterns: tuple[tuple[re.Pattern[str], RateCard], ...]

    def find(self, names: tuple[str, ...]) -> RateCard | None:
        """Return the card of the first name that stands here, else of the first that matches."""
        for name in names:
            if name in self.exact:
                return self.exact[name]
        for name in names:
            for pattern, card in self.patterns:
                if pattern.match(name):
                    return replace(card, name=name)
        return None


def read_price_file(path: Path) -> PriceTable:
    """Read a table; raises ``UsageError`` that names file, model and key."""
    models = _parsed(path)
    if not isinstance(models, dict) or not models:
        _reject(
            f"{path}: no prices; write for example " + '{"gpt-4o": {"input": 2.5, "output": 10}}'
        )
    cards = {name: _card(path, name, entry) for name, entry in models.items()}
    globs = [name for name in cards if re.search(r"[*?\[]", name)]
    globs.sort(key=lambda name: len(re.sub(r"\[[^]]*\]|[*?]", "", name)), reverse=True)
    return PriceTable(
        name=path.name,
        exact=cards,
        patterns=tuple((re.compile(translate(name)), cards[name]) for name in globs),
    )


def _parsed(path: Path) -> object:
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
        text = raw.decode("utf-8-sig")
    except OSError as error:
        _reject(f"{path}: {error.strerror or error}")
    except UnicodeDecodeError:
        _reject(f"{path}: not UTF-8 text")
    if len(raw) > MOST_BYTES:
        _reject(f"{path}: larger than {MOST_BYTES} bytes; this is no price table")
    kind = path.suffix.lower().removeprefix(".")
    if kind not in ("json", "toml"):
        kind = "json" if text.lstrip().startswith("{") else "toml"
    try:
        return _json(text) if kind == "json" else tomllib.loads(text, parse_float=Decimal)
    except (ValueError, ArithmeticError, RecursionError) as error:
        _reject(f"{path}: not {kind.upper()}: {error}")


def _json(text: str) -> object:
    def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        found: dict[str, object] = {}
        for key, value in pairs:
            if key in found:
                msg = f"{key!r} stands twice"
                raise ValueError(msg)
            found[key] = value
        return found

    return json.loads(text, parse_float=Decimal, parse_constant=Decimal, object_pairs_hook=once)


def _card(path: Path, name: str, entry: object) -> RateCard:
    where = f"{path}: {name!r}"
    if not isinstance(entry, dict) or not entry:
        _reject(f"{where}: no prices; write for example " + '{"input": 2.5, "output": 10}')
    for key, value in entry.items():
        _known(where, key, value, _KEYS)
    rates = _rates(where, entry, Rates())
    requests = {
        kind: _amount(where, key, entry[key])
        for kind, key in zip(SPELLINGS, _PER_REQUEST, strict=True)
        if key in entry
    }
    return RateCard(
        table=path.name,
        name=name,
        rates=rates,
        steps=_steps(where, entry.get("tiers", []), rates),
        per_request=by_every_spelling(requests),
        per_call=_amount(where, "per_call", entry.get("per_call", 0)),
    )


def _rates(where: str, entry: Mapping[str, object], base: Rates) -> Rates:
    found = {key: _amount(where, key, entry[key]) for key in _RATES if key in entry}
    if found.get("reasoning") == 0:
        del found["reasoning"]
    return replace(base, **found)


def _steps(where: str, tiers: object, base: Rates) -> tuple[tuple[int, Rates], ...]:
    if not isinstance(tiers, list):
        _reject(f"{where}: tiers: a list is needed: [{{above = 200000, input = 5, output = 20}}]")
    steps: list[tuple[int, Rates]] = []
    for tier in tiers:
        above = tier.get("above") if isinstance(tier, dict) else None
        if isinstance(above, bool) or not isinstance(above, int) or above < 0:
            _reject(f"{where}: tiers: each needs above, a number of input tokens: above = 200000")
        inside = f"{where}: tier above {above}"
        for key, value in tier.items():
            _known(inside, key, value, (*_RATES, "above"))
        steps.append((above, _rates(inside, tier, base)))
    if len({above for above, _ in steps}) < len(steps):
        _reject(f"{where}: tiers: two have the same above")
    return tuple(sorted(steps, key=lambda step: step[0]))


def _known(where: str, key: str, value: object, keys: tuple[str, ...]) -> None:
    if key in keys:
        return
    if isinstance(value, dict):
        _reject(f'{where}: {key!r} is a table; in TOML, quote a name with dots: ["gpt-4.1"]')
    near = get_close_matches(key, keys, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else f"; known are {', '.join(keys)}"
    _reject(f"{where}: {key}: unknown key{hint}")


def _amount(where: str, key: str, value: object) -> Decimal:
    """Read an amount of dollars; anything but a plain number from 0 is rejected."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        _reject(f"{where}: {key}: {value!r} is not a number; write dollars without quotes: 2.5")
    amount = Decimal(value)
    if not amount.is_finite() or not 0 <= amount < MAX_USD:
        _reject(f"{where}: {key}: {value} is not an amount from 0 to under {MAX_USD:f} dollars")
    if int(amount.as_tuple().exponent) < FINEST:
        _reject(f"{where}: {key}: {value} has more than {-FINEST} decimals")
    return amount


def _reject(message: str) -> Never:
    raise UsageError(message)
