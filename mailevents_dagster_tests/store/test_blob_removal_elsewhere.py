"""Blobs are removed on one machine while another writes: what that is using stays."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from mailevents_dagster.files.objects import write as write_object
from mailevents_dagster.sharing.leases import Leases
from mailevents_dagster.store.blob_removal import Removed, remove_unneeded
from mailevents_dagster.store.retention import Retention
from mailevents_dagster.store.store import Store
from mailevents_dagster_tests.conftest import START
from mailevents_dagster_tests.forks import FORKS, PATIENCE
from mailevents_dagster_tests.object_server import Fault, ObjectServer, Request, environment
from mailevents_dagster_tests.store.mailbox_hours import commit_messages, digest_of, message, texts_of
from mailevents_dagster_tests.store.shared_storage import SharedStorage
from mailevents_dagster_tests.store.test_blob_removal import destroy

pytestmark = pytest.mark.slow

DAY = 86_400.0


@pytest.fixture(params=["leases", pytest.param("postgres", marks=pytest.mark.programs)])
def shared(request: pytest.FixtureRequest, bucket: str, s3: ObjectServer, tmp_path: Path) -> SharedStorage:
    url = request.getfixturevalue("database") if request.param == "postgres" else None
    return SharedStorage(bucket, tmp_path, environment(s3.url), url)


@pytest.fixture
def store(shared: SharedStorage) -> Iterator[Store]:
    store = shared.store("here")
    yield store
    if isinstance(store.locks, Leases):
        store.locks.close()


def write(shared: SharedStorage, begins: Event) -> None:
    store = shared.store("elsewhere")
    begins.set()
    message(store, START, "a")


def remove(store: Store) -> Removed:
    """Remove what is not needed, as two days from now."""
    return remove_unneeded(store, Retention(), time.time() + 2 * DAY)


def at_the_removal(s3: ObjectServer, act: Callable[[], object]) -> None:
    """Have this done once, when a blob was looked at for the last time and its removal is asked for."""
    done = False

    def fault(request: Request) -> Fault | None:
        nonlocal done
        if request.method == "DELETE" and digest_of("a") in request.key and not done:
            done = True
            act()
        return None

    s3.fault = fault


def test_what_another_machine_writes_while_it_is_removed_is_there_afterwards(
    shared: SharedStorage, store: Store, s3: ObjectServer
) -> None:
    commit_messages(store, ["a"])
    destroy(store)
    begins = FORKS.Event()
    writer = FORKS.Process(target=write, args=(shared, begins))

    def begin_to_write() -> None:
        writer.start()
        assert begins.wait(PATIENCE)
        writer.join(1)  # who takes no notice of the lock has written by then, and it is removed

    at_the_removal(s3, begin_to_write)
    assert remove(store).blobs == 1
    writer.join(PATIENCE)
    assert writer.exitcode == 0
    assert texts_of(store, "a") == {"a"}


@pytest.mark.parametrize("shared", ["leases"], indirect=True)
def test_a_new_message_costs_no_lease_and_one_that_is_there_does(store: Store, s3: ObjectServer) -> None:
    commit_messages(store, ["something, so that all is described"])
    for expected in (["PUT"], ["PUT", "PUT", "PUT", "DELETE"]):
        s3.forget()
        message(store, START, "a")
        assert [request.method for request in s3.requests] == expected


def test_what_a_journal_of_this_machine_names_is_written_anew_once_another_might_remove_it(
    store: Store, s3: ObjectServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    message(store, START, "a")
    name, now = digest_of("a"), time.time()
    for hours, writes in ((0, 0), (13, 2)):  # one to see that it is there
        s3.forget()
        monkeypatch.setattr(time, "time", lambda hours=hours: now + hours * 3600)
        assert store.blobs.renewed(name)
        assert sum(request.method == "PUT" and name in request.key for request in s3.requests) == writes
    path = store.blobs.path(name)
    assert path
    write_object(path, path.read_bytes()[:-1])
    assert not store.blobs.renewed(name), "what is damaged is fetched again"
    path.unlink()
    assert not store.blobs.renewed(name)
