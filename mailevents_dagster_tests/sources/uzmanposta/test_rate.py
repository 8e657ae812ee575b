"""The rate budget, with a clock that only moves when somebody waits, and with processes that share a file."""

from __future__ import annotations

import math
import os
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from mailevents_dagster.model.event import StoppedError
from mailevents_dagster.sources.uzmanposta import rate
from mailevents_dagster.sources.uzmanposta.budget_file import BudgetFile, Calls
from mailevents_dagster.sources.uzmanposta.rate import ARRIVAL, CATCH_UP, COURTESY, PausedError, SharedBudget, interval
from mailevents_dagster.sources.uzmanposta.simulator import Behaviour, Simulator

PATIENCE = 30.0
"""Seconds after which a test gives up on a thread or a process."""


class Clock:
    """A monotonic clock that stands still between waits."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        self.waits: list[float] = []
        self.while_waiting: Callable[[], None] = lambda: None
        self.real = time.monotonic
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
    assert times[-1] - times[0] == pytest.approx(9 * interval(10) - CATCH_UP + COURTESY)


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


# --- several processes

CALLS = """
import sys, threading, time
from pathlib import Path
from mailevents_dagster.sources.uzmanposta.access import Access
from mailevents_dagster.sources.uzmanposta.api import UzmanPostaApi
from mailevents_dagster.sources.uzmanposta.feeds import feed_of
base_url, file, rate, seconds = sys.argv[1:]
access = Access("example.com", base_url, "key", requests_per_second=float(rate), budget_file=Path(file))
feed = feed_of("example.com", "authentication")
with UzmanPostaApi(access) as api:
    print("ready", flush=True)
    sys.stdin.readline()
    until = time.monotonic() + float(seconds)
    calls = [0] * 4
    def work(number):
        while time.monotonic() < until:
            api.rows(feed, 0, 1)
            calls[number] += 1
    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
print(*calls)
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "budgets" / "of-a-key.budget"


@contextmanager
def started(script: str, *arguments: object, number: int = 1) -> Iterator[list[subprocess.Popen[str]]]:
    """Processes of a script that have said that they are ready; they are killed at the end."""
    command = [sys.executable, "-c", script, *map(str, arguments)]
    processes = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(number)
    ]
    try:
        for process in processes:
            assert process.stdout
            assert process.stdout.readline() == "ready\n"
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def test_four_processes_of_four_threads_keep_one_budget_use_it_and_share_it(file: Path) -> None:
    behaviour = Behaviour(latency_seconds=0.1)
    with Simulator(behaviour) as api, started(CALLS, api.base_url, file, 50, 6, number=4) as processes:
        for process in processes:
            assert process.stdin
            process.stdin.write("go\n")
            process.stdin.flush()
        calls = [[int(number) for number in process.communicate(timeout=PATIENCE)[0].split()] for process in processes]
        arrivals = sorted(call.arrival for call in api.calls)
    of_processes = [sum(counts) for counts in calls]
    assert len(arrivals) == sum(of_processes)
    windows = [later - earlier for earlier, later in zip(arrivals, arrivals[50:], strict=False)]
    # Coarse bounds: here everything shares two processors with other tests. `make bench` measures what is used.
    assert min(windows) > 0.9
    assert min(of_processes) >= 0.6 * sum(of_processes) / 4
    assert min(map(min, calls)) >= 0.5 * sum(of_processes) / 16


HOLDS = """
import sys, time
from pathlib import Path
from mailevents_dagster.sources.uzmanposta.budget_file import BudgetFile
with BudgetFile(Path(sys.argv[1])) as file:
    print("ready", flush=True)
    sys.stdin.read()
"""
WAITS = """
import sys, threading
from pathlib import Path
from mailevents_dagster.sources.uzmanposta.rate import SharedBudget
budget = SharedBudget(float(sys.argv[2]), Path(sys.argv[1]))
for _ in range(int(sys.argv[3])): threading.Thread(target=budget.acquire).start()
print("ready", flush=True)
"""


def test_a_killed_holder_of_the_budget_holds_nobody_up(file: Path) -> None:
    SharedBudget(50, file).acquire()
    with started(HOLDS, file) as [holder]:
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


def test_killed_waiters_leave_nothing_that_those_behind_them_must_wait_for(file: Path, clock: Clock) -> None:
    """Sixty-four of them at one call in 50 seconds: places of their own would hold the next one up for an hour."""
    with started(WAITS, file, 0.02, 16, number=4) as processes:
        for process in processes:
            process.kill()
            process.wait()
    with BudgetFile(file) as kept:
        clock.now = real_time = clock.real()
        due = kept.read(real_time).next_at
    assert due <= real_time + interval(0.02)
    clock.drives(SharedBudget(0.02, file)).acquire()
    assert clock.now <= real_time + interval(0.02)


def test_a_pause_told_to_one_process_holds_the_others_and_no_other_key(file: Path, clock: Clock) -> None:
    told, other = SharedBudget(50, file), clock.drives(SharedBudget(50, file))
    told.pause(600)
    clock.drives(SharedBudget(50, file.with_name("of-another.budget"))).acquire()
    assert clock.now == 1000.0
    other.acquire()
    assert clock.now == 1600.0


NUMBERS = ("next_at", "paused_until", "slowed_to", "slowed_at", "lately", "last_at")
DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "cut short": lambda kept: kept[:-1],
    "rubbish": lambda _: b"rubbish",
    "ones": lambda _: b"\xff" * 200,
    "the format of the version before": lambda _: struct.pack("<7d", 1.0, 9e9, 9e9, 9e9, 1.0, 3.0, 9e9) + bytes(16_384),
    "another start of the machine": lambda kept: b"0" * 36 + kept[36:],
    **{f"bit {bit} flipped": lambda kept, bit=bit: flipped(kept, bit) for bit in range(0, 88 * 8, 29)},  # type: ignore[misc]
}


def flipped(kept: bytes, bit: int) -> bytes:
    changed = bytearray(kept)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def begins_anew(file: Path, clock: Clock) -> bool:
    times = times_of_calls(clock, clock.drives(SharedBudget(10, file)), 3)
    early = 1000 - CATCH_UP + COURTESY
    return times == pytest.approx([1000.0, early + interval(10), early + 2 * interval(10)])


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_budget_file_begins_anew(file: Path, clock: Clock, damage: str) -> None:
    budget = SharedBudget(10, file)
    budget.acquire()
    budget.pause(600)
    file.write_bytes(DAMAGE[damage](file.read_bytes()))
    assert begins_anew(file, clock)


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("number", [math.nan, math.inf, 1e300, -1e300, -1.0, 1000 + 40 * 86_400.0])
def test_numbers_that_nobody_can_have_written_begin_anew_though_their_checksum_fits(
    name: str, number: float, file: Path, clock: Clock
) -> None:
    with BudgetFile(file) as kept:
        kept.write(replace(Calls(paused_until=1500.0), **{name: number}))
    if not (name == "slowed_at" and number < 0) and not (name in ("slowed_to", "lately") and 0 <= number < math.inf):
        assert begins_anew(file, clock)


def test_calls_a_day_ahead_are_nobodys(file: Path, clock: Clock) -> None:
    with BudgetFile(file) as kept:
        kept.write(replace(Calls(), next_at=1000 + 86_400.0, last_at=1000.0))
    assert begins_anew(file, clock)
