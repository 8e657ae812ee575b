"""Numbers that machines share: an array in a row, locked while it is changed, by the clock of the database."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

from mailevents_dagster.sharing.database import Database
from mailevents_dagster.sharing.numbers import Decide

if TYPE_CHECKING:
    from psycopg import Connection, Pipeline

T = TypeVar("T")

_INTRODUCE: Final = "INSERT INTO numbers VALUES (%s, '{}') ON CONFLICT DO NOTHING"
_LOCK: Final = """
WITH locked AS MATERIALIZED (SELECT numbers FROM numbers WHERE name = %s FOR UPDATE)
SELECT numbers, extract(epoch FROM clock_timestamp())::double precision FROM locked
"""
"""The clock is read once the row is locked, so that no later change has an earlier time."""
_CHANGE: Final = "UPDATE numbers SET numbers = %s WHERE name = %s"
_DO_NOT_FLUSH: Final = "SET LOCAL synchronous_commit TO off"


class PostgresNumbers:
    """Numbers in a row. A database that is away is waited for."""

    courtesy = 0.005
    """By so much machines may differ in how far away the database is."""

    def __init__(self, database: Database, name: str, count: int, sleep: Callable[[float], object]) -> None:
        self._database, self._name, self._count, self._sleep = database, name, count, sleep

    def change(self, decide: Decide[T], *, may_be_forgotten: bool = False) -> T:
        change = partial(self._changed, decide, may_be_forgotten=may_be_forgotten)
        return self._database.patiently(change, self._sleep)

    def _changed(self, decide: Decide[T], *, may_be_forgotten: bool) -> T:
        # Statements are sent together: two round trips, of which the row is locked during one.
        with self._database.connection() as connection, connection.pipeline() as pipeline:
            connection.execute("BEGIN")
            try:
                known, now = self._locked(connection, pipeline)
                numbers, result = decide(known if len(known) == self._count else None, now)
                if numbers is not None:
                    if may_be_forgotten:
                        connection.execute(_DO_NOT_FLUSH)
                    connection.execute(_CHANGE, [[float(one) for one in numbers], self._name])
                connection.execute("COMMIT")
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            return result

    def _locked(self, connection: Connection, pipeline: Pipeline) -> tuple[list[float], float]:
        while True:
            locked = connection.execute(_LOCK, [self._name])
            pipeline.sync()  # without it the server would not take a session that stands still for idle, and end it
            if row := locked.fetchone():
                return row[0], row[1]
            connection.execute(_INTRODUCE, [self._name])

    def close(self) -> None:
        """Nothing is held between changes."""
