"""Files and folders that only their owner may read: checked before what is in them is trusted."""

import os
import shlex
import stat
from pathlib import Path

from leash_addon.errors import UsageError


def must_be_private(path: Path, found: os.stat_result) -> None:
    """Refuse what others may read or write, or what somebody else owns, and say the mend.

    ``found``: of the open file, where it is one. Root's own are trusted by everyone, also where our
    group may read them: mounted secrets come so (Kubernetes' ``fsGroup``). Raises ``UsageError``.
    """
    where = shlex.quote(str(path))
    if found.st_uid not in (os.geteuid(), 0):
        mend = f"chown {os.geteuid()} {where}"
        msg = f"{path}: belongs to another user (uid {found.st_uid}); run: {mend}"
        raise UsageError(msg)
    given = found.st_uid != os.geteuid() and found.st_gid in {os.getegid(), *os.getgroups()}
    if stat.S_IMODE(found.st_mode) & (0o037 if given else 0o077):
        mode = "700" if stat.S_ISDIR(found.st_mode) else "600"
        msg = f"{path}: other users could read this key; run: chmod {mode} {where}"
        raise UsageError(msg)
