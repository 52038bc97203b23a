"""Balances that a connection need not read again, because nobody else has written since.

``PRAGMA data_version`` of a connection changes when another one, of any process, has committed,
and not by its own commits (https://sqlite.org/pragma.html#pragma_data_version, read 2026-11-22).
It is asked under the write lock, so that nobody can commit between the question and the use.
"""

import sqlite3
from collections.abc import Mapping

from leash_addon.core.balance import Balance

REMEMBERED = 1_000
"""Balances that are kept; a process deals with few accounts at a time."""


class Known:
    """What the accounts of one connection stand at, as far as it has dealt with them."""

    __slots__ = ("_conn", "_version", "balances")

    def __init__(self, conn: sqlite3.Connection) -> None:
        """Begin with nothing known."""
        self._conn = conn
        self._version: int | None = None
        self.balances: dict[str, Balance] = {}

    def check(self) -> None:
        """Forget everything if anybody else has committed. The write lock is held."""
        (version,) = self._conn.execute("PRAGMA data_version").fetchone()
        if version != self._version or len(self.balances) > REMEMBERED:
            self.balances.clear()
            self._version = version

    def keep(self, states: Mapping[str, Balance | None]) -> None:
        """Remember what a transaction has read and written, once it is committed."""
        for account, state in states.items():
            if state is not None:
                self.balances[account] = state

    def forget(self) -> None:
        """Trust nothing: the rows were changed in another way, or a commit failed."""
        self.balances.clear()
