"""Which files and folders are private enough to hold a key."""

import os
from pathlib import Path

import pytest

from leash_addon.errors import UsageError
from leash_addon.proxy.private import must_be_private

ME, OURS, STRANGER = 1000, 1000, 4242


def stat_of(mode: int, uid: int, gid: int) -> os.stat_result:
    """Make what the system tells of a file."""
    return os.stat_result((0o100000 | mode, 0, 0, 1, uid, gid, 0, 0, 0, 0))


@pytest.mark.parametrize(
    ("mode", "uid", "gid", "said"),
    [
        pytest.param(0o600, ME, OURS, None, id="ours alone"),
        pytest.param(0o400, ME, OURS, None, id="ours, not to be written"),
        pytest.param(0o640, ME, OURS, "chmod 600", id="ours and our group's"),
        pytest.param(0o604, ME, OURS, "chmod 600", id="everybody's"),
        pytest.param(0o440, 0, OURS, None, id="mounted for our group"),
        pytest.param(0o460, 0, OURS, "chmod 600", id="mounted, but our group may write"),
        pytest.param(0o440, 0, STRANGER, "chmod 600", id="mounted for another group"),
        pytest.param(0o444, 0, OURS, "chmod 600", id="mounted for everybody"),
        pytest.param(0o600, STRANGER, OURS, "another user", id="somebody else's"),
    ],
)
def test_a_key_is_its_owners(
    mode: int, uid: int, gid: int, said: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What others could read or write is refused with its mend; what root gave us is not."""
    monkeypatch.setattr("os.geteuid", lambda: ME)
    monkeypatch.setattr("os.getegid", lambda: OURS)
    monkeypatch.setattr("os.getgroups", lambda: [OURS])
    if said is None:
        must_be_private(Path("key"), stat_of(mode, uid, gid))
        return
    with pytest.raises(UsageError, match=said):
        must_be_private(Path("key"), stat_of(mode, uid, gid))
