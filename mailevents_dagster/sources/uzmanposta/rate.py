"""The rate budget of an account: when the next call may go out, for all threads of all processes together.

What the processes share is a small file: when the last calls went out or will, and until when the API told the account
to wait. It is guarded by a lock that goes with its holder, so a killed process holds nobody up.
"""

from __future__ import annotations

import math
import mmap
import os
import threading
import time
from array import array
from pathlib import Path
from typing import Final, Protocol, Self

from mailevents_dagster.events import StoppedError
from mailevents_dagster.filelocks import release, take

MARGIN: Final = 0.03
"""Seconds that a window is kept longer than the API's at the most: calls arrive less evenly than they go out."""
LEAST_MARGIN: Final = 0.005
"""How late the API's own clock may look at a call that came in time."""
CLOSER: Final = 0.95
"""Of the average distance between two calls, so that what was missed is made up for in the window it was missed in.

At the whole of it every thread that is woken late would cost the budget; it is the windows that keep the rate.
"""
REMEMBERED: Final = 2
"""For so many windows at the least, and twice as many at the most, a late answer widens those that follow."""
SLOWEST: Final = 0.2
FASTER_BY: Final = 1.05
"""Without a configured rate: calls a second at the least, and the growth in each second without a refusal."""
LONGEST_BLOCK: Final = 86_400.0
RING: Final = 1024
"""Twice the calls that any window is counted to hold: those that wait for their time are among them."""
FIRST_TIME: Final = 9
BYTES: Final = 8 * (FIRST_TIME + RING)
"""The shared file: a few numbers and the times of the last calls, as many as any window can hold."""


class Budget(Protocol):
    """What an API client asks before each call; one over several machines would be another of these."""

    seconds_throttled: float
    """How long the API told this process to wait, all in all."""

    def acquire(self) -> None:
        """Waits until a call may go out; StoppedError once the budget was stopped."""

    def answered(self, seconds: float) -> None:
        """A call was answered after so long, which tells how evenly calls arrive."""

    def pause(self, seconds: float) -> None:
        """The API says: nobody calls before this time is over."""

    def sleep(self, seconds: float) -> None:
        """Waits, unless the budget is stopped: then StoppedError, at once."""

    def stop(self) -> None:
        """Ends every wait of this process, now and later."""

    def close(self) -> None:
        """Gives back what the budget holds open."""


class SharedBudget(Budget):
    """The budget of an account on this machine.

    With a rate, calls go out at nearly even distances and no window of the API's length ever sees more of them than it
    allows. A call that was answered so much later than the fastest of all may have arrived so much later, and none
    arrives earlier. So windows are kept longer by the most that the last answers took longer than the fastest, up to
    MARGIN.

    Without a rate, calls go out as they come until the API refuses, then at 0.7 of the rate it refused, and slowly
    faster. With no file it is one process's own.
    """

    def __init__(self, requests_per_second: float | None, file: Path | None = None) -> None:
        self._configured = requests_per_second
        self._state = _State(file)
        self._stopped = threading.Event()
        self._fastest = math.inf
        self.seconds_throttled = 0.0

    def acquire(self) -> None:
        number: int | None = None
        wait = 0.0
        while True:
            self.sleep(wait)
            with self._state as state:
                now = time.monotonic()
                if state.blocked_until > now:
                    number = None  # told to wait meanwhile: its place is void
                number, place = self._place(state, now, number)
            wait = place - now
            if wait <= 0:
                return

    def _place(self, state: _State, now: float, number: int | None) -> tuple[int, float]:
        """The number of a call, which may have one, and its time: written down, so that those that follow heed it."""
        rate, earliest = self._rate(state, now), now
        if number is None:
            number, earliest = state.count(), max(now, state.next_place, state.blocked_until)
        free = state.time_of(number - _calls_a_window(rate)) + _window(rate, state.margin)
        place = max(earliest, free)
        state.set_time(number, place)
        state.next_place = max(state.next_place, place + _distance(rate, state.margin))
        return number, place

    def answered(self, seconds: float) -> None:
        if self._configured is None and not self._state.rate:
            return  # nothing limits the calls: no window to keep longer
        with self._state as state:
            now = time.monotonic()
            self._fastest = min(self._fastest, seconds)
            window = _window(self._rate(state, now), state.margin)
            state.see(seconds - self._fastest, now, REMEMBERED * window)

    def pause(self, seconds: float) -> None:
        with self._state as state:
            now = time.monotonic()
            until = max(state.blocked_until, now + seconds)
            self.seconds_throttled += until - max(state.blocked_until, now)
            state.blocked_until = until
            state.late_now = MARGIN  # what it counts may look otherwise than from here
            if self._configured is None and now - state.slowed_at > 1:  # refusals of one burst count as one
                state.rate = max(SLOWEST, 0.7 * (self._rate(state, now) or state.sent_within(now - 1, now)))
                state.slowed_at = now

    def sleep(self, seconds: float) -> None:
        if self._stopped.is_set() or (seconds > 0 and self._stopped.wait(seconds)):
            raise StoppedError("It was told to stop.")

    def stop(self) -> None:
        self._stopped.set()

    def close(self) -> None:
        self._state.close()

    def _rate(self, state: _State, now: float) -> float:
        """Calls a second as they may go out now; zero where nothing is known to limit them."""
        if self._configured is not None:
            return self._configured
        if not state.rate:
            return 0.0
        recovered: float = state.rate * FASTER_BY ** max(0.0, now - max(state.slowed_at, state.blocked_until))
        return min(recovered, state.rate * 100)


def _calls_a_window(rate: float) -> int:
    """How many calls the API counts together: those of a second, or one where it allows less than one a second."""
    return min(RING // 2, max(1, int(rate)))


def _window(rate: float, margin: float) -> float:
    return _calls_a_window(rate) / rate + margin if rate else -math.inf


def _distance(rate: float, margin: float) -> float:
    return CLOSER * _window(rate, margin) / _calls_a_window(rate) if rate else 0.0


class _Cell:
    """A number of the shared state."""

    def __init__(self, index: int) -> None:
        self._index = index

    def __get__(self, state: _State, _: type) -> float:
        return state.cells[self._index]

    def __set__(self, state: _State, value: float) -> None:
        state.cells[self._index] = value


class _State:
    """What all processes know of an account's calls; used as a context manager, it is this thread's alone."""

    since_boot = _Cell(0)
    """Which start of the machine the times count from."""
    next_place = _Cell(1)
    blocked_until = _Cell(2)
    slowed_at = _Cell(3)
    rate = _Cell(4)
    """Calls a second after the last refusal; zero where there was none."""
    calls = _Cell(5)
    """How many have got a place so far."""
    seen_since = _Cell(6)
    """When the two that follow last changed places; zero where no call was answered yet."""
    late_now = _Cell(7)
    """The most that an answer since then took longer than the fastest."""
    late_before = _Cell(8)
    """The same of the time before. The times of calls follow."""

    def __init__(self, file: Path | None) -> None:
        self._thread = threading.Lock()
        self._handle: int | None = None
        if file is None:
            memory = mmap.mmap(-1, BYTES)
        else:
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
            os.truncate(self._handle, BYTES)
            memory = mmap.mmap(self._handle, BYTES)
        self.cells = memoryview(memory).cast("d")

    def __enter__(self) -> Self:
        self._thread.acquire()
        if self._handle is not None:
            take(self._handle)
        latest = time.monotonic() + LONGEST_BLOCK
        times = (self.next_place, self.blocked_until, self.slowed_at, self.seen_since)
        if self.since_boot != THIS_BOOT or not all(0 <= at <= latest for at in times):
            # The machine was started anew, or the file is damaged: nothing is known of earlier calls.
            self.cells[:] = memoryview(array("d", [THIS_BOOT] + [0.0] * (len(self.cells) - 1)))
        return self

    def __exit__(self, *_: object) -> None:
        if self._handle is not None:
            release(self._handle)
        self._thread.release()

    def close(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    @property
    def margin(self) -> float:
        """Seconds that a window is kept longer than the API's."""
        late = max(self.late_now, self.late_before) if self.seen_since else MARGIN
        return min(MARGIN, max(LEAST_MARGIN, late))

    def see(self, late: float, now: float, long: float) -> None:
        """How late an answer was; what was seen is forgotten after so long."""
        if now - self.seen_since > long:
            self.late_before = self.late_now if self.seen_since else MARGIN
            self.late_now, self.seen_since = 0.0, now
        self.late_now = max(self.late_now, late)

    def count(self) -> int:
        """The number of one call more."""
        self.calls += 1
        return int(self.calls) - 1

    def time_of(self, number: int) -> float:
        """When a call went out, or will; long ago where there was none of this number."""
        return self.cells[FIRST_TIME + number % RING] if number >= 0 else -math.inf

    def set_time(self, number: int, time: float) -> None:
        self.cells[FIRST_TIME + number % RING] = time

    def sent_within(self, first: float, last: float) -> int:
        return sum(first < at <= last for at in self.cells[FIRST_TIME:])


def _boot() -> float:
    """A number that is another after each start of the machine, from where it can be had."""
    try:
        return float(int(Path("/proc/sys/kernel/random/boot_id").read_text()[:8], 16))
    except (OSError, ValueError):
        return 1.0


THIS_BOOT: Final = _boot()
