"""Processes that are stopped in the middle of a commit, lose their lock, and go on when another has committed."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from importlib import import_module
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from mailevents_dagster.store.verify import verify_hour
from mailevents_dagster_tests.conftest import INCOMING, NOON, START, collection, event
from mailevents_dagster_tests.forks import FORKS, PATIENCE
from mailevents_dagster_tests.object_server import ObjectServer, environment
from mailevents_dagster_tests.postgres_server import PostgresServer
from mailevents_dagster_tests.store.kept import commit, known
from mailevents_dagster_tests.store.shared_storage import SharedStorage

pytestmark = pytest.mark.slow

BEFORE = [
    pytest.param("mailevents_dagster.store.hour.open_hour", "write_files", id="before-any-file"),
    pytest.param("mailevents_dagster.store.hour.open_hour", "write_manifest", id="before-the-manifest"),
    pytest.param("mailevents_dagster.store.feed_cursor", "write_cursor", id="before-the-cursor"),
]


def commit_and_stop(place: SharedStorage, module: str, name: str, is_there: Event) -> None:
    """Commit an hour, and stop this process once on the way: before this function is called, and the hour has begun."""
    here = import_module(module)
    real, has_begun = getattr(here, name), False

    def stopping(*arguments: object) -> object:
        if has_begun and not is_there.is_set():
            is_there.set()
            os.kill(os.getpid(), signal.SIGSTOP)
        return real(*arguments)

    setattr(here, name, stopping)
    with place.store("one").open_hour(INCOMING, NOON) as work:
        has_begun = True
        work.commit(collection([event(START, "both"), event(START + 1, "late")]))


def stopped(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def late_writer(place: SharedStorage, module: str, name: str, let_go: Callable[[], object]) -> None:
    """Have a writer stopped, another commit meanwhile, and the first go on: the hour has what both found, once."""
    is_there, store = FORKS.Event(), place.store("two")
    process = FORKS.Process(target=commit_and_stop, args=(place, module, name, is_there))
    process.start()
    try:
        assert process.pid
        assert is_there.wait(PATIENCE)
        while not stopped(process.pid):
            time.sleep(0.01)
        let_go()
        commit(store, [event(START, "both"), event(START + 2, "next")])
        os.kill(process.pid, signal.SIGCONT)
        process.join(PATIENCE)
        assert process.exitcode == 0
    finally:
        process.kill()
        process.join()
    assert [one.time for one in known(store)] == [START, START + 1, START + 2]
    assert verify_hour(store, INCOMING, NOON).findings == ()
    cursor = store.cursor(INCOMING)
    assert cursor.is_closed(START)
    assert not cursor.failed


@pytest.mark.parametrize(("module", "name"), BEFORE)
def test_who_wakes_up_without_his_lease_overwrites_nothing(
    module: str, name: str, bucket: str, s3: ObjectServer, tmp_path: Path
) -> None:
    late_writer(SharedStorage(bucket, tmp_path, environment(s3.url), None), module, name, lambda: None)


@pytest.mark.programs
@pytest.mark.parametrize(("module", "name"), BEFORE)
def test_who_wakes_up_without_his_session_overwrites_nothing(
    module: str, name: str, bucket: str, s3: ObjectServer, tmp_path: Path, database: str, postgres: PostgresServer
) -> None:
    def end_sessions() -> None:
        postgres.sql(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE application_name LIKE '%locks'"
        )

    late_writer(SharedStorage(bucket, tmp_path, environment(s3.url), database), module, name, end_sessions)
