"""What a run's proxy saw: on record, told at the end, and as an exit code where asked for."""

from tests.cli.world import Leash

BLIND = {"AGENT_URL": "https://api.openai.com/v1/some/new/endpoint", "LEASH_ON_BLIND": "allow"}


def test_a_metered_run_has_full_coverage(leash: Leash) -> None:
    """Calls and bytes of both directions are on record, and ``--require-coverage`` is content."""
    done = leash.agent("--run", "covered", "--require-coverage", calls=2)
    assert (done.code, "not everything was metered" in done.err) == (0, False)
    coverage = leash("inspect", "covered", "--json").json["coverage"]
    assert coverage["calls"] == 2
    assert coverage["sent"] > 100
    assert coverage["received"] > 100
    assert "coverage   calls 2" in leash("inspect", "covered").out


def test_a_blind_call_is_a_gap(leash: Leash) -> None:
    """A call that no meter can read is told of; with ``--require-coverage`` the code is 4."""
    done = leash.agent("--run", "gap", "--max-calls", "9", calls=1, **BLIND)
    assert done.code == 0
    assert "leash: not everything was metered: 1 call that no meter can read" in done.err
    strict = leash.agent("--run", "gap2", "--max-calls", "9", "--require-coverage", **BLIND)
    assert strict.code == 4


def test_a_run_without_calls_is_not_covered(leash: Leash) -> None:
    """A program that made no governed call fails ``--require-coverage``, its own failure first."""
    assert leash("--require-coverage", "--", "true").code == 4
    assert leash("--require-coverage", "--", "false").code == 1
