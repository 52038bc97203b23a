"""Findings are on record beside the account, and change nothing of it."""

from leash_addon.core.journal import CallRefused, Screened
from leash_addon.core.limits import Limits
from leash_addon.core.money import Instant
from leash_addon.core.part import Part
from leash_addon.core.screening import Action, Found
from leash_addon.core.verdict import Allow, Effect, Reason, Trip
from leash_addon.ledger.admission import MOST_FOUND
from tests.ledger.world import World, make_ask

FOUND = Found(
    rule="override.ignore.previous",
    part=Part.TOOL_RESULT,
    severity=1,
    action=Action.ANNOTATE,
    block="0" * 32,
    place="messages[3].content",
    start=5,
    end=9,
    view="base64",
)


def test_findings_of_an_admitted_call_are_read_back(world: World) -> None:
    """What was found is there, with the call that it was found in, and the account is as ever."""
    ledger = world.start()
    name = world.admitted(ledger, found=(FOUND,))
    (screened,) = ledger.findings()
    assert (screened.of, screened.run, screened.found) == (name, "r1", (FOUND,))
    assert ledger.balance("r1").calls == 1
    assert ledger.fsck() == []


def test_what_is_found_where_no_call_is_asked_for_is_on_record(world: World) -> None:
    """It is an entry of its run, which is no call and costs nothing."""
    ledger = world.start()
    ledger.note(make_ask("u1", found=(FOUND,)), world.now)
    (screened,) = ledger.findings("r1")
    assert (screened.of, screened.found) == ("u1", (FOUND,))
    assert ledger.balance("r1").calls == 0
    assert ledger.fsck() == []


def test_a_hostile_call_is_refused_and_its_run_goes_on(world: World) -> None:
    """It holds nothing, it is not a call, and the next one passes."""
    ledger = world.start()
    _, verdict = world.call(ledger, found=(FOUND,), hostile="Request blocked")
    assert verdict == Trip(reason=Reason.SCREENING, effect=Effect.REFUSE, message="Request blocked")
    balance = ledger.balance("r1")
    assert (balance.calls, balance.held, balance.refused, balance.stopped) == (0, 0, 1, None)
    assert isinstance(world.call(ledger)[1], Allow)
    assert ledger.fsck() == []


def test_a_stop_is_said_before_screening(world: World) -> None:
    """A run that is over is told so, whatever its call holds."""
    ledger = world.start(Limits(max_calls=1))
    world.admitted(ledger)
    _, verdict = world.call(ledger, hostile="Request blocked")
    assert isinstance(verdict, Trip)
    assert verdict.reason is Reason.CALL_BUDGET


def test_resent_hostility_does_not_grow_the_journal(world: World) -> None:
    """A call that is refused again, with nothing new found in it, is not written again."""
    ledger = world.start()
    world.call(ledger, found=(FOUND,), hostile="Request blocked")
    world.call(ledger, hostile="Request blocked")
    kinds = [type(entry) for _, entry in ledger.entries("r1")]
    assert (kinds.count(Screened), kinds.count(CallRefused)) == (1, 1)


def test_who_asks_again_records_findings_once(world: World) -> None:
    """A call that waits for its place puts its findings on record when it is answered."""
    ledger = world.start(Limits(max_inflight=1))
    world.admitted(ledger)
    world.call(ledger, found=(FOUND,), patient=True)
    assert list(ledger.findings()) == []
    world.call(ledger, found=(FOUND,))
    assert len(list(ledger.findings())) == 1


def test_findings_of_one_run_alone(world: World) -> None:
    """A run's findings do not show another's."""
    ledger = world.start()
    ledger.start_run("r2", None, now=world.now)
    for run in ("r1", "r2"):
        world.admitted(ledger, run=run, accounts=(f"run:{run}",), found=(FOUND,))
    assert [screened.run for screened in ledger.findings("r2")] == ["r2"]
    assert [screened.run for screened in ledger.findings()] == ["r1", "r2"]


def test_a_flood_of_findings_is_counted(world: World) -> None:
    """One call puts a bounded number on record, and says how many more there were."""
    ledger = world.start()
    world.admitted(ledger, found=(FOUND,) * (MOST_FOUND + 5))
    (screened,) = ledger.findings()
    assert (len(screened.found), screened.more) == (MOST_FOUND, 5)


def test_pruned_findings_are_gone_and_nothing_else_is(world: World) -> None:
    """Old entries go, findings among them; the balances stay proven."""
    ledger = world.start()
    world.admitted(ledger, found=(FOUND,))
    world.now = Instant(world.now + 10_000_000)
    name = world.admitted(ledger, found=(FOUND,))
    ledger.upkeep.prune(world.now)
    assert [screened.of for screened in ledger.findings()] == [name]
    assert ledger.fsck() == []
