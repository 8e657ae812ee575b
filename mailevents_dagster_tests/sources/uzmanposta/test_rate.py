"""The rate budget, with a clock that only moves when somebody waits."""

from __future__ import annotations

import threading
from collections.abc import Callable
from itertools import pairwise

import pytest

from mailevents_dagster.sources.uzmanposta import rate
from mailevents_dagster.sources.uzmanposta.errors import StoppedError
from mailevents_dagster.sources.uzmanposta.rate import SLACK, Budget

PATIENCE = 10.0
"""Seconds after which a test gives up on a thread."""


class Clock:
    """A monotonic clock that stands still between waits."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        self.waits: list[float] = []
        self.while_waiting: Callable[[], None] = lambda: None
        monkeypatch.setattr(rate.time, "monotonic", lambda: self.now)

    def drives(self, budget: Budget) -> Budget:
        def sleep(seconds: float) -> None:
            if seconds > 0:
                self.waits.append(seconds)
                self.now += seconds
                self.while_waiting()

        budget.sleep = sleep  # type: ignore[method-assign]
        return budget


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def times_of_calls(clock: Clock, budget: Budget, number: int) -> list[float]:
    times = []
    for _ in range(number):
        budget.acquire()
        times.append(clock.now)
    return times


def test_calls_go_out_at_even_distances_a_little_wider_than_the_budget(clock: Clock) -> None:
    times = times_of_calls(clock, clock.drives(Budget(10)), 30)
    assert times[0] == 1000.0
    assert all(later - earlier == pytest.approx(0.1 / SLACK) for earlier, later in pairwise(times))


def test_no_second_has_more_calls_than_the_budget_allows(clock: Clock) -> None:
    times = times_of_calls(clock, clock.drives(Budget(7)), 50)
    assert all(sum(start <= time < start + 1 for time in times) <= 7 for start in times)


def test_time_that_passed_without_calls_is_not_saved_up(clock: Clock) -> None:
    budget = clock.drives(Budget(10))
    budget.acquire()
    clock.now += 60
    times = times_of_calls(clock, budget, 10)
    assert times[0] == 1060.0
    assert times[-1] - times[0] == pytest.approx(0.9 / SLACK)


def test_without_a_budget_nobody_waits(clock: Clock) -> None:
    times_of_calls(clock, clock.drives(Budget(None)), 100)
    assert clock.waits == []


def test_a_pause_holds_the_next_call_until_it_is_over(clock: Clock) -> None:
    budget = clock.drives(Budget(None))
    budget.pause(30)
    budget.acquire()
    assert clock.now == 1030.0


def test_a_shorter_pause_does_not_cut_a_longer_one_short(clock: Clock) -> None:
    budget = clock.drives(Budget(None))
    budget.pause(30)
    budget.pause(2)
    budget.acquire()
    assert clock.now == 1030.0
    assert budget.seconds_throttled == 30.0


def test_pauses_that_overlap_are_counted_once(clock: Clock) -> None:
    budget = clock.drives(Budget(None))
    budget.pause(10)
    clock.now += 4
    budget.pause(10)
    assert budget.seconds_throttled == 14.0


def test_a_call_that_waits_for_its_place_also_waits_for_a_pause_that_begins_meanwhile(clock: Clock) -> None:
    budget = clock.drives(Budget(1))
    budget.acquire()

    def pause_once() -> None:
        clock.while_waiting = lambda: None
        budget.pause(60)

    clock.while_waiting = pause_once
    budget.acquire()
    assert clock.now >= 1061.0


def test_calls_keep_their_distance_after_a_pause(clock: Clock) -> None:
    budget = clock.drives(Budget(10))
    budget.pause(30)
    times = times_of_calls(clock, budget, 5)
    assert times[0] == 1030.0
    assert all(later - earlier == pytest.approx(0.1 / SLACK) for earlier, later in pairwise(times))


def test_a_pause_holds_all_threads_and_a_stop_ends_their_waits() -> None:
    budget = Budget(None)
    budget.pause(3600)
    waiting = threading.Barrier(5)
    ended: list[str] = []

    def call() -> None:
        waiting.wait(PATIENCE)
        try:
            budget.acquire()
        except StoppedError:
            ended.append("stopped")
        else:
            ended.append("called")

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    waiting.wait(PATIENCE)
    assert ended == []
    budget.stop()
    for thread in threads:
        thread.join(PATIENCE)
    assert ended == ["stopped"] * 4


def test_after_a_stop_nobody_calls_or_waits() -> None:
    budget = Budget(None)
    budget.stop()
    for wait in (budget.acquire, lambda: budget.sleep(3600), lambda: budget.sleep(0)):
        with pytest.raises(StoppedError):
            wait()


def test_threads_share_one_budget(clock: Clock) -> None:
    budget = Budget(10)
    places: list[float] = []
    recording = threading.Lock()

    def sleep(seconds: float) -> None:
        with recording:
            places.append(seconds)

    budget.sleep = sleep  # type: ignore[method-assign]
    threads = [threading.Thread(target=lambda: [budget.acquire() for _ in range(25)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert sorted(places) == pytest.approx([number * 0.1 / SLACK for number in range(100)])
