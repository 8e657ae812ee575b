"""The rate budget, with a clock that only moves when somebody waits, and with processes that share a file."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from mailevents_dagster.events import StoppedError
from mailevents_dagster.sources.uzmanposta import rate
from mailevents_dagster.sources.uzmanposta.rate import CLOSER, LEAST_MARGIN, LIKELY_MARGIN, MARGIN, RING, SharedBudget

PATIENCE = 30.0
"""Seconds after which a test gives up on a thread or a process."""


class Clock:
    """A monotonic clock that stands still between waits."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        self.waits: list[float] = []
        self.while_waiting: Callable[[], None] = lambda: None
        monkeypatch.setattr(rate.time, "monotonic", lambda: self.now)

    def drives(self, budget: SharedBudget) -> SharedBudget:
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


def times_of_calls(clock: Clock, budget: SharedBudget, number: int) -> list[float]:
    times = []
    for _ in range(number):
        budget.acquire()
        times.append(clock.now)
    return times


def test_calls_go_out_at_nearly_even_distances_in_windows_a_little_wider_than_the_budget(clock: Clock) -> None:
    times = times_of_calls(clock, clock.drives(SharedBudget(10)), 31)
    distances = [later - earlier for earlier, later in pairwise(times)]
    assert times[0] == 1000.0
    assert distances == pytest.approx([*[CLOSER / 10] * 9, 1 + MARGIN - 0.9 * CLOSER] * 3)


def test_what_was_missed_is_made_up_for_within_the_window(clock: Clock) -> None:
    budget = clock.drives(SharedBudget(10))
    first = times_of_calls(clock, budget, 5)
    clock.now += 0.13
    assert times_of_calls(clock, budget, 6)[-1] - first[0] == pytest.approx(1 + MARGIN)


@pytest.mark.parametrize("allowed", [7, 2.5, 1, 0.4])
def test_no_window_has_more_calls_than_the_budget_allows(clock: Clock, allowed: float) -> None:
    times = times_of_calls(clock, clock.drives(SharedBudget(allowed)), 50)
    together = max(1, int(allowed))
    window = together / allowed
    assert all(sum(start <= time < start + window for time in times) <= together for start in times)


def test_at_least_95_percent_of_the_budget_can_be_used(clock: Clock) -> None:
    times = times_of_calls(clock, clock.drives(SharedBudget(50)), 1001)
    assert 1000 / (times[-1] - times[0]) >= 0.95 * 50


def answered_calls(clock: Clock, budget: SharedBudget, late: Iterable[float]) -> list[float]:
    """When each call arrives, if it is on its way for a tenth of a second and so much longer."""
    arrivals = []
    for seconds in late:
        budget.answered(budget.acquire(), 0.1 + seconds)
        arrivals.append(clock.now + 0.1 + seconds)
    return arrivals


def test_where_answers_take_alike_99_percent_of_the_budget_can_be_used(clock: Clock) -> None:
    budget = clock.drives(SharedBudget(50))
    answered_calls(clock, budget, [0.0] * 300)  # until it is known
    times = answered_calls(clock, budget, [0.0] * 1001)
    assert 1000 / (times[-1] - times[0]) >= 0.99 * 50


def test_the_window_of_a_call_that_was_answered_late_begins_as_late_and_no_other(clock: Clock) -> None:
    budget = clock.drives(SharedBudget(50))
    answered_calls(clock, budget, [0.0] * 300)
    arrivals = answered_calls(clock, budget, [*[0.0] * 10, 0.02, *[0.0] * 400])
    windows = [later - earlier for earlier, later in zip(arrivals, arrivals[50:], strict=False)]
    assert windows[10] == pytest.approx(1 + LEAST_MARGIN)
    assert max(windows[:10] + windows[50:]) == pytest.approx(1 + LEAST_MARGIN)


def test_the_first_answers_do_not_say_how_fast_others_are(clock: Clock) -> None:
    arrivals = answered_calls(clock, clock.drives(SharedBudget(10)), [*[0.02] * 10, *[0.0] * 20])
    assert all(later - earlier >= 1 for earlier, later in zip(arrivals, arrivals[10:], strict=False))


def test_a_call_that_gets_its_time_before_an_earlier_one_is_answered_counts_on_a_usual_answer(clock: Clock) -> None:
    """As with slow answers, and with many threads."""
    budget = clock.drives(SharedBudget(50))
    on_their_way: list[tuple[int, float]] = []

    def answers_come() -> None:
        while on_their_way and clock.now - on_their_way[0][1] >= 0.999:
            budget.answered(on_their_way.pop(0)[0], 0.999)

    clock.while_waiting = answers_come
    times = []
    for _ in range(1101):
        on_their_way.append((budget.acquire(), clock.now))
        times.append(clock.now)
    assert 1000 / (times[-1] - times[100]) == pytest.approx(50 / (1 + LIKELY_MARGIN), rel=0.002)
    assert all(later - earlier >= 1 for earlier, later in zip(times, times[50:], strict=False))


def test_an_answer_that_comes_a_thousand_calls_later_says_nothing_of_another_call(clock: Clock) -> None:
    budget = clock.drives(SharedBudget(1000))
    answered_calls(clock, budget, [0.0] * 1000)
    late = budget.acquire()
    others = [budget.acquire() for _ in range(RING)]
    before = budget._state.calls.arrival(others[-1], LIKELY_MARGIN)
    budget.answered(late, 5.0)
    assert budget._state.calls.arrival(others[-1], LIKELY_MARGIN) == before
    budget.answered(others[-1], 0.1)
    assert budget._state.calls.arrival(others[-1], LIKELY_MARGIN) < before


def test_a_refusal_widens_the_windows_that_follow_it_for_a_while(clock: Clock) -> None:
    budget = clock.drives(SharedBudget(50))
    answered_calls(clock, budget, [0.0] * 300)
    budget.pause(0.5)
    times = answered_calls(clock, budget, [0.0] * 300)
    windows = [later - earlier for earlier, later in zip(times, times[50:], strict=False)]
    assert windows[:50] == pytest.approx([1 + MARGIN] * 50)
    assert windows[-1] == pytest.approx(1 + LEAST_MARGIN)


def test_answers_that_take_longer_and_longer_cost_no_more_than_one_knew_before(clock: Clock) -> None:
    budget = clock.drives(SharedBudget(50))
    times = answered_calls(clock, budget, [number * 0.01 for number in range(301)])
    assert 300 / (times[-1] - times[0] - 3) >= 0.95 * 50


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.floats(0, MARGIN), min_size=60, max_size=200))
def test_calls_that_are_on_their_way_for_unlike_times_keep_the_budget_where_they_arrive(
    clock: Clock, late: list[float]
) -> None:
    arrivals = answered_calls(clock, clock.drives(SharedBudget(10)), [0.0, *late])
    assert all(later - earlier >= 1 for earlier, later in zip(arrivals, arrivals[10:], strict=False))


def test_time_that_passed_without_calls_is_not_saved_up(clock: Clock) -> None:
    budget = clock.drives(SharedBudget(10))
    budget.acquire()
    clock.now += 60
    times = times_of_calls(clock, budget, 10)
    assert times[0] == 1060.0
    assert times[-1] - times[0] == pytest.approx(0.9 * CLOSER)


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
    budget = SharedBudget(None)
    budget.stop()
    for wait in (budget.acquire, lambda: budget.sleep(3600), lambda: budget.sleep(0)):
        with pytest.raises(StoppedError):
            wait()


# --- several processes

CALLS = """
import sys, time, threading
from pathlib import Path
from mailevents_dagster.sources.uzmanposta.rate import SharedBudget
budget = SharedBudget(float(sys.argv[2]), Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
until = time.monotonic() + float(sys.argv[3])
calls, waits, sleep = [], [], budget.sleep
def counted(seconds):
    waits.extend([seconds] if seconds > 0 else [])
    sleep(seconds)
budget.sleep = counted
def work():
    while time.monotonic() < until:
        budget.answered(budget.acquire(), 0.001)
        calls.append(1)
threads = [threading.Thread(target=work) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(len(calls), len(waits))
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "budgets" / "example.com.budget"


@pytest.fixture
def callers(file: Path) -> Iterator[Callable[[int, float, float], list[subprocess.Popen[str]]]]:
    started: list[subprocess.Popen[str]] = []

    def start(number: int, allowed: float, seconds: float) -> list[subprocess.Popen[str]]:
        command = [sys.executable, "-c", CALLS, str(file), str(allowed), str(seconds)]
        started.extend(
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(number)
        )
        for one in started:
            assert one.stdout
            assert one.stdout.readline() == "ready\n"
        for one in started:
            assert one.stdin
            one.stdin.write("go\n")
            one.stdin.flush()
        return started

    yield start
    for one in started:
        one.kill()
        one.communicate()


def calls_and_waits(callers: list[subprocess.Popen[str]]) -> list[list[int]]:
    return [[int(number) for number in one.communicate(timeout=PATIENCE)[0].split()] for one in callers]


def test_four_processes_of_four_threads_keep_one_budget_and_share_it(
    file: Path, callers: Callable[[int, float, float], list[subprocess.Popen[str]]]
) -> None:
    calls, waits = zip(*calls_and_waits(callers(4, 50, 4)), strict=True)

    # The times that the budget itself gave out: when a thread then gets a processor is another matter.
    times = sorted(time for time in SharedBudget(50, file)._state.calls.sent if time)
    assert len(times) == sum(calls)
    assert all(later - earlier >= 1.0 for earlier, later in zip(times, times[50:], strict=False))
    assert sum(waits) <= sum(calls), "a call is woken once, when it may go out"
    # A coarse bound: here the processes share two processors with other tests. Fine shares are not shown by this.
    assert min(calls) >= 0.4 * sum(calls) / 4


def test_a_killed_holder_of_the_budget_holds_nobody_up(
    file: Path, callers: Callable[[int, float, float], list[subprocess.Popen[str]]]
) -> None:
    holding = (
        "import os, sys; from mailevents_dagster.filelocks import take;"
        "take(os.open(sys.argv[1], os.O_RDWR)); print('held', flush=True); sys.stdin.read()"
    )
    SharedBudget(50, file).acquire()
    with subprocess.Popen(
        [sys.executable, "-c", holding, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "held\n"
        called = threading.Event()

        def call() -> None:
            SharedBudget(50, file).acquire()
            called.set()

        waiting = threading.Thread(target=call)
        waiting.start()
        assert not called.wait(0.2)
        os.kill(holder.pid, signal.SIGKILL)
        assert called.wait(PATIENCE)
        waiting.join()


def test_a_pause_told_to_one_process_holds_the_others_and_no_other_account(file: Path, clock: Clock) -> None:
    told, other = SharedBudget(50, file), clock.drives(SharedBudget(50, file))
    told.pause(600)
    clock.drives(SharedBudget(50, file.with_name("example.org.budget"))).acquire()
    assert clock.now == 1000.0
    other.acquire()
    assert clock.now == 1600.0


@pytest.mark.parametrize("content", [b"", b"rubbish", b"\xff" * 16_440, b"\x7f" * 17_000])
def test_a_damaged_budget_file_is_no_budget_file(file: Path, clock: Clock, content: bytes) -> None:
    file.parent.mkdir()
    file.write_bytes(content)
    times = times_of_calls(clock, clock.drives(SharedBudget(10, file)), 3)
    assert times[0] == 1000.0
    assert times[-1] == pytest.approx(1000 + 0.2 * CLOSER)
