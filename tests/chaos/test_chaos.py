"""The experiments of ``scripts/chaos``, each with few rounds; the script takes them all."""

from collections.abc import Callable

import pytest

from scripts.chaosing import outage, proxied
from scripts.chaosing.budgets import expected, hard
from scripts.chaosing.faults import clock, full, stopped
from scripts.chaosing.race import cap_race
from scripts.chaosing.synced import synced
from tests.ledger.postgres_server import why_not


def _is_synced(calls: int) -> dict[str, object]:
    """Leave out how soon: that depends on the machine, and is the script's to say."""
    figures = synced(calls)
    return figures | {"held": figures.get("most_ms") != float("inf")}


@pytest.mark.parametrize(
    "experiment",
    [
        pytest.param(lambda: cap_race(2, 16), id="processes race for one cap, none overshoots"),
        pytest.param(lambda: hard(12), id="hard budgets are never overshot"),
        pytest.param(lambda: expected(6), id="expected mode leaks no hold"),
        pytest.param(lambda: stopped(2), id="a stopped process is neither lost nor doubled"),
        pytest.param(lambda: clock(150), id="a stepping clock loses nothing"),
        pytest.param(full, id="a full disk refuses and cures itself"),
        pytest.param(lambda: _is_synced(25), id="every write of the log is synced"),
        pytest.param(lambda: proxied.hard(3), id="proxied budgets are never overshot"),
    ],
)
def test_chaos(experiment: Callable[[], dict[str, object]]) -> None:
    """Every claim of the experiment holds."""
    figures = experiment()
    if "skipped" in figures:
        pytest.skip(str(figures["skipped"]))
    assert figures["held"] is True, figures


def _needs_a_server() -> None:
    """Skip where no PostgreSQL can be had."""
    if (why := why_not()) is not None:
        pytest.skip(why)


def test_a_server_that_goes_away_refuses_through_the_proxy_and_comes_back() -> None:
    """503 while it is away, nothing forwarded uncounted, and it goes on without a restart."""
    _needs_a_server()
    figures = outage.outage(1, 8, durable=False)
    assert figures["held"] is True, figures
    assert "the ledger cannot be written, so nothing was forwarded" in str(figures["said"])


@pytest.mark.long
def test_a_full_disk_refuses_through_the_proxy_and_cures_itself() -> None:
    """The same while the proxy can write to no file at all."""
    figures = outage.full(2, 8)
    assert figures["held"] is True, figures


@pytest.mark.long
@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_proxied_race(database: str) -> None:
    """Four proxies of 64 parallel calls each, one cap: none too much, none lost, no deadlock."""
    if database == "postgres":
        _needs_a_server()
    figures = proxied.cap_race(calls=600, postgres=database == "postgres")
    assert figures["held"] is True, figures


@pytest.mark.long
@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_kills(database: str) -> None:
    """Proxies killed under a cap: the cap's account has every call once."""
    if database == "postgres":
        _needs_a_server()
    from scripts.chaosing.kills import kills  # noqa: PLC0415 - it loads the whole of leash

    figures = kills(20, postgres=database == "postgres")
    assert figures["held"] is True, figures
