"""Opening a ledger in PostgreSQL: connect, and bring the schema to its newest step."""

from leash_addon.core.database_url import DatabaseUrl
from leash_addon.core.terms import Terms
from leash_addon.errors import LedgerError
from leash_addon.ledger.ledger import Ledger
from leash_addon.ledger.postgres.database import PostgresDatabase
from leash_addon.ledger.postgres.faults import guarded
from leash_addon.ledger.postgres.pool import Pool
from leash_addon.ledger.postgres.schema import migrate


def open_postgres(url: DatabaseUrl, terms: Terms) -> Ledger:
    """Open the ledger of a database; its tables are made when they are not there.

    Raises ``LedgerError``, whose message has the place and the mend; ``UsageError`` for a URL that
    cannot be read.
    """
    pool = Pool(url)
    try:
        with guarded(url), pool.taken() as conn:
            migrate(conn)
    except LedgerError as error:
        pool.close()
        if str(error).startswith("ledger "):
            raise
        msg = f"ledger {url}: {error}"
        raise LedgerError(msg) from None
    return Ledger(PostgresDatabase(url, pool), terms)
