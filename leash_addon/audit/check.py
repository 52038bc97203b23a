"""How well the results agree with a truth file, by format.

Three sets are scored apart, because the wire does not decide them: ambiguous records, records
that look invented, and token counts that are no bill (they have to be metered as nothing).
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from leash_addon.audit.report import usage_fields
from leash_addon.audit.result import Kind, Result
from leash_addon.audit.truth import ALSO, FIELDS, Truth
from leash_addon.core.money import PICO_PER_USD, Pico

WITHIN: Final = Decimal("0.01")
"""A cost agrees with the provider's own if it is this near: prices are rounded and change."""

ROUNDING: Final = 2
"""Picodollars by which two exact prices may differ: ours is rounded up."""

ALL: Final = "all"


@dataclass(slots=True)
class Score:
    """Counts of one format. ``equal`` of ``used``; ``present`` of ``seen``."""

    seen: int = 0
    present: int = 0
    used: int = 0
    equal: int = 0


@dataclass(slots=True)
class Check:
    """Compares results with truths as they come, and says how many agree."""

    truths: Mapping[str, Truth]
    scores: dict[str, Score] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, result: Result) -> list[str]:
        """Compare one result; return a line for each thing that differs."""
        truth = self.truths.get(result.id)
        if truth is None:
            self.counts["unknown"] += 1
            return []
        found = list(_differences(result, truth))
        if truth.is_count_only:
            return self._count_only(result)
        apart = self._apart(truth)
        if apart:
            self._tally(apart, not found)
            return [f"{result.id}: ({apart}) {line}" for line in found]
        self._score(result, truth, is_equal=not found)
        lines = [*found, *self._beside(result, truth), *self._costs(result, truth)]
        return [f"{result.id}: {line}" for line in lines]

    def lines(self) -> Iterator[str]:
        """Write the agreement for people."""
        yield f"{'FORMAT':20}{'EXCHANGES':>11}{'PRESENT':>11}{'WITH USAGE':>12}{'FIELDS':>11}"
        for name in sorted(self.scores, key=lambda name: (name == ALL, name)):
            score = self.scores[name]
            yield (
                f"{name:20}{score.seen:>11,}{_percent(score.present, score.seen):>11}"
                f"{score.used:>12,}{_percent(score.equal, score.used):>11}"
            )
        for name, title in TITLES.items():
            if self.counts[name]:
                right, of = self.counts[f"{name} right"], self.counts[name]
                yield f"{title}: {right:,} of {of:,} ({_percent(right, of)})"
        if self.counts["unknown"]:
            yield f"not in the truth file: {self.counts['unknown']:,}"

    def as_dict(self) -> dict[str, object]:
        """Return the same for programs; shares are in percent, ``None`` of nothing."""
        formats = {
            name: {
                "exchanges": score.seen,
                "usage_present_percent": _share(score.present, score.seen),
                "with_usage": score.used,
                "fields_percent": _share(score.equal, score.used),
            }
            for name, score in sorted(self.scores.items())
        }
        sets = {
            name: {"of": self.counts[name], "right": self.counts[f"{name} right"]}
            for name in TITLES
        }
        return {"formats": formats, **sets, "unknown": self.counts["unknown"]}

    def reaches(self, percent: Decimal) -> bool:
        """Tell whether fields and presence agree this often, and no token count was billed."""
        total = self.scores.get(ALL, Score())
        shares = (_share(total.equal, total.used), _share(total.present, total.seen))
        counted = self.counts["count_only right"] == self.counts["count_only"]
        return counted and all(share is None or share >= percent for share in shares)

    def _apart(self, truth: Truth) -> str:
        if truth.is_ambiguous:
            return "ambiguous"
        return "handwritten" if truth.is_handwritten else ""

    def _count_only(self, result: Result) -> list[str]:
        free = result.usage is None and not result.billable and not result.cost
        self._tally("count_only", free)
        return [] if free else [f"{result.id}: counts tokens and was metered as {result.kind}"]

    def _score(self, result: Result, truth: Truth, *, is_equal: bool) -> None:
        for name in (truth.format, ALL):
            score = self.scores.setdefault(name, Score())
            score.seen += 1
            score.present += (result.usage is not None) is truth.usage_present
            if truth.usage_present:
                score.used += 1
                score.equal += is_equal

    def _beside(self, result: Result, truth: Truth) -> Iterator[str]:
        """Compare what does not decide: the format's name, and the lesser counts."""
        self._tally("format", result.public_format == truth.format)
        if result.public_format != truth.format:
            yield f"format: {result.public_format}, not {truth.format}"
        if not truth.usage_present:
            return
        ours = {
            **usage_fields(result),
            "model_reported": result.model_reported,
            "service_tier": result.service_tier,
        }
        for name in ALSO:
            same = _same(ours[name], truth.counts[name])
            self._tally(name, same)
            if not same:
                yield f"{name}: {ours[name]}, not {truth.counts[name]}"

    def _costs(self, result: Result, truth: Truth) -> Iterator[str]:
        """Compare with the provider's own cost, which is booked where stated, and another's."""
        own = truth.provider_cost
        if own and result.usage is not None and result.kind is Kind.METERED:
            if result.listed is None:
                self._tally("own_cost_unlisted", _near(result.cost, own))
            else:
                near = _near(result.listed, own)
                self._tally("own_cost", _near(result.cost, own))
                self._tally("own_cost_listed", near)
                if not near:
                    yield f"price: {_usd(result.listed)}, the provider's own cost is {own}"
        if truth.price is not None and result.usage is not None and result.kind is not Kind.FREE:
            far = None if result.listed is None else abs(_usd(result.listed) - truth.price)
            equal = far is not None and far * PICO_PER_USD <= ROUNDING
            self._tally("second_price", equal)
            if not equal:
                listed = "none" if result.listed is None else _usd(result.listed)
                yield f"price: {listed}, a second opinion is {truth.price}"

    def _tally(self, name: str, right: bool) -> None:
        self.counts[name] += 1
        self.counts[f"{name} right"] += right


TITLES: Final = {
    "count_only": "token counts metered as nothing",
    "ambiguous": "ambiguous, fields equal",
    "handwritten": "looks invented, fields equal",
    "format": "format named alike",
    **{name: f"{name} equal" for name in ALSO},
    "own_cost": "booked within 1 % of the provider's own cost, models of our table",
    "own_cost_unlisted": "booked within 1 % of the provider's own cost, other models",
    "own_cost_listed": "our table's price within 1 % of the provider's own cost",
    "second_price": "our table's price equal to the second opinion",
}


def _differences(result: Result, truth: Truth) -> Iterator[str]:
    ours = usage_fields(result)
    if ours["usage_present"] is not truth.usage_present:
        yield f"usage {'seen' if ours['usage_present'] else 'missed'}"
        return
    for name in FIELDS:
        if not _same(ours[name], truth.counts[name]):
            yield f"{name}: {ours[name]}, not {truth.counts[name]}"


def _same(ours: object, theirs: object) -> bool:
    """Compare a value as JSON would have it; an empty list of tools is none at all."""
    return ours == theirs or (ours == {} and theirs is None)


def _near(amount: Pico | None, own: Decimal) -> bool:
    return amount is not None and abs(_usd(amount) - own) <= own * WITHIN


def _usd(amount: Pico) -> Decimal:
    return Decimal(amount).scaleb(-12)


def _share(part: int, whole: int) -> Decimal | None:
    return (Decimal(100 * part) / whole).quantize(Decimal("0.01")) if whole else None


def _percent(part: int, whole: int) -> str:
    share = _share(part, whole)
    return "-" if share is None else f"{share} %"
