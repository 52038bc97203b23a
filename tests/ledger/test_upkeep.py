"""What is done to a ledger as a whole: repaired, pruned, copied."""

import sqlite3
from pathlib import Path

import psycopg
import pytest

from leash_addon.core.caps import Action, Cap
from leash_addon.core.limits import Ceiling
from leash_addon.core.money import SECOND, Instant, usd
from leash_addon.core.scopes import Scope, Target
from leash_addon.core.terms import Terms
from leash_addon.core.windows import WindowKind
from leash_addon.errors import LedgerError, UsageError
from leash_addon.ledger import Ledger, open_ledger
from tests.ledger.world import START, World, make_end

CAP = Cap(
    target=Target(per=(Scope.USER,)),
    window=WindowKind.TOTAL,
    ceiling=Ceiling(max_cost=usd("1")),
    action=Action.ALERT,
)
ACCOUNT = "cap:user=|total"
UNLOCK = {
    "sqlite": "DROP TRIGGER journal_is_not_updated; DROP TRIGGER journal_is_not_deleted;",
    "postgres": "DROP TRIGGER journal_is_append_only ON journal;",
}


@pytest.fixture
def ledger(world: World) -> Ledger:
    """Give a ledger with a cap, three settled calls a second apart, and an open one."""
    world.terms = Terms(caps=(CAP,))
    made = world.start()
    for _ in range(3):
        world.now = Instant(world.now + SECOND)
        made.settle([make_end(world.admitted(made), 7, at=world.now)])
    world.admitted(made, input_tokens=5)
    return made


def stand(ledger: Ledger) -> tuple[object, ...]:
    """Return everything that balances say."""
    return ledger.balance("r1"), ledger.account_balance(ACCOUNT), ledger.fsck()


# --- repair


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param("DELETE FROM balances", id="balances lost"),
        pytest.param("UPDATE balances SET state = 'no'", id="garbage"),
        pytest.param(
            "UPDATE balances SET state = replace(state, '\"spent\":21', '\"spent\":9')",
            id="balances changed",
        ),
        pytest.param(
            "INSERT INTO balances (account, state) VALUES ('user:x', '{}')",
            id="a balance from nowhere",
        ),
        pytest.param("DELETE FROM holds", id="a hold lost"),
        pytest.param("INSERT INTO holds VALUES ('cx', 'o', 1)", id="an orphan hold"),
        pytest.param("UPDATE holds SET seq = 2", id="a hold astray"),
    ],
)
def test_a_repair_brings_back_what_the_journal_says(
    ledger: Ledger, world: World, damage: str
) -> None:
    """Whatever happened to balances and holds, afterwards everything is as it was."""
    before = stand(ledger)
    world.sql(damage)
    assert ledger.upkeep.repair() != []
    assert stand(ledger) == before
    assert ledger.upkeep.repair() == []


def test_a_lost_hold_that_was_repaired_is_swept(ledger: Ledger, world: World) -> None:
    """A hold that nobody is known to own settles at its amount: it does not leak."""
    world.sql("DELETE FROM holds")
    ledger.upkeep.repair()
    ledger.sweep(world.now)
    balance = ledger.balance("r1")
    assert (balance.open_calls, balance.held, balance.spent) == (0, 0, 21 + usd("5e-6"))
    assert ledger.fsck() == []


@pytest.mark.parametrize(
    "damage",
    ["DELETE FROM journal WHERE seq = 3", "UPDATE journal SET body = '{}' WHERE seq = 3"],
)
def test_a_damaged_journal_is_not_repaired_over(
    ledger: Ledger, world: World, database: str, damage: str
) -> None:
    """Nothing is rebuilt from a journal with a hole: it would count too little."""
    before = ledger.balance("r1")
    world.sql(UNLOCK[database] + damage)
    with pytest.raises(LedgerError, match="the journal itself is damaged"):
        ledger.upkeep.repair()
    assert ledger.balance("r1") == before


# --- pruning


def test_pruning_keeps_every_sum(ledger: Ledger, world: World) -> None:
    """Entries go, balances stay, and fsck proves them from the checkpoints on."""
    before = stand(ledger)
    gone = ledger.upkeep.prune(Instant(START + 3 * SECOND))
    assert (gone, stand(ledger)) == (5, before)  # the start, two calls opened and settled
    ledger.settle([make_end(world.admitted(ledger), 7, at=world.now)])
    assert ledger.balance("r1").spent == 28
    assert ledger.fsck() == []


def test_pruning_twice_goes_on_from_the_checkpoint(ledger: Ledger) -> None:
    """A second prune takes up what the first has left."""
    before = stand(ledger)
    first = ledger.upkeep.prune(Instant(START + 2 * SECOND))
    second = ledger.upkeep.prune(Instant(START + 3 * SECOND))
    assert (first, second, stand(ledger)) == (3, 2, before)
    assert ledger.upkeep.prune(Instant(START + 3 * SECOND)) == 0


@pytest.mark.parametrize("size", [1, 2, 1_000])
def test_pruning_in_slices_comes_to_the_same(ledger: Ledger, world: World, size: int) -> None:
    """However many transactions it takes, the same entries go, and each sum stays."""
    before = stand(ledger)
    gone = ledger.upkeep.prune(Instant(START + 3 * SECOND), size=size)
    assert (gone, stand(ledger), ledger.fsck()) == (5, before, [])
    assert world.sql("SELECT max(seq) FROM checkpoints") == [(5,)]


def test_an_open_call_survives_pruning(ledger: Ledger, world: World) -> None:
    """Its entry stays, so that it settles as if nothing had been pruned."""
    name = "c3"
    world.now = Instant(world.now + SECOND)
    world.admitted(ledger)
    ledger.upkeep.prune(world.now)
    ledger.settle([make_end(name, 9, at=world.now)])
    assert [getattr(entry, "call", "") for _, entry in ledger.entries("r1")] == [name, "c4", name]
    assert ledger.fsck() == []


def test_a_swept_call_survives_pruning_until_it_is_adjusted(world: World) -> None:
    """The true end of a swept call is booked, also when it comes after a prune."""
    ledger, victim = world.start(), world.open()
    name = world.admitted(victim, input_tokens=5)
    world.crash(victim)
    ledger.sweep(world.gone())
    for _ in range(2):
        world.now = Instant(world.now + SECOND)
        ledger.settle([make_end(world.admitted(ledger), 0, at=world.now)])
        ledger.upkeep.prune(world.now)
    ledger.settle([make_end(name, 8, at=world.now)])
    assert (ledger.balance("r1").spent, ledger.fsck()) == (8, [])


def test_the_newest_entry_stays(ledger: Ledger, world: World) -> None:
    """Numbers of entries go on growing, however much is pruned."""
    newest = max(seq for seq, _ in ledger.entries("r1"))
    ledger.upkeep.prune(Instant(world.now + 10**9))
    world.admitted(ledger)
    assert max(seq for seq, _ in ledger.entries("r1")) == newest + 1


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_the_triggers_are_back_after_pruning(ledger: Ledger) -> None:
    """The triggers that were dropped are there again, word for word."""
    triggers = "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' ORDER BY name"
    before = [" ".join(sql.split()) for _, sql in ledger.database.conn.execute(triggers)]
    ledger.upkeep.prune(Instant(START + 3 * SECOND))
    after = [" ".join(sql.split()) for _, sql in ledger.database.conn.execute(triggers)]
    assert after == before


@pytest.mark.parametrize("statement", ["DELETE FROM journal", "UPDATE journal SET at = 0"])
def test_the_journal_is_append_only_again_after_pruning(
    ledger: Ledger, world: World, statement: str
) -> None:
    """Nobody changes or removes an entry afterwards."""
    ledger.upkeep.prune(Instant(START + 3 * SECOND))
    with pytest.raises((sqlite3.IntegrityError, psycopg.Error), match="append-only"):
        world.sql(statement)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_crash_while_pruning_leaves_everything(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The checkpoint, the deletion and the triggers are one transaction."""
    before = stand(ledger)
    broken = {"journal_is_not_deleted": "no"}
    monkeypatch.setattr("leash_addon.ledger.sqlite_store.TRIGGERS", broken)
    with pytest.raises(LedgerError):
        ledger.upkeep.prune(Instant(START + 3 * SECOND))
    assert stand(ledger) == before
    assert len(list(ledger.entries("r1"))) == 8


# --- backup


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_backup_is_a_whole_ledger(ledger: Ledger, world: World, tmp_path: Path) -> None:
    """The copy has every balance, is private, and goes on being a ledger."""
    before = stand(ledger)
    file = tmp_path / "copy.db"
    size = ledger.upkeep.backup(file)
    world.admitted(ledger)
    assert (file.stat().st_size, file.stat().st_mode & 0o777) == (size, 0o600)
    with open_ledger(file) as copy:
        assert stand(copy) == before


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_backup_overwrites_nothing(ledger: Ledger, tmp_path: Path) -> None:
    """A file that is there stays as it is."""
    file = tmp_path / "copy.db"
    file.write_text("mine")
    with pytest.raises(UsageError, match="is there already"):
        ledger.upkeep.backup(file)
    assert file.read_text() == "mine"


def test_a_servers_backup_is_its_own_business(postgres_world: World, tmp_path: Path) -> None:
    """Whoever asks is told which program copies it, and no file is made."""
    ledger = postgres_world.start()
    with pytest.raises(UsageError, match="pg_dump --schema=leash"):
        ledger.upkeep.backup(tmp_path / "copy.db")
    assert list(tmp_path.iterdir()) == []
