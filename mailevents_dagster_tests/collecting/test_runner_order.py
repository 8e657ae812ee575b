"""The hours of a lane: asked for and committed in their order, each while the next is asked for."""

from __future__ import annotations

import gc
import threading
from dataclasses import replace

import pytest

from mailevents_dagster.collecting import runner as runner_module
from mailevents_dagster.collecting.outcomes import Collected, Failed, Outcome, Task, Underway
from mailevents_dagster.model.event import Collection, Event
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import SECONDS, Hour
from mailevents_dagster.sources.client import Options
from mailevents_dagster.sources.uzmanposta.api import Tally
from mailevents_dagster.sources.uzmanposta.feeds import feed_of
from mailevents_dagster.sources.uzmanposta.rows import Record
from mailevents_dagster.sources.uzmanposta.simulator import Answer, FixedMail, Simulator
from mailevents_dagster.store.hour.commit import Commit
from mailevents_dagster.store.hour.open_hour import OpenHour
from mailevents_dagster.store.lock_names import hour_lock
from mailevents_dagster_tests.collecting.conftest import PATIENCE, Place, after, done, failed, incoming
from mailevents_dagster_tests.conftest import NOON, collection, mail

SIX = [Hour(NOON.start + n * SECONDS, NOON.timezone) for n in range(6)]


def test_the_next_hour_is_asked_for_while_one_is_committed_and_all_come_in_order(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No hour but the last is committed before the first calls for the next have gone out, its details among them."""
    tasks = [Task(feed_of("a.example", "authentication"), [NOON]), Task(incoming("a.example"), [NOON, NOON.next])]
    hours = [(task.feed, hour) for task in tasks for hour in task.hours]
    api, asked = place.apis["a.example"], {hour: threading.Event() for _, hour in hours}

    def detail(queue_id: str, time: int, tally: Tally) -> Record:
        asked[Hour.containing(time, "UTC")].set()
        return real_detail(queue_id, time, tally)

    real_detail = api.detail
    monkeypatch.setattr(api, "detail", detail)
    next_of = {hours[0]: NOON, hours[1]: NOON.next}

    def commit(self: OpenHour, found: Collection) -> Commit:
        if (self.feed, self.hour) in next_of:
            assert asked[next_of[self.feed, self.hour]].wait(PATIENCE)
        return real(self, found)

    real = OpenHour.commit
    monkeypatch.setattr(OpenHour, "commit", commit)
    outcomes = place.collect(tasks)

    assert not failed(outcomes)
    manifests = [outcome.commit.manifest for outcome in outcomes if isinstance(outcome, Collected)]
    in_order = [(feed.name, hour.key) for feed, hour in hours]
    assert [(manifest.feed, manifest.hour) for manifest in manifests] == in_order


def test_the_next_hour_is_asked_for_while_one_waits_for_its_last_answers(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    api, listed = place.apis["a.example"], threading.Event()

    def rows(feed: Feed, first: int, last: int, tally: Tally) -> object:
        if last == NOON.next.end:
            listed.set()
        return real_rows(feed, first, last, tally)

    def detail(queue_id: str, time: int, tally: Tally) -> Record:
        assert time >= NOON.next.start or listed.wait(PATIENCE)
        return real_detail(queue_id, time, tally)

    real_rows, real_detail = api.rows, api.detail
    monkeypatch.setattr(api, "rows", rows)
    monkeypatch.setattr(api, "detail", detail)

    assert len(done(place.collect([Task(incoming("a.example"), [NOON, NOON.next])]))) == 2


def test_at_most_two_hours_of_a_lane_are_open_and_one_is_committed_at_a_time(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first is not committed before the second waits to be, when a third could have been opened."""
    opened: list[Hour] = []
    found_two = threading.Event()
    at_work: list[int] = []
    committing = threading.Lock()

    class Source:
        """Has no event in any hour, and says so at once."""

        def collect(self, work: OpenHour, options: Options) -> Collection:
            opened.append(work.hour)
            if len(opened) == 2:
                found_two.set()
            return collection([])

        def stop(self) -> None: ...
        def close(self) -> None: ...

    def commit(self: OpenHour, found: Collection) -> Commit:
        assert committing.acquire(blocking=False), "another hour is being committed"
        assert found_two.wait(PATIENCE)
        at_work.append(len(opened) - opened.index(self.hour))
        try:
            return real(self, found)
        finally:
            committing.release()

    real = OpenHour.commit
    monkeypatch.setattr(OpenHour, "commit", commit)
    with runner_module.Runner(place.collector, lambda _: Source(), [Task(incoming("a.example"), SIX)]) as runner:
        outcomes = list(runner.outcomes())

    assert [outcome.hour for outcome in outcomes] == SIX == opened
    assert set(at_work) <= {1, 2}


def test_hours_that_overlap_ask_for_no_more_details_at_a_time_than_one_may(
    place: Place, fixed: FixedMail, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four calls meet; a fifth that were let out would make one more than four."""
    hours, api = [Hour(NOON.start + n * SECONDS, NOON.timezone) for n in range(-4, 0)], place.apis["a.example"]
    for hour in hours:
        fixed.add("a.example", "mail/incominglog", [mail(hour.start + n, f"more{n}") for n in range(8)])
    api.access = replace(api.access, max_parallel_details=4)
    meeting, in_flight, most, counting = threading.Barrier(4), 0, 0, threading.Lock()

    def detail(queue_id: str, time: int, tally: Tally) -> Record:
        nonlocal in_flight, most
        with counting:
            in_flight += 1
            most = max(most, in_flight)
        meeting.wait(PATIENCE)
        try:
            return real(queue_id, time, tally)
        finally:
            with counting:
                in_flight -= 1

    real = api.detail
    monkeypatch.setattr(api, "detail", detail)
    assert len(done(place.collect([Task(incoming("a.example"), hours)]))) == len(hours)
    assert most == 4


def test_hours_a_day_apart_share_a_lock_and_wait_for_each_other_alone(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first is not committed before it is the second one's turn, which thinks of no other process."""
    tomorrow = Hour(NOON.start + 24 * SECONDS, NOON.timezone)
    its_turn, told = threading.Event(), list[str]()

    def of_hour(feed: Feed, hour: Hour) -> str:
        if hour == tomorrow:
            its_turn.set()
        return hour_lock(feed, hour)

    monkeypatch.setattr(runner_module, "hour_lock", of_hour)
    monkeypatch.setattr(OpenHour, "commit", after(lambda: its_turn.wait(PATIENCE), OpenHour.commit))

    outcomes = place.collect([Task(incoming("a.example"), [NOON, tomorrow])], when_held=told.append)

    assert not told
    assert done(outcomes) == {("a.example", NOON.start, 5), ("a.example", tomorrow.start, 0)}


def test_who_waits_for_an_hour_hears_how_far_it_is(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner_module, "LOOK_EVERY", 0.01)
    feed, heard = incoming("a.example"), threading.Event()
    monkeypatch.setattr(OpenHour, "commit", after(lambda: heard.wait(PATIENCE), OpenHour.commit))

    news = []
    with place.runner([Task(feed, [NOON])]) as runner:
        for one in runner.outcomes_of(feed):
            news.append(one)
            if isinstance(one, Underway) and one.progress.details_done == 5:
                heard.set()

    *underway, collected = news
    assert isinstance(collected, Collected)
    assert {(type(one), one.hour) for one in underway} == {(Underway, NOON)}


@pytest.mark.slow
def test_no_outcome_keeps_events_or_answers_and_one_hour_at_the_most_stays_while_the_next_is_collected(
    place: Place, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    alive: list[int] = []

    def count_collections() -> None:
        gc.collect()
        alive.append(sum(isinstance(one, Collection) for one in gc.get_objects()))

    api = place.apis["a.example"]
    monkeypatch.setattr(api, "rows", after(count_collections, api.rows))
    simulator.fail_next(
        lambda request: request.kind == "list" and request.params.get("domain") == "b.example", Answer(500), times=None
    )

    outcomes = place.collect([Task(incoming("a.example"), SIX), Task(incoming("b.example"), [NOON])])

    assert len(alive) >= len(SIX)
    assert max(alive) <= 1, "the hour that is being committed"
    assert {type(outcome) for outcome in outcomes} == {Collected, Failed}
    assert not [one for one in reachable(outcomes) if isinstance(one, Event | Collection | BaseException)]


def reachable(start: list[Outcome]) -> list[object]:
    """All objects that hang on these, classes and modules left out."""
    found: dict[int, object] = {id(start): start}
    waiting: list[object] = [start]
    while waiting:
        for one in gc.get_referents(waiting.pop()):
            if id(one) not in found and not isinstance(one, type) and type(one).__name__ not in ("module", "function"):
                found[id(one)] = one
                waiting.append(one)
    return list(found.values())
