"""The one place that says which kind of locks a storage has."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

from upath import UPath

from mailevents_dagster.files.atomic import local
from mailevents_dagster.sharing.locks import FileLocks, Locks

OBJECT_STORES = frozenset({"s3", "s3a"})
"""Protocols of storages that write in the place of what was read, and of nothing else."""


def locks_of(storage: UPath, folder: Path, postgres: str | None = None) -> Locks:
    """Return the locks of a storage: files where one machine has it, else PostgreSQL's where it is named, or leases."""
    if local(storage) or not (postgres or storage.protocol in OBJECT_STORES):
        return FileLocks(folder)
    return _of_this_process(os.getpid(), str(storage), postgres)


@lru_cache
def _of_this_process(pid: int, storage: str, postgres: str | None) -> Locks:  # noqa: ARG001 - a fork needs its own
    """Return the same locks for all who ask, since they hold a session or renew what they have."""
    if postgres:
        from mailevents_dagster.sharing.postgres_locks import PostgresLocks

        return PostgresLocks(postgres, storage)
    from mailevents_dagster.sharing.leases import Leases

    return Leases(UPath(storage) / "locks")
