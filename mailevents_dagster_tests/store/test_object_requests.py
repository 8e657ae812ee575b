"""What an hour on an object store costs in requests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mailevents_dagster.sharing.leases import Leases
from mailevents_dagster.store.description import describe_objects
from mailevents_dagster.store.store import Store
from mailevents_dagster_tests.collecting.planned import hour_of
from mailevents_dagster_tests.conftest import INCOMING, START, collection, event
from mailevents_dagster_tests.object_server import ObjectServer
from mailevents_dagster_tests.store.kept import CURSOR, HOUR_LOCK, LOG, MANIFEST, SNAPSHOT, commit, known, unguarded

DESCRIPTION = "manifests/store.json"
MANY = [event(START + number // 3) for number in range(10_000)]


REQUESTS = {"D": DESCRIPTION, "C": CURSOR, "M": MANIFEST, "S": SNAPSHOT, "L": LOG}
"""Files by the letters that stand for them below."""
RUNNING = {"closed": False}


def made(s3: ObjectServer) -> str:
    """The requests since it was asked last: `r` reads and `w` writes the file whose letter follows."""
    letters = {name: letter for letter, name in REQUESTS.items()}
    requests = [
        f"{'w' if request.writes else 'r'}{letters[request.key.removeprefix('some/prefix/')]}"
        for request in s3.requests
    ]
    s3.forget()
    return " ".join(requests)


@pytest.fixture
def again(bucket: str, tmp_path: Path, s3: ObjectServer) -> Callable[[], Store]:
    """The store as a process finds it that begins, in a storage that has an hour of the feed already."""
    commit(unguarded(bucket, scratch=tmp_path), [event(START - 3600)], hour=hour_of(-1))
    s3.forget()
    return lambda: unguarded(bucket, scratch=tmp_path)


def test_a_new_hour_of_ten_thousand_events_costs_seven_requests(again: Callable[[], Store], s3: ObjectServer) -> None:
    commit(again(), MANY)
    assert made(s3) == "rC wC rM wS wL wM wC"
    assert len(known(again())) == len(MANY)


def test_a_cursor_that_was_read_to_plan_is_not_read_again(again: Callable[[], Store], s3: ObjectServer) -> None:
    process = again()
    process.cursor(INCOMING)
    commit(process, MANY)
    assert made(s3) == "rC wC rM wS wL wM wC"


def test_a_process_looks_once_how_the_storage_is_written(again: Callable[[], Store], s3: ObjectServer) -> None:
    describe_objects.cache_clear()
    process = again()
    commit(process, MANY)
    assert made(s3) == "rD rC wC rM wS wL wM wC"


def test_a_running_hour_costs_four_requests_as_long_as_nothing_new_comes(
    again: Callable[[], Store], s3: ObjectServer
) -> None:
    process = again()
    commit(process, collection(MANY[:5000], **RUNNING))
    made(s3)
    for _ in range(2):
        commit(process, collection(MANY[:5000], **RUNNING))
        assert made(s3) == "wC rM rS wC"
    commit(again(), collection(MANY[:5000], **RUNNING))
    assert made(s3) == "rC wC rM rS wC"


def test_what_comes_later_costs_eight_requests_at_most(again: Callable[[], Store], s3: ObjectServer) -> None:
    commit(again(), collection(MANY[:5000], **RUNNING))
    made(s3)
    commit(again(), collection(MANY, **RUNNING))
    assert made(s3) == "rC wC rM rS wS wL wM wC"
    assert len(known(again())) == len(MANY)


def test_when_a_running_hour_was_listed_last_stands_in_its_cursor(again: Callable[[], Store]) -> None:
    first, second = (replace(collection([event(START)], **RUNNING), listed_at=START + later) for later in (60.0, 120.0))
    commit(again(), first)
    commit(again(), second)
    assert again().cursor(INCOMING).open == {START: START + 120.0}
    late = commit(again(), replace(collection([event(START), event(START + 1)]), listed_at=START + 180.0))
    assert late.lateness == 119.0


def test_a_lease_costs_a_request_before_and_one_after(again: Callable[[], Store], s3: ObjectServer) -> None:
    process = again()
    process.locks = Leases(process.layout.root / "locks")
    commit(process, MANY)
    lease = HOUR_LOCK.replace(".lock", ".lease")
    ends = [request for request in s3.requests if request.key.endswith(lease)]
    assert [s3.requests[0], s3.requests[-1]] == ends
    assert len(s3.requests) == 2 + len(["rC", "wC", "rM", "wS", "wL", "wM", "wC"])
