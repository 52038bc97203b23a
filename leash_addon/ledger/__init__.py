"""The durable account: SQLite by default, or PostgreSQL; one transaction per decision."""

from leash_addon.ledger.books import run_account
from leash_addon.ledger.durability import sqlite_warning
from leash_addon.ledger.fsck import Problem
from leash_addon.ledger.ids import new_call_id
from leash_addon.ledger.ledger import Ledger
from leash_addon.ledger.opening import open_ledger
from leash_addon.ledger.runs import raise_hint
from leash_addon.ledger.settlement import Settlement
from leash_addon.ledger.standing import Standing, Status
from leash_addon.ledger.virtual_keys import StoredKey
from leash_addon.ledger.writer import LedgerWriter

__all__ = [
    "Ledger",
    "LedgerWriter",
    "Problem",
    "Settlement",
    "Standing",
    "Status",
    "StoredKey",
    "new_call_id",
    "open_ledger",
    "raise_hint",
    "run_account",
    "sqlite_warning",
]
