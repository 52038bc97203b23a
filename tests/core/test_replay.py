"""A journal replayed under other limits."""

from msgspec.structs import replace

from leash_addon.core.buckets import Bucket
from leash_addon.core.caps import Cap
from leash_addon.core.journal import (
    CallAdjusted,
    CallOpened,
    CallSettled,
    Entry,
    RunStarted,
    Tokens,
)
from leash_addon.core.limits import Ceiling, Limits
from leash_addon.core.money import SECOND, Instant, Pico, usd
from leash_addon.core.rate_limits import RateLimit
from leash_addon.core.reading import Confidence, Outcome
from leash_addon.core.replay import Replay, ends_of
from leash_addon.core.scopes import Scope, Target
from leash_addon.core.terms import NO_TERMS, Terms
from leash_addon.core.verdict import Reason
from leash_addon.core.windows import WindowKind

START = Instant(1_795_258_800 * SECOND)
PER_USER = Target(per=(Scope.USER,))


def journal(calls: int, *, cost: str = "1", user: str = "", at_once: bool = False) -> list[Entry]:
    """Return a run of so many calls, a second apart, that cost a dollar and 100 tokens each."""
    found: list[Entry] = [RunStarted(run="r", at=START, owner="o")]
    ends: list[Entry] = []
    for number in range(calls):
        at = Instant(START + number * SECOND)
        made = CallOpened(
            run="r",
            at=at,
            call=f"c{number}",
            accounts=("run:r",),
            hold=usd(cost),
            provider="openai",
            format="openai.chat",
            model="m",
            tags={"user": user} if user else {},
        )
        end = CallSettled(
            run="r",
            at=at,
            call=made.call,
            accounts=made.accounts,
            hold=made.hold,
            cost=usd(cost),
            confidence=Confidence.MEASURED,
            outcome=Outcome.COMPLETE,
            tokens=Tokens(input=60, output=40),
            usage={"input_tokens": 60, "output_tokens": 40},
        )
        found.append(made)
        (ends if at_once else found).append(end)
    return found + ends


def refused(
    entries: list[Entry], terms: Terms = NO_TERMS, **limits: int
) -> tuple[list[tuple[str, Reason]], Pico]:
    """Return which calls would have been refused and why, and what the others come to."""
    replay = Replay(terms, lambda old: replace(old, **limits), run_account=lambda run: f"run:{run}")
    run = replay.run(entries, ends_of(entries))
    found = [(one.opened.call, one.trip.reason) for one in run]
    return found, replay.spent


def test_the_same_limits_refuse_nothing() -> None:
    """Without limits every call goes again, at what it did cost."""
    assert refused(journal(3)) == ([], usd("3"))


def test_a_lower_budget_stops_the_run_at_its_limit() -> None:
    """Calls beyond the new budget are refused, and what they cost was not spent."""
    found, spent = refused(journal(5), max_cost=usd("2"))
    assert found == [(f"c{number}", Reason.COST_BUDGET) for number in (2, 3, 4)]
    assert spent == usd("2")


def test_calls_at_once_are_held_apart() -> None:
    """Calls that were open together would not all have fitted beside each other's holds."""
    found, spent = refused(journal(4, at_once=True), max_cost=usd("2"))
    assert found == [("c2", Reason.HELD), ("c3", Reason.HELD)]
    assert spent == usd("2")


def test_a_cap_counts_who_asked() -> None:
    """The tags on record decide whose account a call is charged to."""
    cap = Cap(target=PER_USER, window=WindowKind.DAY, ceiling=Ceiling(max_calls=1))
    anns, bobs = journal(2, user="ann"), journal(2, user="bob")
    renamed = [
        replace(entry, call="b" + entry.call) if hasattr(entry, "call") else entry for entry in bobs
    ]
    found, _ = refused(anns + renamed, Terms(caps=(cap,)))
    assert found == [("c1", Reason.CAP), ("bc1", Reason.CAP)]


def test_a_rate_limit_counts_by_the_clock_of_the_record() -> None:
    """Two calls a minute: of five in as many seconds, three are refused."""
    rate = RateLimit(requests=Bucket(units=2, seconds=60, burst=2))
    found, _ = refused(journal(5), Terms(rates=(rate,)))
    assert found == [(f"c{number}", Reason.RATE_LIMIT) for number in (2, 3, 4)]


def test_a_token_cap_counts_what_was_used() -> None:
    """Tokens of the record count, also where nothing held them then."""
    cap = Cap(window=WindowKind.TOTAL, ceiling=Ceiling(max_tokens=250))
    found, _ = refused(journal(5), Terms(caps=(cap,)))
    assert [call for call, _ in found] == ["c3", "c4"]


def test_a_run_whose_start_was_pruned_has_the_new_limits() -> None:
    """What the journal no longer tells is taken as the configuration says."""
    entries = [entry for entry in journal(3) if not isinstance(entry, RunStarted)]
    assert [call for call, _ in refused(entries, max_calls=2)[0]] == ["c2"]


def test_recorded_limits_hold_where_the_new_ones_say_nothing() -> None:
    """The run's own call budget still counts beside a new dollar budget."""
    entries = journal(4)
    entries[0] = RunStarted(run="r", at=START, owner="o", limits=Limits(max_calls=3))
    found, _ = refused(entries, max_cost=usd("100"))
    assert found == [("c3", Reason.CALL_BUDGET)]


def test_the_true_end_of_a_swept_call_counts_in_money_and_buckets() -> None:
    """Swept at a dollar, it did cost half: half is spent, and its tokens flow back."""
    started, opened, end = journal(1)
    assert isinstance(opened, CallOpened)
    assert isinstance(end, CallSettled)
    swept = replace(end, outcome=Outcome.SWEPT, usage={}, tokens=Tokens(input=90))
    late = CallAdjusted(
        run="r",
        at=START,
        call="c0",
        accounts=end.accounts,
        cost=Pico(-usd("0.5")),
        confidence=Confidence.MEASURED,
        tokens=Tokens(input=-80),
        usage={"input_tokens": 10},
    )
    again = replace(opened, call="c1", bucket_tokens=90)
    rate = RateLimit(tokens=Bucket(units=100, seconds=60, burst=100))
    first = [started, replace(opened, bucket_tokens=90), swept]
    assert refused([*first, late, again], Terms(rates=(rate,))) == ([], usd("0.5"))
    assert refused([*first, again], Terms(rates=(rate,))) == (
        [("c1", Reason.RATE_LIMIT)],
        usd("1"),
    )
