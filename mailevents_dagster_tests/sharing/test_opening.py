"""Which kind of locks a storage has."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from upath import UPath

from mailevents_dagster.sharing.leases import Leases
from mailevents_dagster.sharing.locks import FileLocks
from mailevents_dagster.sharing.opening import locks_of
from mailevents_dagster.sharing.postgres_locks import PostgresLocks
from mailevents_dagster_tests.conftest import make_store
from mailevents_dagster_tests.object_server import ObjectServer

URL = "postgresql://user:password@db.example:5432/mailevents"


@pytest.mark.parametrize("postgres", [None, URL], ids=["without-postgres", "with-postgres"])
def test_a_folder_has_files(tmp_path: Path, postgres: str | None) -> None:
    assert locks_of(tmp_path, tmp_path / "locks", postgres, lambda: True) == FileLocks(tmp_path / "locks")


def test_an_object_store_has_postgresqls_where_that_is_named_else_leases(tmp_path: Path) -> None:
    storage = UPath("s3://bucket/prefix")
    for postgres, kind in ((URL, PostgresLocks), (None, Leases)):
        locks = locks_of(storage, tmp_path, postgres, lambda: True)
        assert isinstance(locks, kind)
        assert locks is locks_of(storage, tmp_path, postgres, lambda: True), "a process has them once"


def test_a_server_that_overwrites_whatever_is_there_has_no_leases(
    bucket: str, s3: ObjectServer, tmp_path: Path
) -> None:
    s3.keeps_conditions = False
    assert isinstance(make_store(bucket, scratch=tmp_path).locks, FileLocks)


@pytest.mark.slow
def test_a_folder_needs_neither_a_database_nor_an_object_store(tmp_path: Path) -> None:
    program = f"""
import sys
from mailevents_dagster.store.store import Store
with Store({str(tmp_path)!r}, "UTC", "x", {{}}).locks.holding("a"):
    loaded = sorted({{"psycopg", "obstore", "boto3", "upath", "fsspec"}} & sys.modules.keys())
assert not loaded, loaded
"""
    subprocess.run([sys.executable, "-c", program], check=True)
