"""Calls: admitted, refused and settled on the record."""

import pytest

from leash_addon.core.journal import CallRefused, CallSettled, RunStopped, Tokens, Warned
from leash_addon.core.limits import Limits, TokenWindow
from leash_addon.core.money import SECOND, Instant, Pico, usd
from leash_addon.core.reading import Confidence, Outcome
from leash_addon.core.verdict import Allow, Effect, Reason, Trip
from leash_addon.errors import LedgerError
from leash_addon.ledger import Ledger
from tests.ledger.world import World, make_ask, make_end


def kinds(ledger: Ledger, run: str = "r1") -> list[str]:
    """Return the kinds of a run's entries, oldest first."""
    return [type(entry).__name__ for _, entry in ledger.entries(run)]


def reason_of(verdict: object) -> Reason | None:
    """Return why a call was refused, ``None`` when it was not."""
    return verdict.reason if isinstance(verdict, Trip) else None


def test_an_admitted_call_holds_its_expected_cost(world: World) -> None:
    """What a call may cost counts as spoken for from its admission on."""
    ledger = world.start(Limits(max_cost=usd("5")))
    _, verdict = world.call(ledger, input_tokens=70, max_output=30)
    assert verdict == Allow(hold=usd("0.0001"))
    balance = ledger.balance("r1")
    assert (balance.held, balance.open_calls, balance.spent) == (usd("0.0001"), 1, 0)


def test_settling_replaces_the_hold_by_the_cost(world: World) -> None:
    """After the settlement nothing is held and exactly the cost is spent."""
    ledger = world.start()
    name = world.admitted(ledger, input_tokens=50)
    recorded = ledger.settle([make_end(name, 123)])
    balance = ledger.balance("r1")
    assert (balance.held, balance.open_calls, balance.spent, len(recorded)) == (0, 0, 123, 1)


def test_a_call_settles_once(world: World) -> None:
    """A second settlement of a call records nothing, whatever it says."""
    ledger = world.start()
    name = world.admitted(ledger)
    ledger.settle([make_end(name, 100), make_end(name, 900)])
    assert ledger.settle([make_end(name, 900)]) == ()
    assert ledger.balance("r1").spent == 100


def test_the_settlement_of_an_unknown_call_records_nothing(world: World) -> None:
    """No settlement without an admission."""
    ledger = world.start()
    assert ledger.settle([make_end("never", 5)]) == ()


def test_a_run_that_was_never_started_is_not_governed_by_nothing(world: World) -> None:
    """A call of an unknown run is an error, not a call without limits."""
    ledger = world.start()
    with pytest.raises(LedgerError, match="never started"):
        world.call(ledger, run="other")


def test_a_call_id_opens_once(world: World) -> None:
    """The schema refuses a second opening under the same id."""
    ledger = world.start()
    ledger.admit(make_ask("same"), world.now)
    with pytest.raises(LedgerError):
        ledger.admit(make_ask("same"), world.now)
    assert ledger.balance("r1").calls == 1


def test_the_call_that_trips_a_limit_stops_the_run_on_the_record(world: World) -> None:
    """The refusal and the stop are two entries, in that order, and the balance has both."""
    ledger = world.start(Limits(max_calls=1))
    world.admitted(ledger)
    _, verdict = world.call(ledger)
    assert reason_of(verdict) is Reason.CALL_BUDGET
    assert kinds(ledger)[-2:] == ["CallRefused", "RunStopped"]
    balance = ledger.balance("r1")
    assert (balance.stopped, balance.refused_at, balance.stopped_at) == (
        Reason.CALL_BUDGET,
        world.now,
        world.now,
    )


def test_a_retry_storm_does_not_grow_the_journal(world: World) -> None:
    """A run that was stopped already journals nothing more, however often it is asked."""
    ledger = world.start(Limits(max_calls=1))
    world.admitted(ledger)
    world.call(ledger)
    before = kinds(ledger)
    verdicts = [world.call(ledger)[1] for _ in range(50)]
    assert {reason_of(verdict) for verdict in verdicts} == {Reason.CALL_BUDGET}
    assert kinds(ledger) == before


def test_the_first_refusal_after_a_kill_is_on_record(world: World) -> None:
    """``refused_at`` of a killed run is its first refused call; later ones are not journaled."""
    ledger = world.start()
    ledger.kill("r1", world.now, by="anna")
    world.now = Instant(world.now + SECOND)
    first = world.now
    world.call(ledger)
    world.now = Instant(world.now + SECOND)
    world.call(ledger)
    assert ledger.balance("r1").refused_at == first
    assert kinds(ledger).count("CallRefused") == 1


@pytest.mark.parametrize(
    ("limits", "fields", "effect"),
    [
        pytest.param(Limits(max_inflight=1), {}, Effect.PASSING, id="passing"),
        pytest.param(Limits(max_cost_per_call=Pico(1)), {"card": None}, Effect.REFUSE, id="final"),
    ],
)
def test_refusals_in_a_row_are_one_entry(
    world: World, limits: Limits, fields: dict[str, object], effect: Effect
) -> None:
    """A refusal that repeats the run's newest entry is not journaled again."""
    ledger = world.start(limits)
    world.admitted(ledger)
    verdicts = [world.call(ledger, **fields)[1] for _ in range(20)]
    assert {verdict.effect for verdict in verdicts if isinstance(verdict, Trip)} == {effect}
    assert kinds(ledger) == ["RunStarted", "CallOpened", "CallRefused"]


def test_a_refusal_for_another_model_is_an_entry_of_its_own(world: World) -> None:
    """Only the same refusal is folded away."""
    ledger = world.start(Limits(max_inflight=1))
    world.admitted(ledger)
    for model in ("a", "a", "b", "b", "a"):
        world.call(ledger, model=model)
    models = [entry.model for _, entry in ledger.entries("r1") if isinstance(entry, CallRefused)]
    assert models == ["a", "b", "a"]


def test_a_caller_who_waits_is_not_refused_yet(world: World) -> None:
    """A patient call leaves no trace when it is asked to wait."""
    ledger = world.start(Limits(max_inflight=1))
    world.admitted(ledger)
    assert reason_of(world.call(ledger, patient=True)[1]) is Reason.IN_FLIGHT
    assert (kinds(ledger), ledger.balance("r1").refused) == (["RunStarted", "CallOpened"], 0)


def test_a_passing_refusal_stops_nothing(world: World) -> None:
    """What waiting cures is admitted once it is cured."""
    ledger = world.start(Limits(max_inflight=1))
    name = world.admitted(ledger)
    assert reason_of(world.call(ledger)[1]) is Reason.IN_FLIGHT
    ledger.settle([make_end(name, 1)])
    assert isinstance(world.call(ledger)[1], Allow)


def test_a_blind_answer_stops_a_run_with_a_dollar_limit(world: World) -> None:
    """A call that comes back without a cost stops the run; the stop is returned."""
    ledger = world.start(Limits(max_cost=usd("5")))
    name = world.admitted(ledger)
    recorded = ledger.settle([make_end(name, None, usage={}, tokens=Tokens())])
    assert [type(entry) for entry in recorded] == [CallSettled, RunStopped]
    assert reason_of(world.call(ledger)[1]) is Reason.METER_BLIND


def test_warnings_come_once(world: World) -> None:
    """A limit warns when its fraction is reached, and not again."""
    ledger = world.start(Limits(max_cost=Pico(100), warn_at=800))
    for _ in range(3):
        ledger.settle([make_end(world.admitted(ledger), 30)])
    warned = [entry for _, entry in ledger.entries("r1") if isinstance(entry, Warned)]
    assert [entry.limit for entry in warned] == ["max_cost"]


def test_a_stored_answer_is_billed_once(world: World) -> None:
    """Whoever fetches a stored answer again, from any run, pays nothing and counts no tokens."""
    ledger = world.start()
    ledger.start_run("r2", None, now=world.now)
    first = world.admitted(ledger)
    ledger.settle([make_end(first, 500, response_id="h1")])
    again = world.admitted(ledger, run="r2")
    (entry,) = ledger.settle([make_end(again, 500, response_id="h1")])
    assert isinstance(entry, CallSettled)
    assert (entry.cost, entry.notes) == (0, ("already billed",))
    assert ledger.balance("r2").tokens == Tokens()


def test_an_answer_without_usage_leaves_the_bill_to_the_poll(world: World) -> None:
    """A queued job reports nothing yet; the poll that brings its usage is what is billed."""
    ledger = world.start()
    queued = world.admitted(ledger)
    ledger.settle([make_end(queued, 0, usage={}, tokens=Tokens(), response_id="h1")])
    poll = world.admitted(ledger)
    ledger.settle([make_end(poll, 500, response_id="h1")])
    assert ledger.balance("r1").spent == 500


def test_one_bad_ask_does_not_fail_the_others(world: World) -> None:
    """Asks that share a transaction are judged one by one."""
    ledger = world.start()
    verdicts = ledger.book(
        (), (make_ask("a"), make_ask("b", run="never"), make_ask("a"), make_ask("c")), world.now
    )
    assert [isinstance(verdict, Allow) for verdict in verdicts] == [True, False, False, True]
    assert ledger.balance("r1").calls == 2


def test_the_commit_is_announced_with_its_entries(world: World) -> None:
    """A listener hears of each entry after it is durable, in order."""
    ledger = world.start(Limits(max_calls=1))
    heard: list[str] = []
    ledger.on_commit = lambda entries: heard.extend(type(entry).__name__ for entry in entries)
    ledger.settle([make_end(world.admitted(ledger), 1)])
    world.call(ledger)
    assert heard == ["CallOpened", "CallSettled", "CallRefused", "RunStopped"]


def test_the_token_rate_survives_the_file(world: World) -> None:
    """A full window refuses, also for another process that opens the file."""
    limits = Limits(rate=TokenWindow(tokens=10, seconds=60))
    ledger = world.start(limits)
    ledger.settle([make_end(world.admitted(ledger), 1, tokens=Tokens(input=10), at=world.now)])
    other = world.open()
    assert reason_of(world.call(other)[1]) is Reason.TOKEN_RATE


def test_confidence_and_outcome_come_back_as_they_went_in(world: World) -> None:
    """An entry reads back equal to what was booked."""
    ledger = world.start()
    name = world.admitted(ledger)
    (booked,) = ledger.settle(
        [
            make_end(
                name, 5, confidence=Confidence.DERIVED, outcome=Outcome.CUT, took=12, first_byte=3
            )
        ]
    )
    assert [entry for _, entry in ledger.entries("r1")][-1] == booked
