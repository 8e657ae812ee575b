"""Hours that are listed again on an object store, while another machine may be collecting them."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailevents_dagster.collecting.heartbeats import Status
from mailevents_dagster.collecting.outcomes import Task
from mailevents_dagster.sources.uzmanposta.simulator import FixedMail, Simulator
from mailevents_dagster.store.lock_names import hour_lock
from mailevents_dagster.store.store import Store
from mailevents_dagster_tests.collecting.conftest import Place, done, failed, incoming
from mailevents_dagster_tests.conftest import NOON, START, mail
from mailevents_dagster_tests.store.kept import unguarded

FEED = incoming("a.example")


@pytest.fixture
def store(bucket: str, tmp_path: Path) -> Store:
    return unguarded(bucket, scratch=tmp_path)


def test_a_late_mail_that_another_is_collecting_is_left_to_that_before_its_details_are_asked_for(
    place: Place, store: Store, simulator: Simulator, fixed: FixedMail, tmp_path: Path
) -> None:
    place.collect([Task(FEED, [NOON])])
    before = store.cursor(FEED)
    fixed.add("a.example", "mail/incominglog", [mail(START + 100, "late")])
    simulator.calls.clear()

    with store.locks.holding(hour_lock(FEED, NOON)):
        outcomes = place.collect([Task(FEED, [NOON])])

    assert not outcomes  # neither a failure nor a commit
    assert (simulator.calls.count("list"), simulator.calls.count("detail")) == (1, 0)
    assert store.cursor(FEED) == before
    assert place.collector.heartbeats.beats[FEED].failed_hours == 0
    assert place.collector.heartbeats.beats[FEED].status is Status.COMPLETED
    assert not list(tmp_path.rglob("*error*"))


def test_an_hour_without_anything_new_is_listed_while_another_lists_it(place: Place, store: Store) -> None:
    place.collect([Task(FEED, [NOON])])
    with store.locks.holding(hour_lock(FEED, NOON)):
        outcomes = place.collect([Task(FEED, [NOON])])
    assert not failed(outcomes)
    assert done(outcomes) == {("a.example", NOON.start, 5)}
