"""One budget for several processes: shared by all, whoever is killed and whatever is damaged."""

from __future__ import annotations

import math
import os
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from mailevents_dagster.sharing.numbers import FileNumbers
from mailevents_dagster.sources.uzmanposta.rate import CATCH_UP, SharedBudget, interval
from mailevents_dagster.sources.uzmanposta.shared_calls import Calls, SharedCalls
from mailevents_dagster.sources.uzmanposta.simulator import Behaviour, Simulator
from mailevents_dagster_tests.sources.uzmanposta.still_clock import PATIENCE, Clock, times_of_calls

pytestmark = pytest.mark.slow


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


CALLS = """
import sys, threading, time
from pathlib import Path
from mailevents_dagster.sources.uzmanposta.access import Access
from mailevents_dagster.sources.uzmanposta.api import UzmanPostaApi
from mailevents_dagster.sources.uzmanposta.feeds import feed_of
base_url, file, rate, seconds = sys.argv[1:]
access = Access("example.com", base_url, "key", requests_per_second=float(rate), budget=Path(file))
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
from mailevents_dagster.sources.uzmanposta.shared_calls import SharedCalls
def hold(calls, now):
    print("ready", flush=True)
    sys.stdin.read()
SharedCalls(Path(sys.argv[1])).change(hold)
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
    clock.now = real_time = clock.real()
    due = SharedCalls(file).change(lambda calls, _: (None, calls.next_at))
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
    early = 1000 - CATCH_UP + FileNumbers.courtesy
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
    SharedCalls(file).change(lambda *_: (replace(Calls(paused_until=1500.0), **{name: number}), None))
    if not (name == "slowed_at" and number < 0) and not (name in ("slowed_to", "lately") and 0 <= number < math.inf):
        assert begins_anew(file, clock)


def test_calls_a_day_ahead_are_nobodys(file: Path, clock: Clock) -> None:
    SharedCalls(file).change(lambda *_: (replace(Calls(), next_at=1000 + 86_400.0, last_at=1000.0), None))
    assert begins_anew(file, clock)
