"""Caps and rate limits in the ledger: charged with the run, in one transaction, or not at all."""

import pytest

from leash_addon.core.buckets import Bucket
from leash_addon.core.caps import Action, Cap
from leash_addon.core.holds import HoldMode, Holds
from leash_addon.core.journal import CallRefused, CallSettled, RunStopped, Tokens, Warned
from leash_addon.core.limits import Ceiling, Limits, TokenWindow
from leash_addon.core.money import SECOND, Instant, Pico, usd
from leash_addon.core.rate_limits import RateLimit
from leash_addon.core.reading import Outcome
from leash_addon.core.scopes import Scope, Target
from leash_addon.core.terms import Terms
from leash_addon.core.verdict import Allow, Effect, Reason, Trip, Verdict
from leash_addon.core.windows import WindowKind
from leash_addon.ledger import Ledger
from tests.ledger.world import World, make_end

DAY = 86_400 * SECOND
USER = Target(per=(Scope.USER,))
ALICE = {"run": "r1", "user": "alice", "model": "model-1"}
ALICES_DAY = "cap:user=alice|day:2023-11-14"


def daily(target: Target = USER, **fields: object) -> Cap:
    """Return a daily cap of 10 microdollars per user, or of what the fields say."""
    known: dict[str, object] = {"window": WindowKind.DAY, "ceiling": Ceiling(max_cost=usd("1e-5"))}
    return Cap(target=target, **(known | fields))  # type: ignore[arg-type]


def governed(world: World, *caps: Cap, **terms: object) -> Ledger:
    """Start a run without limits of its own under these caps."""
    world.terms = Terms(caps=caps, **terms)  # type: ignore[arg-type]
    return world.start()


def spend(world: World, ledger: Ledger, amount: str, **fields: object) -> str:
    """Make a call of alice's that comes to an amount; return its id."""
    name = world.admitted(ledger, **({"tags": ALICE} | fields))
    ledger.settle([make_end(name, usd(amount), at=world.now)])
    return name


def reason_of(verdict: Verdict) -> tuple[Reason, Effect] | None:
    """Return what a call met, ``None`` when it was admitted."""
    return (verdict.reason, verdict.effect) if isinstance(verdict, Trip) else None


def warned(ledger: Ledger) -> list[str]:
    """Return the limits that have warned, in order."""
    return [entry.limit for _, entry in ledger.entries("r1") if isinstance(entry, Warned)]


def test_a_call_is_charged_to_its_run_and_to_every_cap(world: World) -> None:
    """One call moves its run and each of its caps by the same amount."""
    ledger = governed(world, daily(), daily(Target()), daily(Target(match={"model": "gpt*"})))
    spend(world, ledger, "7e-6")
    charged = [account for account, _ in ledger.cap_balances()]
    assert charged == ["cap:all|day:2023-11-14", ALICES_DAY]
    assert [ledger.account_balance(key).spent for key in charged] == [usd("7e-6")] * 2
    assert ledger.balance("r1").spent == usd("7e-6")
    assert ledger.fsck() == []


def test_a_cap_refuses_and_charges_nothing(world: World) -> None:
    """The call that a cap refuses moves no cap's account, and stops no run."""
    ledger = governed(world, daily(), daily(Target(), ceiling=Ceiling(max_calls=9)))
    spend(world, ledger, "1e-5")
    _, verdict = world.call(ledger, tags=ALICE)
    assert reason_of(verdict) == (Reason.CAP, Effect.REFUSE)
    assert isinstance(verdict, Trip)
    assert verdict.message.startswith("Daily spend cap exceeded for user alice: ")
    assert verdict.account == ALICES_DAY
    assert ledger.account_balance("cap:all|day:2023-11-14").calls == 1
    assert (ledger.balance("r1").stopped, ledger.balance("r1").refused) == (None, 1)


def test_a_cap_is_shared_by_all_runs_of_its_scope_and_by_nobody_else(world: World) -> None:
    """What alice spent in one run is gone in her other runs, and bob's is his own."""
    ledger = governed(world, daily())
    ledger.start_run("r2", Limits(), now=world.now)
    spend(world, ledger, "1e-5")
    _, alices = world.call(ledger, run="r2", tags=ALICE | {"run": "r2"})
    _, bobs = world.call(ledger, run="r2", tags={"run": "r2", "user": "bob"})
    assert (reason_of(alices), reason_of(bobs)) == ((Reason.CAP, Effect.REFUSE), None)


def test_a_cap_begins_anew_in_its_next_window(world: World) -> None:
    """The next day has an account of its own."""
    ledger = governed(world, daily())
    spend(world, ledger, "1e-5")
    world.now = Instant(world.now + DAY)
    _, verdict = world.call(ledger, tags=ALICE)
    assert isinstance(verdict, Allow)


def test_a_call_counts_in_the_window_that_it_opened_in(world: World) -> None:
    """A call that settles after midnight is charged to the day before."""
    ledger = governed(world, daily())
    name = world.admitted(ledger, tags=ALICE)
    world.now = Instant(world.now + DAY)
    ledger.settle([make_end(name, usd("3e-6"), at=world.now)])
    assert ledger.account_balance(ALICES_DAY).spent == usd("3e-6")
    assert ledger.fsck() == []


def test_an_alert_lets_pass_and_is_recorded_once(world: World) -> None:
    """``action = alert`` refuses nothing and says once that the cap is reached."""
    ledger = governed(world, daily(action=Action.ALERT))
    spend(world, ledger, "2e-5")
    spend(world, ledger, "2e-5")
    assert warned(ledger) == ["max_cost=10000000@1000"]
    assert ledger.fsck() == []


def test_a_cap_warns_at_each_fraction_once(world: World) -> None:
    """Half and four fifths of a cap are on record, on the cap's account, each once."""
    ledger = governed(world, daily(warn_at=(500, 800)))
    for amount in ("5e-6", "1e-6", "3e-6"):
        spend(world, ledger, amount)
    assert warned(ledger) == ["max_cost=10000000@500", "max_cost=10000000@800"]
    assert ledger.balance("r1").warned == ()


def test_open_calls_cannot_pile_up_under_a_cap(world: World) -> None:
    """Beside an open call a cap admits only what still fits; the refusal is passing."""
    ledger = governed(world, daily())
    _, first = world.call(ledger, tags=ALICE, input_tokens=6)
    _, second = world.call(ledger, tags=ALICE, input_tokens=6)
    assert isinstance(first, Allow)
    assert reason_of(second) == (Reason.HELD, Effect.PASSING)


def test_hard_holds_keep_a_cap_from_being_overshot(world: World) -> None:
    """With ``hard`` not even a lone call goes that may cost more than is left."""
    ledger = governed(world, daily(), holds=Holds(mode=HoldMode.HARD))
    _, verdict = world.call(ledger, tags=ALICE, input_tokens=6, input_bytes=24, max_output=9)
    assert reason_of(verdict) == (Reason.CAP, Effect.REFUSE)


def test_a_swept_call_of_settled_mode_counts_at_its_estimate(world: World) -> None:
    """Where nothing is held, a call whose process died is not free."""
    ledger = governed(world, daily(), holds=Holds(mode=HoldMode.SETTLED))
    victim = world.open()
    world.admitted(victim, tags=ALICE, input_tokens=4)
    world.crash(victim)
    ledger.sweep(world.gone())
    assert ledger.account_balance(ALICES_DAY).spent == usd("4e-6")
    assert ledger.fsck() == []


def test_held_tokens_come_back(world: World) -> None:
    """A token cap holds what an open call will use, and nothing once it has settled."""
    ledger = governed(world, daily(ceiling=Ceiling(max_tokens=100)))
    name = world.admitted(ledger, tags=ALICE, input_tokens=60)
    held = ledger.account_balance(ALICES_DAY).held_tokens
    ledger.settle([make_end(name, 0, tokens=Tokens(input=10, output=3))])
    after = ledger.account_balance(ALICES_DAY)
    assert (held, after.held_tokens, after.tokens) == (60, 0, Tokens(input=10, output=3))


def test_a_call_under_a_cap_must_come_back_with_a_cost(world: World) -> None:
    """An answer that could not be metered stops its run, for a dollar cap depends on it."""
    ledger = governed(world, daily())
    name = world.admitted(ledger, tags=ALICE)
    ledger.settle([make_end(name, None, usage={}, tokens=Tokens())])
    stops = [entry for _, entry in ledger.entries("r1") if isinstance(entry, RunStopped)]
    assert [stop.reason for stop in stops] == [Reason.METER_BLIND]


# --- raises


def test_a_raised_cap_lets_go_on_and_never_lowers(world: World) -> None:
    """A raise is on the cap's account; a smaller one afterwards changes nothing."""
    ledger = governed(world, daily())
    spend(world, ledger, "1e-5")
    ledger.raise_cap(ALICES_DAY, Ceiling(max_cost=usd("2e-5")), world.now, by="ann")
    spend(world, ledger, "5e-6")
    ledger.raise_cap(ALICES_DAY, Ceiling(max_cost=usd("1e-6")), world.now, by="ann")
    _, verdict = world.call(ledger, tags=ALICE)
    assert reason_of(verdict) == (Reason.CAP, Effect.REFUSE)  # the cap's own 10 again
    ledger.raise_cap(ALICES_DAY, Ceiling(max_cost=Pico(0)), world.now, by="ann")
    spend(world, ledger, "5e-3")
    assert ledger.fsck() == []


# --- rate limits


def test_a_rate_limit_is_shared_by_processes_and_cures_itself(world: World) -> None:
    """Three calls a minute in all, whichever process asks; a third of a minute gives one back."""
    rate = RateLimit(target=USER, requests=Bucket(units=3, seconds=60, burst=3))
    first, second = governed(world, rates=(rate,)), world.open()
    answers = [world.call(one, tags=ALICE)[1] for one in (first, second, first, second)]
    assert [reason_of(one) for one in answers] == [None] * 3 + [(Reason.RATE_LIMIT, Effect.PASSING)]
    assert isinstance(answers[3], Trip)
    assert answers[3].retry_after == 20.0
    world.now = Instant(world.now + 20 * SECOND)
    assert isinstance(world.call(second, tags=ALICE)[1], Allow)


def test_a_token_bucket_is_corrected_by_what_was_used(world: World) -> None:
    """A call that used fewer tokens than estimated gives the others back, at once."""
    rate = RateLimit(target=USER, tokens=Bucket(units=100, seconds=60, burst=100))
    ledger = governed(world, rates=(rate,))
    name = world.admitted(ledger, tags=ALICE, input_tokens=90)
    refused = world.call(ledger, tags=ALICE, input_tokens=90)[1]
    ledger.settle([make_end(name, 0, tokens=Tokens(input=5, output=5), at=world.now)])
    assert reason_of(refused) == (Reason.RATE_LIMIT, Effect.PASSING)
    assert isinstance(world.call(ledger, tags=ALICE, input_tokens=90)[1], Allow)


def test_an_unsent_call_takes_no_tokens(world: World) -> None:
    """A call that never went upstream gives its whole estimate back."""
    rate = RateLimit(target=USER, tokens=Bucket(units=100, seconds=60, burst=100))
    ledger = governed(world, rates=(rate,))
    name = world.admitted(ledger, tags=ALICE, input_tokens=90)
    end = make_end(name, 0, tokens=Tokens(), usage={}, outcome=Outcome.UNSENT, at=world.now)
    ledger.settle([end])
    assert isinstance(world.call(ledger, tags=ALICE, input_tokens=90)[1], Allow)


def swept(world: World, *caps: Cap, **terms: object) -> tuple[Ledger, str]:
    """Open a call of an estimated 90 tokens, and let another machine sweep it."""
    ledger = governed(world, *caps, **terms)
    name = world.admitted(ledger, tags=ALICE, input_tokens=90, max_output=0)
    ledger._owners.leave()
    world.now = world.gone()
    world.open().sweep(world.now)
    return ledger, name


@pytest.mark.parametrize("used", [10, 150], ids=["less", "more"])
def test_an_end_after_a_sweep_corrects_the_token_bucket(world: World, used: int) -> None:
    """A swept call keeps its estimate; its true tokens replace that, at once, as any other's."""
    window = 600
    rate = RateLimit(target=USER, tokens=Bucket(units=100, seconds=window, burst=100))
    ledger, name = swept(world, rates=(rate,))
    moments = [at for (at,) in world.sql("SELECT at FROM buckets")]
    ledger.settle([make_end(name, 0, tokens=Tokens(input=used), at=world.now)])
    ledger.settle([make_end(name, 0, tokens=Tokens(input=used), at=world.now)])
    corrected = [at for (at,) in world.sql("SELECT at FROM buckets")]
    assert corrected == [at + (used - 90) * window // 100 * SECOND for at in moments]
    assert ledger.fsck() == []


def test_a_swept_call_counts_its_held_tokens_until_its_true_end(world: World) -> None:
    """A cap on tokens is charged the estimate of a dead call, and then what it did use."""
    cap = Cap(target=USER, ceiling=Ceiling(max_tokens=100))
    ledger, name = swept(world, cap)
    account = "cap:user=alice|total"
    at_its_hold = ledger.account_balance(account).tokens.input
    refused = world.call(ledger, tags=ALICE, input_tokens=20)[1]
    ledger.settle([make_end(name, 0, tokens=Tokens(input=7, output=3), at=world.now)])
    balance = ledger.account_balance(account)
    assert (at_its_hold, balance.tokens) == (90, Tokens(input=7, output=3))
    assert isinstance(refused, Allow)  # a lone call goes while anything is left
    assert (balance.held_tokens, ledger.fsck()) == (20, [])


@pytest.mark.parametrize(
    ("fields", "counted"),
    [
        pytest.param({"outcome": Outcome.CUT}, 90, id="cut off before its usage"),
        pytest.param({"outcome": Outcome.COMPLETE}, 90, id="complete without usage"),
        pytest.param({"outcome": Outcome.CUT, "status": None}, 90, id="cut off without an answer"),
        pytest.param({"outcome": Outcome.COMPLETE, "status": 500}, 0, id="failed"),
        pytest.param({"outcome": Outcome.UNSENT, "status": None}, 0, id="never sent"),
    ],
)
def test_a_call_without_usage_counts_its_held_tokens(
    world: World, fields: dict[str, object], counted: int
) -> None:
    """What nobody reported is not free to a cap on tokens, unless there was nothing to report."""
    cap = Cap(target=USER, ceiling=Ceiling(max_tokens=100))
    ledger = governed(world, cap)
    name = world.admitted(ledger, tags=ALICE, input_tokens=90)
    ledger.settle([make_end(name, 0, tokens=Tokens(), usage={}, at=world.now, **fields)])
    balance = ledger.account_balance("cap:user=alice|total")
    assert (balance.tokens, balance.held_tokens) == (Tokens(input=counted), 0)


def test_a_run_s_token_rate_counts_a_swept_call_and_its_true_end(world: World) -> None:
    """The trailing window has the estimate of a dead call, then what it did use, once."""
    ledger = world.start(Limits(rate=TokenWindow(tokens=1_000, seconds=60)))
    name = world.admitted(ledger, input_tokens=90)
    ledger._owners.leave()
    gone = world.gone()
    world.open().sweep(gone)
    before = [tokens for _, tokens in ledger.balance("r1").recent]
    ledger.settle([make_end(name, 0, tokens=Tokens(input=100, output=11), at=gone)])
    after = [tokens for _, tokens in ledger.balance("r1").recent]
    assert (before, after) == ([90], [111])


def test_a_sweep_deletes_the_buckets_that_are_full_again(world: World) -> None:
    """A bucket leaves a row only while something is missing from it."""
    rate = RateLimit(target=USER, requests=Bucket(units=3, seconds=60, burst=3))
    ledger = governed(world, rates=(rate,))
    world.admitted(ledger, tags=ALICE)
    count = "SELECT count(*) FROM buckets"
    before = world.sql(count)
    ledger.sweep(Instant(world.now + 61 * SECOND))
    assert (before, world.sql(count)) == ([(1,)], [(0,)])


# --- patience, and the record


def test_a_patient_call_that_must_wait_leaves_no_entry(world: World) -> None:
    """Who asks again anyway has not been refused yet, by a rate limit either."""
    rate = RateLimit(target=USER, requests=Bucket(units=1, seconds=60, burst=1))
    ledger = governed(world, rates=(rate,))
    world.admitted(ledger, tags=ALICE)
    world.call(ledger, tags=ALICE, patient=True)
    assert not any(isinstance(entry, CallRefused) for _, entry in ledger.entries("r1"))
    world.call(ledger, tags=ALICE)
    assert sum(isinstance(entry, CallRefused) for _, entry in ledger.entries("r1")) == 1


def test_who_asked_is_on_record_and_the_settlement_repeats_the_accounts(world: World) -> None:
    """The journal says whose call it was, and what it was charged to, in both entries."""
    ledger = governed(world, daily())
    name = spend(world, ledger, "1e-6")
    entries = [entry for _, entry in ledger.entries("r1") if getattr(entry, "call", "") == name]
    settled = [entry for entry in entries if isinstance(entry, CallSettled)]
    assert settled[0].accounts == ("run:r1", ALICES_DAY)
    assert entries[0].tags == {"user": "alice"}  # type: ignore[union-attr]
