"""The experiments of ``scripts/chaos``, each with few rounds; the script takes them all."""

from collections.abc import Callable

import pytest

from scripts.chaosing.budgets import expected, hard
from scripts.chaosing.faults import clock, full, stopped
from scripts.chaosing.race import cap_race
from scripts.chaosing.synced import synced


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
    ],
)
def test_chaos(experiment: Callable[[], dict[str, object]]) -> None:
    """Every claim of the experiment holds."""
    figures = experiment()
    if "skipped" in figures:
        pytest.skip(str(figures["skipped"]))
    assert figures["held"] is True, figures


@pytest.mark.long
def test_kills() -> None:
    """Thirty proxies killed under a cap: the cap's account has every call once."""
    from scripts.chaosing.kills import kills  # noqa: PLC0415 - it loads the whole of leash

    assert kills(30)["held"] is True
