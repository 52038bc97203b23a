"""What was made of a piece is remembered, within bounds."""

import pytest

from leash_addon.proxy import verdicts
from leash_addon.proxy.verdicts import CLEAN, Judged, Verdict, Verdicts


def test_a_piece_is_known_by_its_bytes_and_its_run() -> None:
    """The same bytes in the same run, and nothing else."""
    memory = Verdicts()
    memory.keep(memory.key("r1", None, b"piece"), CLEAN)
    known = [
        memory.find(memory.key(run, None, raw)) for run, raw in (("r1", b"piece"), ("r2", b"piece"))
    ]
    assert [*known, memory.find(memory.key("r1", None, b"other"))] == [CLEAN, None, None]


def test_a_piece_is_known_by_what_reads_it() -> None:
    """The same bytes may be the system's words in one member and the user's in another."""
    memory = Verdicts()
    memory.keep(memory.key("r", "system", b"piece"), CLEAN)
    assert memory.find(memory.key("r", "user", b"piece")) is None


def test_two_memories_know_a_piece_by_different_keys() -> None:
    """Nobody can aim at a key: each memory has a secret."""
    assert Verdicts().key("r", None, b"piece") != Verdicts().key("r", None, b"piece")


def test_the_oldest_piece_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """A flood of pieces forgets those that were not seen for longest."""
    monkeypatch.setattr(verdicts, "MOST", 2)
    memory = Verdicts()
    first, second, third = (memory.key("r", None, raw) for raw in (b"1", b"2", b"3"))
    memory.keep(first, CLEAN)
    memory.keep(second, CLEAN)
    memory.find(first)
    memory.keep(third, CLEAN)
    assert [memory.find(key) for key in (first, second, third)] == [CLEAN, None, CLEAN]


def test_rewritten_pieces_are_kept_to_a_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """Large pieces push each other out; one that is kept again counts once."""
    monkeypatch.setattr(verdicts, "MOST_BYTES", 10)
    memory = Verdicts()
    first, second = memory.key("r", None, b"1"), memory.key("r", None, b"2")
    for _ in range(3):
        memory.keep(first, Verdict(raw=b"12345"))
    memory.keep(second, Verdict(raw=b"12345"))
    assert (memory.find(first), memory.find(second)) == (Verdict(raw=b"12345"),) * 2
    memory.keep(second, Verdict(raw=b"123456"))
    assert (memory.find(first), memory.find(second)) == (None, Verdict(raw=b"123456"))


def test_what_was_found_is_kept_to_a_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces of many hostile texts push each other out, too; clean ones take no part in that."""
    monkeypatch.setattr(verdicts, "MOST_BYTES", 3 * verdicts.TEXT_BYTES)
    memory, found = Verdicts(), Verdict(judged=(Judged(), Judged()))
    keys = [memory.key("r", None, raw) for raw in (b"clean", b"1", b"2")]
    for key, verdict in zip(keys, (CLEAN, found, found), strict=True):
        memory.keep(key, verdict)
    assert [memory.find(key) for key in keys] == [None, None, found]
