"""What locks of every kind promise, between threads and between processes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from mailevents_dagster.sharing.leases import Leases
from mailevents_dagster.sharing.locks import Locks
from mailevents_dagster.sharing.postgres_locks import PostgresLocks
from mailevents_dagster_tests.forks import PATIENCE, side_by_side
from mailevents_dagster_tests.object_server import environment
from mailevents_dagster_tests.sharing.lockers import MakeLocks, another, files, is_free, leases, postgres

HOUR = "example.com/mail/incominglog/12"
TIMES = 5
TERM = 6.0
"""Seconds, of leases: short, since they are waited for, and long enough for a machine that is busy."""


@pytest.fixture(
    params=[
        "files",
        pytest.param("postgres", marks=pytest.mark.programs),
        pytest.param("leases", marks=pytest.mark.slow),
    ]
)
def make(request: pytest.FixtureRequest, tmp_path: Path) -> MakeLocks:
    if request.param == "files":
        return partial(files, tmp_path / "locks")
    if request.param == "postgres":
        return partial(postgres, request.getfixturevalue("database"))
    folder, server = request.getfixturevalue("bucket"), request.getfixturevalue("s3")
    return partial(leases, f"{folder}/locks", environment(server.url), TERM)


@pytest.fixture
def locks(make: MakeLocks) -> Iterator[Locks]:
    made = make()
    yield made
    if isinstance(made, PostgresLocks | Leases):
        made.close()


def count_up(locks: Locks, file: Path) -> None:
    """Read, change and write a file, which goes wrong where two do it at once."""
    for _ in range(TIMES):
        with locks.holding(HOUR):
            file.write_text(str(int(file.read_text()) + 1))


def count_up_elsewhere(make: MakeLocks, file: Path) -> None:
    count_up(make(), file)


@pytest.mark.slow
def test_one_process_at_a_time_has_a_lock(make: MakeLocks, tmp_path: Path) -> None:
    file = tmp_path / "count"
    file.write_text("0")
    assert side_by_side(count_up_elsewhere, *[(make, file)] * 3) == [0, 0, 0]
    assert file.read_text() == str(3 * TIMES)


def test_one_thread_at_a_time_has_a_lock(locks: Locks, tmp_path: Path) -> None:
    file = tmp_path / "count"
    file.write_text("0")
    threads = [threading.Thread(target=count_up, args=(locks, file)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert file.read_text() == str(4 * TIMES)


def test_locks_of_other_names_are_other_locks(locks: Locks) -> None:
    with locks.holding("a.example/x"), locks.holding("a.example/x/11"), locks.briefly("blobs/ab"):
        assert is_free(locks, "a.example/y")
        assert not is_free(locks, "a.example/x")
        assert not is_free(locks, "a.example/x/11")


def test_who_waits_is_told_and_has_it_once_it_is_free(locks: Locks) -> None:
    told, had = threading.Event(), threading.Event()

    def wait() -> None:
        with locks.holding(HOUR, told.set):
            had.set()

    with locks.holding(HOUR):
        waiter = threading.Thread(target=wait)
        waiter.start()
        assert told.wait(PATIENCE)
        assert not had.is_set()
    waiter.join()
    assert had.is_set()


def test_an_error_gives_the_lock_back(locks: Locks) -> None:
    with pytest.raises(RuntimeError), locks.holding(HOUR):
        raise RuntimeError
    assert is_free(locks, HOUR)


@pytest.mark.slow
def test_who_may_not_wait_leaves_a_lock_to_the_process_that_has_it(make: MakeLocks, locks: Locks) -> None:
    with another(make, HOUR):
        assert not is_free(locks, HOUR)
        assert not is_free(locks, HOUR)
        assert is_free(locks, "another")


@pytest.mark.slow
def test_a_killed_process_has_no_lock_any_more(make: MakeLocks, locks: Locks) -> None:
    names = [f"example.com/mail/incominglog/{hour:02}" for hour in range(2)]
    with another(make, *names) as process:
        assert not is_free(locks, names[0])
        process.kill()
        process.join()
        for name in names:
            with locks.holding(name):
                pass


@pytest.mark.slow
def test_runs_are_at_work_as_long_as_their_process_is_there(make: MakeLocks, locks: Locks) -> None:
    with another(make, runs=["one", "two"]), another(make, runs=["three"]):
        locks.sign_in("mine")
        with locks.runs() as runs:
            assert runs == {"one": True, "two": True, "three": True, "mine": True}


def test_no_run_is_at_work_where_none_has_signed_in(locks: Locks) -> None:
    with locks.runs() as runs:
        assert runs == {}


def test_who_signs_in_twice_is_there_until_the_first_signs_out(locks: Locks) -> None:
    locks.sign_in("run")
    locks.sign_in("run")()
    with locks.runs() as runs:
        assert runs == {"run": True}
