"""The few errors of leash, split by who must act.

``UsageError``: the person at the keyboard wrote something that cannot be done (exit code 2).
``LedgerError``: the database says no; nothing may be forwarded (exit code 125, HTTP 503).
``LedgerBusy``: another process holds a lock; trying again may help.
``LedgerUnsure``: nobody can tell whether a transaction was committed; it counts as not.
``ListenError``: a port or socket cannot be had (exit code 125).

Expected outcomes are values, not exceptions: a refused call is a ``Trip``.
"""


class LeashError(Exception):
    """Anything that leash itself reports; the message is for a person and holds no secret."""


class UsageError(LeashError):
    """Bad input. The message names the place and the mend."""


class LedgerError(LeashError):
    """The ledger cannot be opened, read or written."""


class LedgerBusy(LedgerError):  # noqa: N818 - a state of the ledger, named for what it is
    """Another process holds the write lock. The caller may try again."""


class LedgerUnsure(LedgerError):  # noqa: N818 - what is known of the transaction
    """The connection was lost within a commit: what was asked may be on record, or not."""


class ListenError(LeashError):
    """The proxy cannot listen where it was told to."""
