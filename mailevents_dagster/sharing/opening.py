"""The one place that says which kind of locks a storage has."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from mailevents_dagster.files.stored_path import StoredPath, is_local
from mailevents_dagster.sharing.database import Database
from mailevents_dagster.sharing.locks import FileLocks, Locks
from mailevents_dagster.sharing.postgres_locks import locks_in

if TYPE_CHECKING:
    from mailevents_dagster.sharing.leases import Leases


def locks_of(storage: StoredPath, folder: Path, postgres: str | None, keeps_conditions: Callable[[], bool]) -> Locks:
    """Return the locks of a storage: files where one machine has it, else PostgreSQL's where it is named, or leases.

    A server that does not keep conditions of writes can have no leases, and one machine alone may write to it.
    """
    if is_local(storage) or not (postgres or keeps_conditions()):
        return FileLocks(folder)
    if postgres:
        return locks_in(Database(postgres), str(storage))
    return _leases(os.getpid(), str(storage))


@lru_cache
def _leases(pid: int, storage: str) -> Leases:  # noqa: ARG001 - a fork needs its own
    """Return the same leases for all who ask, since they are renewed."""
    from mailevents_dagster.files.object_files import objects_at
    from mailevents_dagster.sharing.leases import Leases

    return Leases(objects_at(storage) / "locks")
