"""What an hour on an object store costs in requests."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mailevents_dagster.files.objects import remove, write
from mailevents_dagster.model.hour import SECONDS, Hour
from mailevents_dagster.sharing.leases import Leases
from mailevents_dagster.store.cursor_file import write_cursor
from mailevents_dagster.store.cursors import UNFINISHED
from mailevents_dagster.store.description import describe_objects
from mailevents_dagster.store.store import Store
from mailevents_dagster_tests.collecting.planned import hour_of
from mailevents_dagster_tests.conftest import INCOMING, NOON, START, collection, event
from mailevents_dagster_tests.object_server import ObjectServer
from mailevents_dagster_tests.store.kept import commit, fail, known, unguarded

MANY = [event(START + number // 3) for number in range(10_000)]
RUNNING = Hour.containing(time.time() + SECONDS, "UTC")
"""The hour after this one: it has not ended, whenever these tests end."""
OPEN = {"closed": False}


FOLDERS = {"cursors": "C", "manifests": "M", "parquet": "S", "output": "L", "locks": "K", "destroyed": "X"}
"""What lies in a folder by the letter that stands for it below: cursor, manifest, snapshot, log, lease, record."""
KINDS = {"GET": "r", "HEAD": "h", "PUT": "w", "DELETE": "d"}


def made(s3: ObjectServer) -> str:
    """Return the requests since it was asked last: what is read, looked at, written or deleted, and what it is."""
    requests = [_said(request.method, request.key.removeprefix("some/prefix/")) for request in s3.requests]
    s3.forget()
    return " ".join(requests)


def _said(method: str, key: str) -> str:
    return KINDS[method] + ("D" if key == "manifests/store.json" else FOLDERS[key.partition("/")[0]])


def follow(store: Store, hour: Hour = RUNNING, **found: Any) -> None:
    """Have the source show what is known of an hour, and nothing else."""
    with store.open_hour(INCOMING, hour) as work:
        work.commit(replace(collection([], **found), events=work.known_events))


@pytest.fixture
def again(bucket: str, tmp_path: Path, s3: ObjectServer) -> Callable[[], Store]:
    """The store as a process finds it that begins, in a storage that has an hour of the feed already."""
    commit(unguarded(bucket, scratch=tmp_path), [event(START - 3600)], hour=hour_of(-1))
    s3.forget()
    return lambda: unguarded(bucket, scratch=tmp_path)


def test_a_new_hour_of_ten_thousand_events_costs_six_requests(again: Callable[[], Store], s3: ObjectServer) -> None:
    commit(again(), MANY)
    assert made(s3) == "rC wC wS wL wM wC"
    assert len(known(again())) == len(MANY)


def test_leases_make_it_eight(again: Callable[[], Store], s3: ObjectServer) -> None:
    commit(with_leases(again()), MANY)
    assert made(s3) == "rC wK wC wS wL wM wC dK"


def test_an_unchanged_hour_takes_no_lease(again: Callable[[], Store], s3: ObjectServer) -> None:
    commit(again(), collection(MANY[:3], **OPEN), hour=RUNNING)
    commit(again(), MANY)
    made(s3)
    process = with_leases(again())
    follow(process, RUNNING, **OPEN)
    assert made(s3) == "rC rS wC"
    follow(process, NOON)
    assert made(s3) == "rM rS hL"


def test_a_lease_is_taken_before_something_new_is_kept(again: Callable[[], Store], s3: ObjectServer) -> None:
    commit(again(), collection(MANY[:3], **OPEN), hour=RUNNING)
    made(s3)
    commit(with_leases(again()), collection(MANY[:4], **OPEN), hour=RUNNING)
    assert made(s3) == "rC wK wC rS wS wL wM wC dK"


def with_leases(store: Store) -> Store:
    store.locks = Leases(store.layout.root / "locks")
    return store


def test_a_cursor_that_was_read_to_plan_is_not_read_again(again: Callable[[], Store], s3: ObjectServer) -> None:
    process = again()
    process.cursor(INCOMING)
    commit(process, MANY)
    assert made(s3) == "rC wC wS wL wM wC"


def test_a_process_looks_once_how_the_storage_is_written(again: Callable[[], Store], s3: ObjectServer) -> None:
    describe_objects.cache_clear()
    process = again()
    commit(process, MANY)
    assert made(s3) == "rD rC wC wS wL wM wC"


def test_a_running_hour_costs_three_requests_as_long_as_nothing_new_comes(
    again: Callable[[], Store], s3: ObjectServer
) -> None:
    process = again()
    commit(process, collection(MANY[:5000], **OPEN), hour=RUNNING)
    made(s3)
    for _ in range(2):
        follow(process, **OPEN)
        assert made(s3) == "rS wC"
    follow(again(), **OPEN)
    assert made(s3) == "rC rS wC"


def test_a_running_hour_is_noted_as_begun_before_something_new_is_kept(
    again: Callable[[], Store], s3: ObjectServer
) -> None:
    commit(again(), collection(MANY[:5000], **OPEN), hour=RUNNING)
    made(s3)
    process = again()
    with process.open_hour(INCOMING, RUNNING) as work:
        assert RUNNING.start not in again().cursor(INCOMING).failed
        work.add(MANY[5000:5001])
        assert again().cursor(INCOMING).failed[RUNNING.start].cause == UNFINISHED
        made(s3)
        work.commit(collection(MANY, **OPEN))
    assert made(s3) == "wS wL wM wC"
    assert again().cursor(INCOMING).failed == {}


def test_a_running_hour_that_cannot_be_listed_counts_as_failed(again: Callable[[], Store]) -> None:
    commit(again(), collection(MANY[:3], **OPEN), hour=RUNNING)
    for times in (1, 2):
        fail(again(), ValueError("odd"), RUNNING)
        cursor = again().cursor(INCOMING)
        assert (cursor.failed[RUNNING.start].times, cursor.failures_in_a_row) == (times, 1)


def test_an_hour_that_ended_is_noted_as_begun_at_once(again: Callable[[], Store], s3: ObjectServer) -> None:
    commit(again(), collection(MANY[:3], **OPEN))
    made(s3)
    follow(again(), NOON, **OPEN)
    assert made(s3) == "rC wC rS wC"


def test_to_close_an_hour_without_anything_new_costs_five_requests(
    again: Callable[[], Store], s3: ObjectServer
) -> None:
    commit(again(), collection(MANY[:3], **OPEN))
    made(s3)
    follow(again(), NOON)
    assert made(s3) == "rC wC rS wM wC"


def test_a_closed_hour_costs_three_requests_as_long_as_nothing_new_comes(
    again: Callable[[], Store], s3: ObjectServer
) -> None:
    commit(again(), MANY)
    commit(again(), [event(START + 3600)], hour=hour_of(1))
    made(s3)
    process = again()
    follow(process, NOON)
    assert made(s3) == "rC rM rS hL"
    for hour in (NOON, hour_of(1)):
        follow(process, hour)
        assert made(s3) == "rM rS hL"


def test_what_comes_late_to_a_closed_hour_costs_ten_requests(again: Callable[[], Store], s3: ObjectServer) -> None:
    commit(again(), MANY[:5000])
    made(s3)
    commit(again(), MANY)
    assert made(s3) == "rC rM rX rX wC rS wS wL wM wC"
    assert len(known(again())) == len(MANY)


def test_a_closed_hour_is_noted_as_begun_before_something_new_is_kept(again: Callable[[], Store]) -> None:
    commit(again(), MANY[:5000])
    with again().open_hour(INCOMING, NOON) as work:
        assert again().cursor(INCOMING).is_settled(NOON.start)
        work.add(MANY[5000:5001])
        assert again().cursor(INCOMING).failed[NOON.start].cause == UNFINISHED


def test_a_closed_hour_that_is_listed_again_ends_a_row_of_failures(
    again: Callable[[], Store], s3: ObjectServer
) -> None:
    commit(again(), MANY[:3])
    fail(again(), ValueError("odd"), hour_of(1))
    assert again().cursor(INCOMING).failures_in_a_row == 1
    made(s3)
    follow(again(), NOON)
    assert made(s3) == "rC rM rS hL wC"
    assert again().cursor(INCOMING).failures_in_a_row == 0


def test_a_closed_hour_whose_manifest_is_gone_was_not_destroyed_unless_a_record_says_so(
    again: Callable[[], Store], s3: ObjectServer
) -> None:
    commit(again(), MANY[:3])
    remove(again().layout.manifest(INCOMING, NOON))
    made(s3)
    commit(again(), MANY[:3])
    assert made(s3).startswith("rC rM rX rX wC")
    assert len(known(again())) == 3


def test_what_comes_later_costs_seven_requests_at_most(again: Callable[[], Store], s3: ObjectServer) -> None:
    commit(again(), collection(MANY[:5000], **OPEN))
    made(s3)
    commit(again(), collection(MANY, **OPEN))
    assert made(s3) == "rC wC rS wS wL wM wC"
    assert len(known(again())) == len(MANY)


def test_when_a_running_hour_was_listed_last_stands_in_its_cursor(again: Callable[[], Store]) -> None:
    first, second = (replace(collection([event(START)], **OPEN), listed_at=START + later) for later in (60.0, 120.0))
    commit(again(), first)
    commit(again(), second)
    assert again().cursor(INCOMING).open == {START: START + 120.0}
    late = commit(again(), replace(collection([event(START), event(START + 1)]), listed_at=START + 180.0))
    assert late.lateness == 119.0


def test_a_manifest_that_another_wrote_is_read_though_the_cursor_names_the_one_before(
    again: Callable[[], Store], s3: ObjectServer
) -> None:
    """As a kill between the two leaves it, or one who lost his lock."""
    commit(again(), collection([event(START)], **OPEN))
    before = again().layout.cursor(INCOMING).read_bytes()
    commit(again(), collection([event(START), event(START + 1)], **OPEN))
    write(again().layout.cursor(INCOMING), before)
    commit(again(), collection([event(START), event(START + 2)], **OPEN))
    assert [one.time - START for one in known(again())] == [0, 1, 2]
    assert again().cursor(INCOMING).manifests[START][1] == again().manifest(INCOMING, NOON)


@pytest.mark.parametrize("is_known", [True, False])
def test_strays_are_looked_for_only_in_hours_that_may_have_some(
    bucket: str, tmp_path: Path, s3: ObjectServer, *, is_known: bool
) -> None:
    """A cursor of an earlier version does not say which these are: then both hours beside are looked at."""
    store = unguarded(bucket, scratch=tmp_path)
    stray = event(START + 3600)
    commit(store, [event(START - 3600)], hour=hour_of(-1))
    commit(store, collection([event(START + 3600), event(START + 3700)], strays=[stray]), hour=hour_of(1))
    if not is_known:
        path = store.layout.cursor(INCOMING)
        write_cursor(path, replace(store.cursor(INCOMING), without_strays=()), "UTC")
    store = unguarded(bucket, scratch=tmp_path)
    with store.open_hour(INCOMING, NOON) as work:
        s3.forget()
        for _ in range(2):
            assert work.strays_elsewhere == {stray.identity}
        assert made(s3) == ("rM" if is_known else "rM rM")


def test_of_an_hour_beside_that_is_settled_the_events_alone_are_read(
    again: Callable[[], Store], s3: ObjectServer
) -> None:
    there = event(START - 3600)
    with again().open_hour(INCOMING, NOON) as work:
        s3.forget()
        assert work.held_in(hour_of(-1), {there.identity}) == {there.identity}
        assert made(s3) == "rS"
        assert work.held_in(hour_of(1), {there.identity}) == frozenset()
        assert made(s3) == "rM"


@pytest.mark.parametrize("is_settled", [True, False])
def test_an_hour_that_had_no_strays_is_looked_at_once_something_new_is_found_in_it(
    again: Callable[[], Store], s3: ObjectServer, *, is_settled: bool
) -> None:
    commit(again(), [event(START + 3600)], hour=hour_of(1))
    with ExitStack() as elsewhere:
        if not is_settled:
            elsewhere.enter_context(again().open_hour(INCOMING, hour_of(1))).add([event(START + 3700)])
        with again().open_hour(INCOMING, NOON) as work:
            made(s3)
            assert work.strays_elsewhere == frozenset()
            assert made(s3) == ("" if is_settled else "rM")


def test_which_feeds_have_files_takes_a_request_for_each_folder_above_theirs(
    again: Callable[[], Store], s3: ObjectServer
) -> None:
    assert list(again().feeds()) == [INCOMING]
    assert len(s3.said) == 14
