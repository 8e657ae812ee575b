"""An outbox that was kept in a file moves into the database, once. What either says was taken counts as taken.

Killed in the middle, it is begun again: what is there already stays. The file is renamed when all of it is there.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from mailevents_dagster.deliveries.ledger import Ledger, LedgerFile, Statements
from mailevents_dagster.files.printable import counted

TAKEN_OVER: Final = ".taken-over"
AT_A_TIME: Final = 10_000
_DESTINATIONS: Final = "SELECT name, first_used FROM destinations"
_LOST_AT: Final = "SELECT lost_at FROM ledger"
_INTRODUCE: Final = """
INSERT INTO destinations (name, first_used) VALUES (?, ?)
ON CONFLICT (name) DO UPDATE SET first_used = least(destinations.first_used, excluded.first_used)
"""
_LOST: Final = "UPDATE ledger SET lost_at = greatest(lost_at, ?)"
_PAGE: Final = """
SELECT name, key, state, hour, at, time, tried_at, body, receiver_id, reason
FROM messages JOIN destinations ON id = destination WHERE (name, key) > (?, ?) ORDER BY name, key LIMIT ?
"""
_COPY: Final = """
INSERT INTO messages (destination, key, state, hour, at, time, tried_at, body, receiver_id, reason)
VALUES ((SELECT id FROM destinations WHERE name = ?), ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (destination, key) DO UPDATE SET state = excluded.state, at = excluded.at, tried_at = excluded.tried_at,
    receiver_id = excluded.receiver_id, reason = excluded.reason
WHERE messages.state = 'waiting' AND excluded.state != 'waiting'
"""
_LOG: Final = logging.getLogger(__name__)


def take_over(path: Path, ledger: Ledger) -> None:
    """Move what the file holds into the ledger of all machines, unless another process did so meanwhile."""
    file = LedgerFile(path)
    with file.holding(TAKEN_OVER, lambda: None):
        if path.exists():
            file.run(partial(_move, path, ledger))


def _move(path: Path, ledger: Ledger, file: Statements) -> None:
    """Copy all, and rename the file while nobody else can write to it."""
    destinations, lost_at = [*file.execute(_DESTINATIONS)], file.execute(_LOST_AT).fetchone()
    ledger.run(lambda into: into.executemany(_INTRODUCE, destinations))
    ledger.run(lambda into: into.execute(_LOST, lost_at))
    number = 0
    for rows in _pages(file):
        ledger.run(partial(_copy, rows))
        number += len(rows)
        _LOG.info("%s: %s moved into the database", path.name, counted(number, "message"))
    path.rename(path.with_name(f"{path.name}{TAKEN_OVER}"))
    _LOG.warning(
        "The outbox moved into the database, with %s; %s is not used any more", counted(number, "message"), path
    )


def _pages(file: Statements) -> Iterator[list[Sequence[Any]]]:
    after: Sequence[Any] = ("", "")
    while rows := [*file.execute(_PAGE, [*after, AT_A_TIME])]:
        yield rows
        after = rows[-1][:2]


def _copy(rows: list[Sequence[Any]], into: Statements) -> None:
    into.executemany(_COPY, rows)
