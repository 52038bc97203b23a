"""The claim of the product, over recorded traffic: the meter reads all of it right."""

import os
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from leash_addon.audit.booking import Booking
from leash_addon.audit.check import ALL, Check
from leash_addon.audit.cuts import pieces
from leash_addon.audit.exchange import Exchange
from leash_addon.audit.measure import Auditor
from leash_addon.audit.report import as_json
from leash_addon.audit.result import Result
from leash_addon.audit.sources import read_path
from leash_addon.audit.truth import read_truth
from leash_addon.config.packs import load_providers
from leash_addon.config.prices import Prices
from leash_addon.core.money import SECOND, Instant

AT = Instant(1_795_021_600 * SECOND)
"""A moment outside the peak hours of those who have them, as the second opinion took it."""

FORMAT_AT_LEAST = Decimal(98)
FIELDS_AT_LEAST = Decimal("99.5")
PRESENT_AT_LEAST = Decimal("99.8")
OWN_COST_AT_LEAST = Decimal(95)
LISTED_AT_LEAST = Decimal(85)
SECOND_PRICE_AT_LEAST = Decimal(99)
SHORT = 4_000
"""Bodies up to so many bytes are fed byte by byte; all of them in the long run."""


@pytest.fixture(scope="module")
def corpus() -> Path:
    """Return the folder of the recordings."""
    folder = os.environ.get("LEASH_CORPUS")
    if not folder:
        pytest.skip("LEASH_CORPUS is not set: it names the folder of recorded traffic")
    return Path(folder) / "wire"


def _results(path: Path, cuts: str = "", most: int | None = None) -> Iterator[Result]:
    auditor = Auditor(
        providers=load_providers(),
        booking=Booking(prices=Prices(), at=AT),
        pieces=pieces(cuts),
    )
    for read in read_path(path):
        assert isinstance(read, Exchange), str(read)
        if most is None or len(read.response_body) <= most:
            yield auditor.measure(read)


@pytest.fixture(scope="module")
def check(corpus: Path) -> Check:
    """Compare the recordings with their truth."""
    check = Check(read_truth(corpus / "truth_dev.jsonl.gz"))
    for result in _results(corpus / "corpus_dev.jsonl.gz"):
        check.add(result)
    return check


@pytest.fixture(scope="module")
def variants(corpus: Path) -> Check:
    """Compare the variants of transport with what is expected of them."""
    path = corpus / "mutated_dev.jsonl.gz"
    check = Check(read_truth(path))
    for result in _results(path):
        check.add(result)
    return check


def _share(check: Check, name: str) -> Decimal:
    return Decimal(100 * check.counts[f"{name} right"]) / check.counts[name]


def test_token_fields_agree(check: Check) -> None:
    """Token fields are equal on 99.5 % of the exchanges with usage, no format below 98 %."""
    shares = {
        name: Decimal(100 * score.equal) / score.used
        for name, score in check.scores.items()
        if score.used
    }
    assert {name: share for name, share in shares.items() if share < FORMAT_AT_LEAST} == {}
    assert shares[ALL] >= FIELDS_AT_LEAST


def test_the_presence_of_usage_agrees(check: Check) -> None:
    """Whether usage was reported is right on 99.8 % of all exchanges."""
    score = check.scores[ALL]
    assert Decimal(100 * score.present) / score.seen >= PRESENT_AT_LEAST


def test_token_counts_are_metered_as_nothing(check: Check) -> None:
    """No token count is billed."""
    assert check.counts["count_only"] == check.counts["count_only right"] > 0


def test_costs_agree_with_the_providers_own(check: Check) -> None:
    """What is booked is within 1 % of the provider's own cost on 95 % of those that state one."""
    assert _share(check, "own_cost") >= OWN_COST_AT_LEAST


def test_our_table_agrees_with_the_providers_own_cost(check: Check) -> None:
    """The table alone comes within 1 % on 85 %: it lists Perplexity at its dearest search."""
    assert _share(check, "own_cost_listed") >= LISTED_AT_LEAST


def test_prices_agree_with_the_second_opinion(check: Check) -> None:
    """Our price equals that of the published table on 99 % of those whose usage agrees."""
    assert _share(check, "second_price") >= SECOND_PRICE_AT_LEAST


def test_variants_of_transport_change_nothing(variants: Check) -> None:
    """Every variant is read as expected: line ends, codings, truncation."""
    score = variants.scores[ALL]
    assert (score.equal, score.present) == (score.used, score.seen)
    assert variants.counts["unknown"] == 0


def _same(path: Path, cuts: str, most: int | None = None) -> list[str]:
    pairs = zip(_results(path, "whole", most), _results(path, cuts, most), strict=True)
    return [one.id for one, other in pairs if as_json(one) != as_json(other)]


@pytest.mark.parametrize(
    "name", [pytest.param("corpus_dev", marks=pytest.mark.long), "mutated_dev"]
)
def test_random_cuts_change_nothing(name: str, corpus: Path) -> None:
    """The report is the same for every record with its body cut at random."""
    assert _same(corpus / f"{name}.jsonl.gz", "random") == []


def test_cuts_at_every_byte_change_nothing(corpus: Path) -> None:
    """The report is the same for every variant up to 4 kB fed byte by byte."""
    assert _same(corpus / "mutated_dev.jsonl.gz", "bytes", SHORT) == []


@pytest.mark.long
@pytest.mark.parametrize("name", ["corpus_dev", "mutated_dev"])
def test_cuts_at_every_byte_of_every_record_change_nothing(name: str, corpus: Path) -> None:
    """The report is the same for every record fed byte by byte."""
    assert _same(corpus / f"{name}.jsonl.gz", "bytes") == []
