"""The rate budget, with a clock that only moves when somebody waits, and with processes that share a file."""

from __future__ import annotations

import threading
from itertools import pairwise

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from mailevents_dagster.model.event import StoppedError
from mailevents_dagster.sharing.numbers import FileNumbers
from mailevents_dagster.sources.uzmanposta.rate import ARRIVAL, CATCH_UP, PausedError, SharedBudget, interval
from mailevents_dagster_tests.sources.uzmanposta.still_clock import PATIENCE, Clock, times_of_calls


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def test_calls_go_out_at_even_distances_a_little_wider_than_the_budget(clock: Clock) -> None:
    times = times_of_calls(clock, clock.drives(SharedBudget(10)), 31)
    distances = [later - earlier for earlier, later in pairwise(times)]
    assert times[0] == 1000.0
    assert distances[1:] == pytest.approx([(1 + ARRIVAL + CATCH_UP) / 10] * 29)


def test_what_a_thread_that_woke_late_missed_is_made_up_for_by_the_next(clock: Clock) -> None:
    budget = clock.drives(SharedBudget(10))
    first = times_of_calls(clock, budget, 5)[-1]
    clock.now += interval(10)
    late = times_of_calls(clock, budget, 2)
    assert late[-1] - first == pytest.approx(2 * interval(10))


@pytest.mark.parametrize("allowed", [1000, 50, 7, 2.5, 1, 0.4])
def test_no_window_has_more_calls_than_the_budget_allows(clock: Clock, allowed: float) -> None:
    times = times_of_calls(clock, clock.drives(SharedBudget(allowed)), 50)
    together = max(1, int(allowed))
    window = together / allowed
    assert all(sum(start <= time < start + window for time in times) <= together for start in times)


def test_at_least_95_percent_of_the_budget_can_be_used(clock: Clock) -> None:
    times = times_of_calls(clock, clock.drives(SharedBudget(50)), 1001)
    assert 1000 / (times[-1] - times[0]) >= 0.95 * 50


@pytest.mark.slow
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from([0.5, 1.0, 2.5, 10.0, 50.0]),
    st.lists(st.tuples(st.floats(0, 0.05), st.floats(0, ARRIVAL)), min_size=60, max_size=200),
)
def test_calls_that_go_out_late_and_are_unequally_long_on_their_way_keep_the_budget_where_they_arrive(
    clock: Clock, allowed: float, late: list[tuple[float, float]]
) -> None:
    budget = clock.drives(SharedBudget(allowed))
    arrivals = []
    for woken, on_its_way in late:
        budget.acquire()
        arrivals.append(clock.now + on_its_way)
        clock.now += woken
    together = max(1, int(allowed))
    arrivals.sort()
    assert all(
        later - earlier >= together / allowed * (1 - 1e-9)
        for earlier, later in zip(arrivals, arrivals[together:], strict=False)
    )


def test_time_that_passed_without_calls_is_not_saved_up(clock: Clock) -> None:
    budget = clock.drives(SharedBudget(10))
    budget.acquire()
    clock.now += 60
    times = times_of_calls(clock, budget, 10)
    assert times[0] == 1060.0
    assert times[-1] - times[0] == pytest.approx(9 * interval(10) - CATCH_UP + FileNumbers.courtesy)


def test_without_a_budget_nobody_waits(clock: Clock) -> None:
    times_of_calls(clock, clock.drives(SharedBudget(None)), 100)
    assert clock.waits == []


def test_without_a_budget_a_refusal_slows_the_calls_and_they_recover_slowly(clock: Clock) -> None:
    budget = clock.drives(SharedBudget(None))
    for _ in range(100):
        budget.acquire()
        clock.now += 0.01
    budget.pause(1)

    def rate_now() -> float:
        times = times_of_calls(clock, budget, 60)
        return 59 / (times[-1] - times[0])

    slowed = rate_now()
    assert slowed < 85
    clock.now += 20
    assert rate_now() > 1.5 * slowed


def test_refusals_of_one_burst_slow_the_calls_once(clock: Clock) -> None:
    budget = clock.drives(SharedBudget(None))
    for _ in range(100):
        budget.acquire()
        clock.now += 0.01
    for _ in range(8):
        budget.pause(1)
    times = times_of_calls(clock, budget, 60)
    assert 59 / (times[-1] - times[0]) > 50


def test_a_pause_holds_the_next_call_until_it_is_over(clock: Clock) -> None:
    budget = clock.drives(SharedBudget(5))
    budget.pause(30)
    budget.acquire()
    assert clock.now == 1030.0


def test_a_shorter_pause_does_not_cut_a_longer_one_short(clock: Clock) -> None:
    budget = clock.drives(SharedBudget(5))
    budget.pause(30)
    budget.pause(2)
    budget.acquire()
    assert clock.now == 1030.0
    assert budget.seconds_throttled == 30.0


def test_pauses_that_overlap_are_counted_once(clock: Clock) -> None:
    budget = clock.drives(SharedBudget(None))
    budget.pause(10)
    clock.now += 4
    budget.pause(10)
    assert budget.seconds_throttled == 14.0


def test_a_call_that_waits_for_its_place_also_waits_for_a_pause_that_begins_meanwhile(clock: Clock) -> None:
    budget = clock.drives(SharedBudget(1))
    budget.acquire()

    def pause_once() -> None:
        clock.while_waiting = lambda: None
        budget.pause(60)

    clock.while_waiting = pause_once
    budget.acquire()
    assert clock.now >= 1061.0


def test_a_pause_holds_all_threads_and_a_stop_ends_their_waits() -> None:
    budget = SharedBudget(None)
    budget.pause(600)
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
    budget = SharedBudget(None)
    budget.stop()
    for wait in (budget.acquire, lambda: budget.sleep(3600), lambda: budget.sleep(0)):
        with pytest.raises(StoppedError):
            wait()


def test_a_pause_beyond_patience_is_told_at_once_with_what_is_left_of_it(clock: Clock) -> None:
    budget = clock.drives(SharedBudget(5))
    budget.pause(3600)
    clock.now += 600
    with pytest.raises(PausedError) as raised:
        budget.acquire(patience=900)
    assert raised.value.seconds == 3000
    assert clock.waits == []
    budget.acquire(patience=3000)
    assert clock.now == 4600.0
