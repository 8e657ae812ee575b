"""The one place that says which kind of locks a storage has."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from upath import UPath

from mailevents_dagster.files.atomic import local
from mailevents_dagster.files.object_files import S3, stored_at
from mailevents_dagster.sharing.locks import FileLocks, Locks


def locks_of(storage: UPath, folder: Path, postgres: str | None, keeps_conditions: Callable[[], bool]) -> Locks:
    """Return the locks of a storage: files where one machine has it, else PostgreSQL's where it is named, or leases.

    A server that does not keep conditions of writes can have no leases, and one machine alone may write to it.
    """
    if local(storage) or not (postgres or (storage.protocol == S3 and keeps_conditions())):
        return FileLocks(folder)
    return _of_this_process(os.getpid(), str(storage), postgres)


@lru_cache
def _of_this_process(pid: int, storage: str, postgres: str | None) -> Locks:  # noqa: ARG001 - a fork needs its own
    """Return the same locks for all who ask, since they hold a session or renew what they have."""
    if postgres:
        from mailevents_dagster.sharing.postgres_locks import PostgresLocks

        return PostgresLocks(postgres, storage)
    from mailevents_dagster.sharing.leases import Leases

    return Leases(stored_at(storage) / "locks")
