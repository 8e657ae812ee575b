"""What is remembered of a file of any length: addresses seen, domains and their states. On disk, and gone after."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from mailevents_dagster.deliverability.addresses import DOMAINS_KEPT
from mailevents_dagster.deliverability.hygiene.domains import State, Takes

MEMORY_KB: Final = 32 * 1024
"""Of the database; the rest of it is on disk."""
_TABLES: Final = """
    CREATE TABLE addresses (digest BLOB PRIMARY KEY, row INTEGER) WITHOUT ROWID;
    CREATE TABLE domains (name TEXT PRIMARY KEY, takes TEXT, said TEXT) WITHOUT ROWID;
    CREATE TABLE activity (digest BLOB PRIMARY KEY, delivered INTEGER, alive INTEGER) WITHOUT ROWID;
"""


class Notes:
    """A database that nobody needs afterwards."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self.state = lru_cache(DOMAINS_KEPT)(self._state)
        """Return what is known of a domain; None where it was not asked."""

    def first_row(self, address: str, row: int) -> int | None:
        """Return the earlier row that has this address, as it is compared; None where this is the first."""
        digest = _digest(address)
        if self._database.execute("INSERT OR IGNORE INTO addresses VALUES (?, ?)", (digest, row)).rowcount:
            return None
        [[first]] = self._database.execute("SELECT row FROM addresses WHERE digest = ?", (digest,))
        return int(first)

    def add_domains(self, names: Iterable[str]) -> None:
        self._database.executemany("INSERT OR IGNORE INTO domains (name) VALUES (?)", ((one,) for one in names))

    def domains(self) -> Iterator[str]:
        """Yield the domains in batches of their own, so that states can be noted meanwhile."""
        last = ""
        while names := [
            name
            for (name,) in self._database.execute(
                "SELECT name FROM domains WHERE name > ? ORDER BY name LIMIT 1000", (last,)
            )
        ]:
            yield from names
            last = names[-1]

    def count_domains(self) -> int:
        [[count]] = self._database.execute("SELECT count(*) FROM domains")
        return int(count)

    def note_state(self, name: str, state: State) -> None:
        told = (state.takes.value, state.said, name)
        self._database.execute("UPDATE domains SET takes = ?, said = ? WHERE name = ?", told)

    def _state(self, name: str) -> State | None:
        found = self._database.execute("SELECT takes, said FROM domains WHERE name = ?", (name,)).fetchone()
        return State(Takes(found[0]), found[1]) if found and found[0] else None

    def note_delivered(self, addresses: Iterable[str], at: int) -> None:
        """Note that mails were delivered to these at a time (Unix, in seconds); the first time is kept."""
        self._database.executemany(
            "INSERT INTO activity VALUES (?, ?, NULL) ON CONFLICT DO UPDATE SET "
            "delivered = min(coalesce(delivered, excluded.delivered), excluded.delivered)",
            ((_digest(one), at) for one in addresses),
        )

    def note_alive(self, addresses: Iterable[str], at: int) -> None:
        """Note that these opened, clicked or wrote."""
        self._database.executemany(
            "INSERT INTO activity VALUES (?, NULL, ?) ON CONFLICT DO UPDATE SET alive = excluded.alive",
            ((_digest(one), at) for one in addresses),
        )

    def is_inactive(self, address: str, since: int) -> bool:
        """Return whether mails were delivered to an address before a time, and nothing was heard of it since."""
        found = self._database.execute(
            "SELECT delivered, alive FROM activity WHERE digest = ?", (_digest(address),)
        ).fetchone()
        return bool(found) and found[0] is not None and found[0] < since and found[1] is None


@contextmanager
def notes() -> Iterator[Notes]:
    """Yield empty notes, which are gone when the block ends."""
    with TemporaryDirectory(prefix="mailevents-hygiene-") as folder:
        # No other process reads it, and no crash is survived: so nothing is flushed.
        database = sqlite3.connect(Path(folder, "notes.sqlite"), isolation_level=None)
        try:
            for pragma in ("journal_mode = OFF", "synchronous = OFF", f"cache_size = -{MEMORY_KB}"):
                database.execute(f"PRAGMA {pragma}")
            database.executescript(_TABLES)
            database.execute("BEGIN")
            yield Notes(database)
        finally:
            database.close()


def _digest(address: str) -> bytes:
    return blake2b(address.encode("utf-8", "surrogatepass"), digest_size=16).digest()
