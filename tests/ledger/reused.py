"""One PostgreSQL database for many tests: emptied for each, made anew where one changed its tables.

Making a database and its tables takes ten times as long as emptying them. What a test does to the
tables themselves is noticed by the server (an event trigger), not believed.
"""

from dataclasses import dataclass
from typing import LiteralString

import psycopg

from leash_addon.ledger import open_ledger
from tests.ledger.postgres_server import Server

_WATCH: LiteralString = """
CREATE SCHEMA watch;
CREATE TABLE watch.changes (what text);
CREATE FUNCTION watch.note() RETURNS event_trigger LANGUAGE plpgsql AS
$$ BEGIN INSERT INTO watch.changes VALUES (tg_tag); END $$;
CREATE EVENT TRIGGER changed ON ddl_command_end EXECUTE FUNCTION watch.note();
INSERT INTO watch.changes VALUES ('nothing there yet')
"""

_DISMISS: LiteralString = """
SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""

_EMPTY: LiteralString = """
DO $$ DECLARE it record; BEGIN
    PERFORM set_config('session_replication_role', 'replica', true);  -- the journal's guard sleeps
    FOR it IN SELECT tablename FROM pg_tables WHERE schemaname = 'leash'
        AND tablename <> 'migrations' LOOP
        EXECUTE format('DELETE FROM leash.%I', it.tablename);
    END LOOP;
    PERFORM setval(format('leash.%I', sequencename)::regclass, start_value, false)
    FROM pg_sequences WHERE schemaname = 'leash';
END $$
"""


@dataclass(frozen=True, slots=True)
class Reused:
    """A database with the tables of a ledger."""

    url: str

    @classmethod
    def made(cls, server: Server, name: str) -> "Reused":
        """Make it."""
        url = server.create(name)
        with psycopg.connect(url, autocommit=True) as conn:
            conn.execute(_WATCH)
        return cls(url)

    def emptied(self) -> str:
        """Hang up on whoever is left, and empty it; return its address."""
        with psycopg.connect(self.url, autocommit=True) as conn:
            conn.execute(_DISMISS)
            if conn.execute("SELECT 1 FROM watch.changes LIMIT 1").fetchone() is None:
                conn.execute(_EMPTY)
            else:
                conn.execute("DROP SCHEMA IF EXISTS leash CASCADE")
                open_ledger(self.url).close()
                conn.execute("DELETE FROM watch.changes")
        return self.url
