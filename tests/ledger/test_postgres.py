"""What is PostgreSQL's own: many machines, a server that goes away, a schema in company."""

import asyncio
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from typing import TypeGuard

import psycopg
import pytest

from leash_addon.core.caps import Cap
from leash_addon.core.journal import CallSettled, Entry, RunKilled
from leash_addon.core.limits import NO_LIMITS, Ceiling, Limits
from leash_addon.core.money import ZERO, Instant
from leash_addon.core.reading import Outcome
from leash_addon.core.scopes import Scope, Target
from leash_addon.core.terms import Terms
from leash_addon.core.verdict import Allow, Trip, Verdict
from leash_addon.core.windows import WindowKind
from leash_addon.errors import LedgerBusy, LedgerError, LedgerUnsure, UsageError
from leash_addon.ledger import Ledger, LedgerWriter, open_ledger, schema
from leash_addon.ledger.lane import OneThread
from leash_addon.ledger.owner import LEASE
from leash_addon.ledger.postgres.schema import STEPS
from leash_addon.ledger.store import Footprint
from tests.ledger.postgres_server import Server, running, why_not
from tests.ledger.test_processes import of_kind, output, start
from tests.ledger.world import START, World, make_ask, make_end


def present() -> Instant:
    """Read the clock."""
    return Instant(time.time_ns() // 1000)


# --- schema


def test_the_steps_have_the_names_of_the_other_database() -> None:
    """A change of the schema is one step under one name, in both."""
    assert [name for name, _ in STEPS] == [name for name, _ in schema.STEPS]


def test_six_processes_that_start_at_once_on_an_empty_database_all_succeed(
    postgres_url: str,
) -> None:
    """Migrating is one process's work at a time."""
    assert output(start(postgres_url, "together", "6", "open")) == 6 * "open\n"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE journal SET body = '{}'",
        "DELETE FROM journal",
        "DELETE FROM journal WHERE seq = 0",
        "TRUNCATE journal",
    ],
)
def test_the_journal_is_append_only(postgres_world: World, statement: str) -> None:
    """No statement of any program changes or removes an entry."""
    postgres_world.start()
    with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
        postgres_world.sql(statement)


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        pytest.param(
            "INSERT INTO leash.migrations VALUES ('999_later')",
            "a newer leash wrote it (step 999_later); upgrade",
            id="newer",
        ),
        pytest.param(
            "DROP SCHEMA leash CASCADE; CREATE SCHEMA leash; CREATE TABLE leash.songs (a int)",
            "another program's (it has 'songs')",
            id="another program's",
        ),
    ],
)
def test_what_cannot_be_a_ledger_is_said(postgres_url: str, sql: str, says: str) -> None:
    """A schema that is not ours is left alone, and the message has the place."""
    open_ledger(postgres_url).close()
    with psycopg.connect(postgres_url, autocommit=True) as conn:
        conn.execute(sql.encode())
    with pytest.raises(LedgerError) as caught:
        open_ledger(postgres_url)
    assert (says in str(caught.value), str(caught.value)[:7]) == (True, "ledger ")


def test_other_tables_of_the_database_are_no_business_of_ours(postgres_url: str) -> None:
    """The ledger lives in a schema of its own, beside a table of the same name."""
    with psycopg.connect(postgres_url, autocommit=True) as conn:
        conn.execute("CREATE TABLE journal (mine int)")
    with open_ledger(postgres_url) as ledger:
        ledger.start_run("r1", NO_LIMITS, now=START)
        assert len(list(ledger.entries("r1"))) == 1


# --- passwords


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("postgresql://leash:hunter%40two@127.0.0.1:1/x", id="in the user's part"),
        pytest.param("postgresql://leash@127.0.0.1:1/x?password=hunter%40two", id="as a parameter"),
        pytest.param("postgresql://leash:hunter%40two@127.0.0.1:x1/x", id="with a broken port"),
        pytest.param("postgresql://leash:hunter%zz@/x", id="with a broken escape"),
        pytest.param("postgresql://leash:hunter@127.0.0.1:1/x?sslmodus=1", id="with a typo"),
    ],
)
def test_no_error_has_the_password(url: str) -> None:
    """Neither the message nor anything that a traceback would print."""
    with pytest.raises((LedgerError, UsageError)) as caught:
        open_ledger(url)
    chain = f"{caught.getrepr(style='short')} {caught.value!r} {caught.value.__cause__!r}"
    said = chain.replace(f'open_ledger("{url}")', "").replace("open_ledger(url)", "")
    assert "hunter" not in said
    assert "leash@" in str(caught.value)


# --- locks


CAPS = tuple(
    Cap(target=Target(per=(scope,)), window=WindowKind.DAY, ceiling=Ceiling(max_calls=10**6))
    for scope in (Scope.USER, Scope.MODEL, Scope.ALL)
)


def test_calls_that_share_accounts_crosswise_do_not_deadlock(postgres_url: str) -> None:
    """Four ledgers charge overlapping accounts, new and old, in every order: all get through."""
    with open_ledger(postgres_url) as reader:
        reader.start_run("r1", NO_LIMITS, now=START)
        errors: list[LedgerError] = []

        def work(number: int) -> None:
            rng = random.Random(number)  # noqa: S311 - which account
            with open_ledger(postgres_url, terms=Terms(caps=CAPS)) as ledger:
                for turn in range(30):
                    tags = {"user": f"u{rng.randrange(9)}", "model": f"m{rng.randrange(9)}"}
                    asks = [
                        make_ask(f"{number}-{turn}-{n}", tags=tags | {"ip": str(n)}) for n in (0, 1)
                    ]
                    found = ledger.book((), asks, START)
                    errors.extend(one for one in found if isinstance(one, LedgerError))

        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (errors, reader.balance("r1").calls, reader.fsck()) == ([], 240, [])


def test_a_refused_call_leaves_no_row_behind(postgres_world: World) -> None:
    """A balance that was made to be locked goes again when nothing was booked on it."""
    postgres_world.terms = Terms(caps=CAPS)
    ledger = postgres_world.start(Limits(max_calls=1))
    postgres_world.admitted(ledger, tags={"user": "anna"})
    _, verdict = postgres_world.call(ledger, tags={"user": "bert"})
    assert isinstance(verdict, Trip)
    accounts = [account for (account,) in postgres_world.sql("SELECT account FROM balances")]
    assert [account for account in accounts if "bert" in account] == []
    assert ledger.fsck() == []


# --- processes


def test_four_processes_admit_exactly_as_many_calls_as_are_allowed(postgres_world: World) -> None:
    """4 processes with 64 asks each: not one call more, or less, and no deadlock."""
    ledger = postgres_world.start(Limits(max_calls=150))
    hammered = output(start(postgres_world.url, "together", "4", "hammer", "64"))
    admitted = [int(line) for line in hammered.splitlines()]
    ledger.sweep(Instant(present() + LEASE))
    balance = ledger.balance("r1")
    assert (sum(admitted), balance.calls, balance.open_calls) == (150, 150, 0)
    assert ledger.fsck() == []


def test_killed_processes_leave_every_call_counted_once(postgres_url: str) -> None:
    """After 12 times kill -9: no call lost, none doubled, no hold left, totals exact."""
    with open_ledger(postgres_url) as ledger:
        ledger.start_run("r1", Limits(), now=Instant(1))
    said: dict[str, set[str]] = {}
    for line in output(start(postgres_url, "brood", "12")).splitlines():
        step, name = line.split()
        said.setdefault(step, set()).add(name)
    with open_ledger(postgres_url) as ledger:
        ledger.sweep(Instant(present() + LEASE))
        opened, settled = of_kind(ledger, "CallOpened"), of_kind(ledger, "CallSettled")
        balance, problems = ledger.balance("r1"), ledger.fsck()
    assert problems == []
    assert said["opened"] <= opened.keys() <= said["asking"]
    assert (opened, set(opened.values())) == (settled, {1})
    assert (balance.open_calls, balance.held) == (0, 0)


# --- a server that goes away


@pytest.fixture
def fragile() -> Iterator[Server]:
    """Run a server that may be stopped."""
    if (why := why_not()) is not None:
        pytest.skip(why)
    with running(durable=True) as made:
        yield made


class Load:
    """Clients that ask and settle for ever, and what they were told."""

    def __init__(self, writer: LedgerWriter) -> None:
        """Begin with nothing asked."""
        self.writer = writer
        self.told: Counter[str] = Counter()
        self.forwarded: set[str] = set()
        self.stopping = False

    async def client(self, number: int) -> None:
        """Ask for one call after the other."""
        turn = 0
        while not self.stopping:
            turn += 1
            name = f"{number}-{turn}"
            try:
                verdict = await self.writer.admit(make_ask(name, input_tokens=5))
            except LedgerError:
                self.told["refused"] += 1
                await asyncio.sleep(0.01)
                continue
            assert isinstance(verdict, Allow)
            self.told["admitted"] += 1
            self.forwarded.add(name)
            self.writer.settle(make_end(name, 7))

    async def until(self, what: str) -> None:
        """Wait until clients were told something more often."""
        enough = self.told[what] + 20
        while self.told[what] < enough:  # noqa: ASYNC110 - a count, not an event
            await asyncio.sleep(0.01)


@pytest.mark.asyncio
async def test_a_server_that_is_stopped_and_started_costs_no_call(fragile: Server) -> None:
    """While it is away calls are refused; then everything goes on, and every call is on record."""
    ledger = open_ledger(fragile.create("ledger"))
    rng = random.Random(1)  # noqa: S311 - jitter
    writer = LedgerWriter(ledger, clock=present, rng=rng)
    await writer.start()
    await writer.start_run("r1", NO_LIMITS)
    load = Load(writer)
    async with asyncio.TaskGroup() as clients:
        for number in range(16):
            clients.create_task(load.client(number))
        for _ in range(2):
            await asyncio.wait_for(load.until("admitted"), 120)
            await asyncio.to_thread(fragile.stop, "immediate")
            await asyncio.wait_for(load.until("refused"), 120)
            await asyncio.to_thread(fragile.start)
            await asyncio.wait_for(load.until("admitted"), 120)
        load.stopping = True
    await writer.drain(within=60)
    settled = of_kind(ledger, "CallSettled")
    balance = ledger.balance("r1")
    assert ledger.fsck() == []
    assert (balance.open_calls, balance.held) == (0, 0)
    assert load.forwarded <= settled.keys()  # others were opened, and not forwarded: at zero
    assert (set(settled.values()), balance.spent) == ({1}, 7 * len(load.forwarded))
    await writer.close()


@pytest.mark.asyncio
async def test_settlements_wait_for_the_server(fragile: Server) -> None:
    """What ended while it was away is written when it is back."""
    ledger = open_ledger(fragile.create("ledger"))
    rng = random.Random(1)  # noqa: S311 - jitter
    writer = LedgerWriter(ledger, clock=present, rng=rng)
    await writer.start()
    await writer.start_run("r1", NO_LIMITS)
    await writer.admit(make_ask("a"))
    await asyncio.to_thread(fragile.stop, "fast")
    writer.settle(make_end("a", 5))
    with pytest.raises(LedgerError, match="1 settlements could not be written"):
        await writer.drain(within=0.2)
    assert writer.balance("r1").open_calls == 1  # as last seen, without asking
    await asyncio.to_thread(fragile.start)
    await writer.drain(within=60)
    assert ledger.balance("r1").spent == 5
    await writer.close()


def test_a_server_that_is_away_is_said_with_its_address(fragile: Server) -> None:
    """Opening names the place and what libpq says."""
    url = fragile.url(password="hunter2")
    fragile.stop()
    with pytest.raises(
        LedgerError, match=r"ledger postgresql://leash@/postgres: .*refused|No such"
    ):
        open_ledger(url)
    fragile.start()


def test_a_process_that_hangs_within_a_transaction_blocks_nobody_for_long(
    postgres_world: World,
) -> None:
    """Its session is ended, its locks are free, and what it was about to write is not written."""
    hung, other = postgres_world.start(), postgres_world.open()
    transaction = hung.database.transaction(Footprint(accounts=("run:r1",)))
    books = transaction.__enter__()
    books.record(RunKilled(run="r1", at=START))
    with pytest.raises(LedgerBusy):
        postgres_world.call(other)
    verdicts = [patiently(postgres_world, other) for _ in range(2)]
    with pytest.raises(LedgerUnsure):
        transaction.__exit__(None, None, None)
    assert verdicts == [Allow(hold=ZERO)] * 2
    assert (other.balance("r1").stopped, other.fsck()) == (None, [])
    assert isinstance(postgres_world.call(hung)[1], Allow)


def patiently(world: World, ledger: Ledger) -> Verdict:
    """Ask for a call until the lock is free."""
    while True:
        try:
            return world.call(ledger)[1]
        except LedgerBusy:
            continue


@pytest.mark.asyncio
async def test_a_server_that_hangs_refuses_soon_and_then_at_once(
    postgres_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for a server that does not answer; what it did later was not sent."""
    postgres_world.start()
    rng = random.Random(1)  # noqa: S311 - jitter
    writer = LedgerWriter(postgres_world.open(), clock=present, rng=rng)
    await writer.start()
    await writer.admit(make_ask("before"))
    writer.settle(make_end("before", 5))
    await writer.drain(within=60)
    pids = _sessions(postgres_world)
    said: list[str] = []
    monkeypatch.setattr("leash_addon.ledger.turns.ANSWER_WITHIN", 0.3)
    try:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        for name in ("first", "second"):
            with pytest.raises(LedgerError) as caught:
                await writer.admit(make_ask(name))
            said.append(str(caught.value).rpartition(": ")[2])
        for other in (writer.start_run("r2", NO_LIMITS), writer.find_key("lsh_x")):
            with pytest.raises(LedgerError, match="has not answered"):
                await other
        with pytest.raises(LedgerError, match="run r3 stands at is not at hand"):
            writer.balance("r3")
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
    verdict = await asyncio.wait_for(_asked_until_answered(writer), 120)
    writer.settle(make_end("after", 5))
    await writer.drain(within=60)
    ledger = postgres_world.open()
    ended = {entry.call: entry.outcome for _, entry in ledger.entries("r1") if _is_end(entry)}
    assert (said, verdict) == (["it has not answered for 0.3 s"] * 2, Allow(hold=ZERO))
    assert ended == {
        "before": Outcome.COMPLETE,
        "first": Outcome.UNSENT,
        "after": Outcome.COMPLETE,
    }
    assert (ledger.balance("r1").open_calls, ledger.fsck()) == (0, [])
    await writer.close()


@pytest.mark.asyncio
async def test_a_process_can_end_while_the_server_hangs(
    postgres_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Closing does not wait for an answer; what was open is swept by whoever comes next."""
    other = postgres_world.start()
    others = _sessions(postgres_world)
    rng = random.Random(1)  # noqa: S311 - jitter
    writer = LedgerWriter(postgres_world.open(), clock=present, rng=rng)
    await writer.start()
    await writer.admit(make_ask("open", input_tokens=5))
    pids = _sessions(postgres_world) - others
    monkeypatch.setattr("leash_addon.ledger.turns.ANSWER_WITHIN", 0.3)
    try:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        with pytest.raises(LedgerError, match="has not answered"):
            await writer.admit(make_ask("refused"))
        await asyncio.wait_for(writer.close(), 120)
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
    assert isinstance(writer._lane, OneThread)
    await asyncio.to_thread(writer._lane._thread.join, 60)  # what the server did after all is done
    swept = other.sweep(Instant(present() + 2 * LEASE))
    assert "open" in {entry.call for entry in swept if _is_end(entry)}
    assert (other.balance("r1").open_calls, other.fsck()) == (0, [])


def _sessions(world: World) -> set[int]:
    """Return the server's processes that serve ledgers of a database."""
    rows = world.sql(
        "SELECT pid FROM pg_stat_activity WHERE application_name = 'leash' "
        "AND datname = current_database()"
    )
    return {pid for (pid,) in rows}


def _is_end(entry: Entry) -> TypeGuard[CallSettled]:
    return isinstance(entry, CallSettled)


async def _asked_until_answered(writer: LedgerWriter) -> Verdict:
    while True:
        try:
            return await writer.admit(make_ask("after"))
        except LedgerError:
            await asyncio.sleep(0.02)
