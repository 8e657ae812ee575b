"""Hours on an object store that are listed again: others are kept from one once something new is found in it."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import pytest

from mailevents_dagster.collecting.outcomes import step_aside
from mailevents_dagster.files.object_errors import ObjectStoreError
from mailevents_dagster.model.event import Event
from mailevents_dagster.model.hour import SECONDS, Hour
from mailevents_dagster.sharing.locks import FileLocks, HeldError
from mailevents_dagster.store.destruction import destroying
from mailevents_dagster.store.destruction_record import DestroyedError
from mailevents_dagster.store.hour.journal import Journal
from mailevents_dagster.store.hour.open_hour import OpenHour
from mailevents_dagster.store.lock_names import hour_lock
from mailevents_dagster.store.store import Store
from mailevents_dagster_tests.conftest import INCOMING, NOON, collection, event, make_store
from mailevents_dagster_tests.object_server import Fault, ObjectServer
from mailevents_dagster_tests.store.kept import commit, known

RUNNING = Hour.containing(time.time() + SECONDS, "UTC")
"""The hour after this one: it has not ended, whenever these tests end."""

each_hour = pytest.mark.parametrize("hour", [RUNNING, NOON], ids=["running", "closed"])


@pytest.fixture
def process(bucket: str, tmp_path: Path) -> Callable[[], Store]:
    """The storage as a process finds it that begins on a machine of its own, with an event in either hour."""
    machines = iter(range(100))

    def one() -> Store:
        store = make_store(bucket, scratch=tmp_path / f"{next(machines)}")
        store.locks = FileLocks(tmp_path / "locks")  # what they are made of makes no difference here
        return store

    for hour in (RUNNING, NOON):
        commit(one(), collection([first(hour)], closed=hour == NOON), hour=hour)
    return one


def first(hour: Hour, later: int = 0) -> Event:
    return event(hour.start + later)


def listed(store: Store, hour: Hour) -> AbstractContextManager[OpenHour]:
    """Begin with an hour as a collection does that waits for nobody."""
    return store.open_hour(INCOMING, hour, step_aside)


def commit_known(work: OpenHour) -> None:
    work.commit(replace(collection([], closed=work.hour == NOON), events=work.known_events))


def times(store: Store, hour: Hour) -> list[int]:
    return [one.time - hour.start for one in known(store, hour=hour)]


@each_hour
def test_two_may_list_at_once_what_they_know(process: Callable[[], Store], hour: Hour) -> None:
    with listed(process(), hour) as here, listed(process(), hour) as there:
        commit_known(there)
        commit_known(here)
    assert process().cursor(INCOMING).failed == {}


@each_hour
def test_who_finds_something_new_steps_aside_for_another_and_does_not_count_as_failed(
    process: Callable[[], Store], hour: Hour
) -> None:
    before = process().cursor(INCOMING)
    with (
        process().locks.holding(hour_lock(INCOMING, hour)),
        pytest.raises(HeldError, match="being collected by another process"),
        listed(process(), hour) as work,
    ):
        work.add([first(hour, 5)])
    assert process().cursor(INCOMING) == before


def test_who_finds_what_another_committed_meanwhile_steps_aside(process: Callable[[], Store]) -> None:
    """It has fetched the details of that: they need not be fetched a second time."""
    with listed(process(), RUNNING) as work:
        commit(process(), collection([first(RUNNING), first(RUNNING, 5)], closed=False), hour=RUNNING)
        after = process().cursor(INCOMING)
        with pytest.raises(HeldError, match="collected by another process while"):
            work.add([first(RUNNING, 5)])
    assert process().cursor(INCOMING) == after
    assert times(process(), RUNNING) == [0, 5]


@each_hour
def test_who_waits_adds_what_it_found_to_what_another_committed_meanwhile(
    process: Callable[[], Store], hour: Hour
) -> None:
    with process().open_hour(INCOMING, hour) as work:
        commit(process(), collection([first(hour), first(hour, 5)], closed=hour == NOON), hour=hour)
        work.commit(collection([first(hour), first(hour, 7)], closed=hour == NOON))
    assert times(process(), hour) == [0, 5, 7]


def test_who_finds_nothing_new_leaves_the_cursor_as_another_wrote_it_meanwhile(process: Callable[[], Store]) -> None:
    with listed(process(), RUNNING) as work:
        _ = work.known_events
        commit(process(), collection([first(RUNNING), first(RUNNING, 5)], closed=False), hour=RUNNING)
        after = process().cursor(INCOMING)
        commit_known(work)
    assert process().cursor(INCOMING) == after


@each_hour
def test_who_finds_nothing_new_leaves_it_noted_that_another_has_begun(process: Callable[[], Store], hour: Hour) -> None:
    with listed(process(), hour) as here, listed(process(), hour) as there:
        there.add([first(hour, 5)])
        commit_known(here)
        assert hour.start in process().cursor(INCOMING).failed
        there.commit(collection([first(hour), first(hour, 5)], closed=hour == NOON))
    assert process().cursor(INCOMING).failed == {}
    assert times(process(), hour) == [0, 5]


def test_an_hour_that_is_destroyed_while_it_is_listed_stays_destroyed(process: Callable[[], Store]) -> None:
    other = process()
    gone = [other.layout.log(INCOMING, NOON), other.layout.snapshot(INCOMING, NOON)]
    with listed(process(), NOON) as work:
        _ = work.known_events
        with destroying(other, INCOMING, NOON, gone, "mail_days: 3", step_aside):
            pass
        with pytest.raises(DestroyedError):
            commit_known(work)
    assert not any(path.exists() for path in gone)


def test_what_a_killed_process_left_in_its_journal_is_guarded_at_once(process: Callable[[], Store]) -> None:
    store = process()
    journal = Journal(store.layout.journal(INCOMING, RUNNING))
    journal.record(b"i" * 16, b"l" * 16, b"{}")
    journal.close()
    with listed(store, RUNNING) as work:
        assert RUNNING.start in process().cursor(INCOMING).failed
        assert work.journal.get(b"i" * 16, b"l" * 16) == b"{}"
        commit_known(work)
    assert not store.layout.journal(INCOMING, RUNNING).exists()


def test_a_journal_is_not_opened_before_others_are_kept_from_it(process: Callable[[], Store]) -> None:
    with (
        process().locks.holding(hour_lock(INCOMING, RUNNING)),
        pytest.raises(HeldError),
        listed(process(), RUNNING) as work,
    ):
        _ = work.journal


def test_an_hour_that_could_not_be_noted_as_begun_is_not_waited_for_by_the_process_that_has_it(
    process: Callable[[], Store], s3: ObjectServer
) -> None:
    """Another thread of the collection may find something, too, before that has ended."""
    with listed(process(), RUNNING) as work:
        s3.fault = lambda request: Fault(403, "AccessDenied") if request.writes else None
        with pytest.raises(ObjectStoreError):
            work.add([first(RUNNING, 5)])
        s3.fault = lambda _: None
        work.commit(collection([first(RUNNING), first(RUNNING, 5)], closed=False))
    assert times(process(), RUNNING) == [0, 5]
