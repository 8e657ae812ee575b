"""Lanes that have nothing left go on with what they are given, each feed's news to its end."""

from __future__ import annotations

import threading
from collections.abc import Collection, Sequence

import pytest

from mailevents_dagster.collecting.outcomes import Task
from mailevents_dagster.model.event import StoppedError
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.sources.uzmanposta.feeds import feed_of
from mailevents_dagster.sources.uzmanposta.simulator import Answer, Simulator
from mailevents_dagster_tests.collecting.conftest import (
    PATIENCE,
    Place,
    after,
    done,
    failed,
    incoming,
    threads_at_work,
)
from mailevents_dagster_tests.conftest import NOON

A, B = incoming("a.example"), incoming("b.example")
SIGN_INS = feed_of("a.example", "authentication")


class Given:
    """What lanes go on with, one after the other, and who asked."""

    def __init__(self, *tasks: Sequence[Task]) -> None:
        self.tasks = list(tasks)
        self.asked: list[set[Feed]] = []

    def __call__(self, feeds: Collection[Feed]) -> Sequence[Task]:
        self.asked.append(set(feeds))
        return self.tasks.pop(0) if self.tasks else []


def test_a_lane_goes_on_until_it_is_given_nothing_and_what_was_asked_for_is_told_apart(place: Place) -> None:
    more = Given([Task(A, [NOON.next]), Task(SIGN_INS, [NOON.next])], [Task(SIGN_INS, [NOON.next.next])])

    with place.runner([Task(A, [NOON]), Task(SIGN_INS, [NOON])], more=more) as runner:
        of_mail, of_sign_ins = list(runner.outcomes_of(A)), list(runner.outcomes_of(SIGN_INS))
        further = list(runner.further_outcomes())

    assert (done(of_mail), done(of_sign_ins)) == ({("a.example", NOON.start, 5)}, {("a.example", NOON.start, 0)})
    assert [(one.feed, one.hour) for one in further] == [
        (A, NOON.next),
        (SIGN_INS, NOON.next),
        (SIGN_INS, NOON.next.next),
    ]
    assert more.asked == [{A, SIGN_INS}] * 3
    assert not threads_at_work()


def test_further_hours_are_told_as_they_come_while_another_lane_waits_for_its_source(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer, api = threading.Event(), place.apis["b.example"]
    monkeypatch.setattr(api, "rows", after(lambda: answer.wait(PATIENCE), api.rows))

    with place.runner([Task(A, [NOON]), Task(B, [NOON])], more=Given([Task(A, [NOON.next])])) as runner:
        quick, further = list(runner.outcomes_of(A)), runner.further_outcomes()
        first = next(further)
        answer.set()
        slow, rest = list(runner.outcomes_of(B)), list(further)

    assert (done(quick), done(slow)) == ({("a.example", NOON.start, 5)}, {("b.example", NOON.start, 5)})
    assert done([first]) == {("a.example", NOON.next.start, 5)}
    assert rest == []


def test_a_feed_that_is_refused_is_given_nothing_more_and_the_others_of_its_lane_go_on(
    place: Place, simulator: Simulator
) -> None:
    simulator.fail_next("/logs/mail", Answer(403), times=None)
    more = Given([Task(SIGN_INS, [NOON.next])])

    with place.runner([Task(A, [NOON]), Task(SIGN_INS, [NOON])], more=more) as runner:
        of_mail, further = list(runner.outcomes_of(A)), list(runner.further_outcomes())

    assert len(failed(of_mail)) == 1
    assert more.asked == [{SIGN_INS}] * 2
    assert done(further) == {("a.example", NOON.next.start, 0)}


def test_a_source_that_is_down_is_not_asked_hour_after_hour_by_going_on(place: Place, simulator: Simulator) -> None:
    simulator.fail_next("/logs/mail", Answer(500), times=None)

    def more(feeds: Collection[Feed]) -> Sequence[Task]:
        return [Task(feed, [next(hours)]) for feed in feeds]

    hours = iter(Hour(NOON.end + n * 3600, "UTC") for n in range(100))
    outcomes = place.collect([Task(A, [NOON])], more=more, failures_in_a_row=3)

    assert len(failed(outcomes)) in (3, 4), "the hour after may be under way by then"


def test_a_runner_that_is_stopped_goes_on_with_nothing(place: Place) -> None:
    def more(feeds: Collection[Feed]) -> Sequence[Task]:
        runner.be_stopped()
        return [Task(A, [NOON.next])]

    with place.runner([Task(A, [NOON])], more=more) as runner, pytest.raises(StoppedError):
        list(runner.further_outcomes())

    assert place.collector.store.manifest(A, NOON.next) is None
