"""The project's own tables in PostgreSQL, made and brought up to date by whoever comes first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mailevents_dagster.sharing.database_errors import DatabaseError

if TYPE_CHECKING:
    from psycopg import Connection

SCHEMA: Final = "mailevents"
_STEPS: Final = (
    """
    CREATE TABLE numbers (name text PRIMARY KEY, numbers double precision[] NOT NULL) WITH (fillfactor = 50);
    CREATE TABLE ledger (lost_at bigint);
    INSERT INTO ledger VALUES (NULL);
    CREATE TABLE destinations (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        name text NOT NULL UNIQUE,
        first_used bigint NOT NULL
    );
    CREATE TABLE messages (
        destination bigint NOT NULL REFERENCES destinations,
        key text COLLATE "C" NOT NULL,
        state text NOT NULL CHECK (state IN ('waiting', 'taken', 'aside')),
        hour bigint NOT NULL,
        at bigint,
        time bigint,
        tried_at bigint,
        body text,
        receiver_id text,
        reason text,
        PRIMARY KEY (destination, key)
    );
    CREATE INDEX waiting ON messages (destination, time, key) WHERE state = 'waiting';
    CREATE INDEX aside ON messages (destination, time, key) WHERE state = 'aside';
    CREATE INDEX by_hour ON messages (destination, hour, state);
    """,
    """
    DO $$ BEGIN
        IF to_regclass('public.mailevents_runs') IS NOT NULL THEN
            ALTER TABLE public.mailevents_runs SET SCHEMA mailevents;
            CREATE VIEW public.mailevents_runs AS TABLE mailevents.mailevents_runs;
        END IF;
    END $$;
    CREATE TABLE IF NOT EXISTS mailevents_runs (
        storage text NOT NULL, run_id text NOT NULL, key bigint NOT NULL, PRIMARY KEY (storage, run_id)
    );
    """,
)
"""Each leads from one version to the next; what was released is never changed.

Runs of before the second one sign in to a table of `public`. They go on doing so through a view, and are seen. It is
not called `runs`: so is a table of Dagster's, which a role that is named like the schema would look for here first.
"""
_LOCK: Final = 0x6D61696C_65766E74
"""Held by whoever changes the tables."""


def make_tables(connection: Connection) -> None:
    """Bring the tables to this program's version, on a connection that is closed afterwards."""
    if _version(connection) == len(_STEPS):
        return
    # Locked before the transaction begins, which sees what others did meanwhile; closing the connection unlocks.
    connection.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
    with connection.transaction():
        version = _version(connection)
        if version > len(_STEPS):
            raise DatabaseError(
                f"the schema `{SCHEMA}` was written by a newer version of this program; install that one again"
            )
        if connection.execute("SELECT to_regnamespace(%s)", [SCHEMA]).fetchone() == (None,):
            connection.execute("CREATE SCHEMA mailevents")
        for step in _STEPS[version:]:
            connection.execute(step)
        connection.execute("CREATE TABLE IF NOT EXISTS version (number integer NOT NULL)")
        connection.execute("DELETE FROM version")
        connection.execute("INSERT INTO version VALUES (%s)", [len(_STEPS)])


def _version(connection: Connection) -> int:
    """Return which version the tables have; zero where there are none."""
    if connection.execute("SELECT to_regclass('mailevents.version')").fetchone() == (None,):
        return 0
    row = connection.execute("SELECT number FROM version").fetchone()
    return row[0] if row else 0
