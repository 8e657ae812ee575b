"""What it means when PostgreSQL refuses or is away: causes, and what to do. No text here holds a password."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from psycopg import Error


class DatabaseError(Exception):
    """The database cannot be used; the text says why and what to do."""


class AwayError(DatabaseError):
    """The database cannot be reached, or the connection was lost: trying again may help."""


_PASSING: Final = ("08", "40", "57", "25P0", "53300", "55P03")
"""SQLSTATEs, or what they begin with: connections, conflicts, restarts and time-outs, too many connections, locks."""
_MEND: Final = {
    "53100": "its disk is full: make room there",
    "42501": "the role lacks a right: grant it CREATE on the database, or have its owner make the schema `mailevents` "
    "and grant USAGE on it, and SELECT, INSERT, UPDATE and DELETE on its tables",
    "25006": "it is read-only, perhaps a standby: name the primary in `postgres`",
    "42P01": "a table of the schema `mailevents` is gone: drop its other tables of docs/postgres.md, and all are "
    "made anew; so is the outbox, which may send again what is collected again",
}
_UNREACHED: Final = "check that it runs, and the host, port, name, user and password in `postgres`"


def meaning(error: Error, place: str) -> DatabaseError:
    """Return what an error of the driver says to whoever runs this; the place is said without a password."""
    from psycopg import InterfaceError, OperationalError
    from psycopg_pool import PoolTimeout

    where = f"PostgreSQL at {place}"
    if isinstance(error, PoolTimeout):
        return AwayError(f"{where} gave no connection in time: {_UNREACHED}; see max_connections, too")
    state = error.sqlstate or ""
    if state.startswith(_PASSING):
        return AwayError(f"{where} is away for now: {_said(error)}")
    if state:
        mend = _MEND.get(state, "docs/postgres.md says what it is used for")
        return DatabaseError(f"{where} refuses: {_said(error)}; {mend}")
    if isinstance(error, OperationalError | InterfaceError):
        return AwayError(f"{where} cannot be reached: {_said(error)}; {_UNREACHED}")
    return DatabaseError(f"{where} cannot be used: {type(error).__name__}; docs/postgres.md says what it is used for")


def _said(error: Error) -> str:
    """Return the server's or the library's own message, without the statement and the values that it may quote."""
    return error.diag.message_primary or str(error).strip().splitlines()[0] or type(error).__name__
