"""The rate budget of an account: when the next call may go out, for all threads of all processes together.

What the processes share is a small file: when the last calls went out or will, and until when the API told the account
to wait. It is guarded by a lock that goes with its holder, so a killed process holds nobody up.
"""

from __future__ import annotations

import ctypes
import math
import mmap
import os
import threading
import time
from pathlib import Path
from typing import Final, Protocol

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
        self._stopped = False
        self._stopping = threading.RLock()
        self._end = threading.Lock()
        self._end.acquire()
        self._fastest = math.inf
        self.seconds_throttled = 0.0

    def acquire(self) -> None:
        number: int | None = None
        wait = 0.0
        while True:
            self.sleep(wait)
            with self._state as calls:
                now = time.monotonic()
                if calls.blocked_until > now:
                    number = None  # told to wait meanwhile: its place is void
                number, place = self._place(calls, now, number)
            wait = place - now
            if wait <= 0:
                return

    def _place(self, calls: _Calls, now: float, number: int | None) -> tuple[int, float]:
        """The number of a call, which may have one, and its time: written down, so that those that follow heed it."""
        rate, earliest = self._rate(calls, now), now
        if number is None:
            number, earliest = calls.count(), max(now, calls.next_place, calls.blocked_until)
        free = calls.time_of(number - _calls_a_window(rate)) + _window(rate, calls.margin)
        place = max(earliest, free)
        calls.set_time(number, place)
        calls.next_place = max(calls.next_place, place + _distance(rate, calls.margin))
        return number, place

    def answered(self, seconds: float) -> None:
        calls, now, late = self._state.calls, time.monotonic(), seconds - self._fastest
        if self._configured is None and not calls.rate:
            return  # nothing limits the calls: no window to keep longer
        if 0 <= late <= max(LEAST_MARGIN, calls.late_now) and now <= calls.seen_until:
            return  # nothing new, as from nearly every answer: one look without the lock is enough
        with self._state as calls:
            self._fastest = min(self._fastest, seconds)
            window = _window(self._rate(calls, now), calls.margin)
            calls.see(seconds - self._fastest, now, REMEMBERED * window)

    def pause(self, seconds: float) -> None:
        with self._state as calls:
            now = time.monotonic()
            until = max(calls.blocked_until, now + seconds)
            self.seconds_throttled += until - max(calls.blocked_until, now)
            calls.blocked_until = until
            calls.late_now = MARGIN  # what it counts may look otherwise than from here
            if self._configured is None and now - calls.slowed_at > 1:  # refusals of one burst count as one
                calls.rate = max(SLOWEST, 0.7 * (self._rate(calls, now) or calls.sent_within(now - 1, now)))
                calls.slowed_at = now

    def sleep(self, seconds: float) -> None:
        # The wait of an Event makes a lock each time, and costs a twentieth of a call where calls are far between.
        if self._end.acquire(timeout=max(0.0, seconds)):
            self._end.release()  # for the next
            raise StoppedError("It was told to stop.")

    def stop(self) -> None:
        with self._stopping:
            if not self._stopped:
                self._stopped = True
                self._end.release()

    def close(self) -> None:
        self._state.close()

    def _rate(self, calls: _Calls, now: float) -> float:
        """Calls a second as they may go out now; zero where nothing is known to limit them."""
        if self._configured is not None:
            return self._configured
        if not calls.rate:
            return 0.0
        recovered: float = calls.rate * FASTER_BY ** max(0.0, now - max(calls.slowed_at, calls.blocked_until))
        return min(recovered, calls.rate * 100)


def _calls_a_window(rate: float) -> int:
    """How many calls the API counts together: those of a second, or one where it allows less than one a second."""
    return min(RING // 2, max(1, int(rate)))


def _window(rate: float, margin: float) -> float:
    return _calls_a_window(rate) / rate + margin if rate else -math.inf


def _distance(rate: float, margin: float) -> float:
    return CLOSER * _window(rate, margin) / _calls_a_window(rate) if rate else 0.0


class _Calls(ctypes.Structure):
    """What all processes know of an account's calls, as it lies in the file."""

    since_boot: float
    """Which start of the machine the times count from."""
    next_place: float
    blocked_until: float
    slowed_at: float
    rate: float
    """Calls a second after the last refusal; zero where there was none."""
    calls: float
    """How many have got a place so far."""
    seen_until: float
    """When the two that follow change places; zero where no call was answered yet."""
    late_now: float
    """The most that an answer of late took longer than the fastest."""
    late_before: float
    """The same of the time before."""
    times: ctypes.Array[ctypes.c_double]
    """Of the last calls, as many as any window can hold."""

    _fields_ = (
        *((name, ctypes.c_double) for name in ("since_boot", "next_place", "blocked_until", "slowed_at")),
        *((name, ctypes.c_double) for name in ("rate", "calls", "seen_until", "late_now", "late_before")),
        ("times", ctypes.c_double * RING),
    )

    def is_of_use(self, now: float) -> bool:
        """Not where the machine was started anew, nor where the file is damaged."""
        latest = now + LONGEST_BLOCK
        return (
            self.since_boot == THIS_BOOT
            and 0 <= self.next_place <= latest
            and 0 <= self.blocked_until <= latest
            and 0 <= self.slowed_at <= latest
            and 0 <= self.seen_until <= latest
        )

    def forget(self) -> None:
        ctypes.memset(ctypes.byref(self), 0, ctypes.sizeof(self))
        self.since_boot = THIS_BOOT

    @property
    def margin(self) -> float:
        """Seconds that a window is kept longer than the API's."""
        late = max(self.late_now, self.late_before) if self.seen_until else MARGIN
        return min(MARGIN, max(LEAST_MARGIN, late))

    def see(self, late: float, now: float, long: float) -> None:
        """How late an answer was; what was seen is forgotten after so long."""
        if now > self.seen_until:
            self.late_before = self.late_now if self.seen_until else MARGIN
            self.late_now, self.seen_until = 0.0, now + long
        self.late_now = max(self.late_now, late)

    def count(self) -> int:
        """The number of one call more."""
        self.calls += 1
        return int(self.calls) - 1

    def time_of(self, number: int) -> float:
        """When a call went out, or will; long ago where there was none of this number."""
        return self.times[number % RING] if number >= 0 else -math.inf

    def set_time(self, number: int, time: float) -> None:
        self.times[number % RING] = time

    def sent_within(self, first: float, last: float) -> int:
        return sum(first < at <= last for at in self.times)


class _State:
    """The calls of an account, in a file that processes share; as a context manager, this thread's alone."""

    def __init__(self, file: Path | None) -> None:
        self._thread = threading.Lock()
        self._handle: int | None = None
        size = ctypes.sizeof(_Calls)
        if file is None:
            memory = mmap.mmap(-1, size)
        else:
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
            os.truncate(self._handle, size)
            memory = mmap.mmap(self._handle, size)
        self.calls = _Calls.from_buffer(memory)

    def __enter__(self) -> _Calls:
        self._thread.acquire()
        if self._handle is not None:
            take(self._handle)
        if not self.calls.is_of_use(time.monotonic()):
            self.calls.forget()
        return self.calls

    def __exit__(self, *_: object) -> None:
        if self._handle is not None:
            release(self._handle)
        self._thread.release()

    def close(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def _boot() -> float:
    """A number that is another after each start of the machine, from where it can be had."""
    try:
        return float(int(Path("/proc/sys/kernel/random/boot_id").read_text()[:8], 16))
    except (OSError, ValueError):
        return 1.0


THIS_BOOT: Final = _boot()
