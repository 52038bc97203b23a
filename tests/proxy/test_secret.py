from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from leash_addon.errors import UsageError
from leash_addon.proxy.secret import SIZE, open_secret


def test_a_secret_is_made_once_and_kept(tmp_path: Path) -> None:
    """The second opening returns what the first one made, readable by its owner only."""
    first = open_secret(tmp_path / "home")
    kept = tmp_path / "home" / "secret"
    assert (open_secret(tmp_path / "home"), len(first)) == (first, SIZE)
    assert kept.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in kept.parent.iterdir()] == ["secret"]


def test_all_who_race_for_a_secret_get_the_same(tmp_path: Path) -> None:
    """Sixteen that open a new home at once agree on one secret."""
    with ThreadPoolExecutor(16) as pool:
        found = set(pool.map(open_secret, [tmp_path] * 16))
    assert len(found) == 1


def test_a_damaged_secret_is_named(tmp_path: Path) -> None:
    """A secret of the wrong size is an error with its path and the mend, not a weaker hash."""
    (tmp_path / "secret").write_bytes(b"short")
    (tmp_path / "secret").chmod(0o600)
    with pytest.raises(UsageError, match=r"secret: is not 32 bytes; delete it"):
        open_secret(tmp_path)
