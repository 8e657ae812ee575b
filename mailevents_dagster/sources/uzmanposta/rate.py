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
"""Seconds that a call is taken to arrive late at the most, and where nothing is known of it."""
LIKELY_MARGIN: Final = 0.01
"""The same where a call is given its time long before: more than nearly all take, so that few are woken twice."""
LEAST_MARGIN: Final = 0.005
"""How late the API's own clock may look at a call that came in time."""
CLOSER: Final = 0.9
"""Of the average distance between two calls, so that what was missed is made up for in the window it was missed in.

At the whole of it every thread that is woken late would cost the budget; it is the windows that keep the rate.
"""
WARY: Final = 2
"""For so many windows behind a refusal nothing is concluded from answers: the API may count otherwise than it looks."""
SLOWEST: Final = 0.2
FASTER_BY: Final = 1.05
"""Without a configured rate: calls a second at the least, and the growth in each second without a refusal."""
LONGEST_BLOCK: Final = 86_400.0
RING: Final = 1024
"""Twice the calls that any window is counted to hold: those that wait for their time are among them."""
UNKNOWN: Final = -1.0


class Budget(Protocol):
    """What an API client asks before each call; one over several machines would be another of these."""

    seconds_throttled: float
    """How long the API told this process to wait, all in all."""

    def acquire(self) -> int:
        """Waits until a call may go out and returns its number; StoppedError once the budget was stopped."""

    def answered(self, number: int, seconds: float) -> None:
        """The call of this number was answered after so long, which tells how late it may have arrived."""

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
    allows. What counts is when they arrive. A call that was answered so much later than the fastest of all may have
    arrived so much later, and none arrives earlier: its window begins as late as that, up to MARGIN.

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
        self._learning = threading.Lock()
        self._fastest = math.inf
        self._answers = 0
        self.seconds_throttled = 0.0

    def acquire(self) -> int:
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
                return number

    def _place(self, calls: _Calls, now: float, number: int | None) -> tuple[int, float]:
        """The number of a call, which may have one, and its time: written down, so that those that follow heed it."""
        rate, earliest = self._rate(calls, now), now
        if number is None:
            number, earliest = calls.count(), max(now, calls.next_place, calls.blocked_until)
        before, window = number - _calls_a_window(rate), _window(rate)
        place = max(earliest, calls.arrival(before, LIKELY_MARGIN) + window)
        if place <= now:
            place = max(now, calls.arrival(before, MARGIN) + window)
        calls.send(number, place)
        calls.next_place = max(calls.next_place, place + _distance(rate))
        return number, place

    def answered(self, number: int, seconds: float) -> None:
        with self._learning:
            self._fastest = min(self._fastest, seconds)
            self._answers += 1
            late, answers = seconds - self._fastest, self._answers
        # Read and written without the lock of the account: a number at a time is whole, and this one is nobody else's.
        calls, now = self._state.calls, time.monotonic()
        of_the_first = answers <= _calls_a_window(self._rate(calls, now))  # whose fastest need not be fast
        is_trusted = not of_the_first and now > calls.wary_until
        calls.learn(number, min(MARGIN, LEAST_MARGIN + late) if is_trusted else MARGIN)

    def pause(self, seconds: float) -> None:
        with self._state as calls:
            now = time.monotonic()
            until = max(calls.blocked_until, now + seconds)
            self.seconds_throttled += until - max(calls.blocked_until, now)
            calls.blocked_until = until
            calls.wary_until = until + WARY * max(0.0, _window(self._rate(calls, now)))
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


def _window(rate: float) -> float:
    return _calls_a_window(rate) / rate if rate else -math.inf


def _distance(rate: float) -> float:
    return CLOSER / rate if rate else 0.0


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
    wary_until: float
    """Until when nothing is concluded from answers."""
    sent: ctypes.Array[ctypes.c_double]
    """When the last calls went out or will, as many as any window can hold."""
    late: ctypes.Array[ctypes.c_double]
    """How much later each arrived at the most; UNKNOWN until it is answered."""

    _fields_ = (
        *((name, ctypes.c_double) for name in ("since_boot", "next_place", "blocked_until", "slowed_at")),
        *((name, ctypes.c_double) for name in ("rate", "calls", "wary_until")),
        *((name, ctypes.c_double * RING) for name in ("sent", "late")),
    )

    def is_of_use(self, now: float) -> bool:
        """Not where the machine was started anew, nor where the file is damaged."""
        latest = now + LONGEST_BLOCK
        return (
            self.since_boot == THIS_BOOT
            and 0 <= self.next_place <= latest
            and 0 <= self.blocked_until <= latest
            and 0 <= self.slowed_at <= latest
            and 0 <= self.wary_until <= latest
        )

    def forget(self) -> None:
        ctypes.memset(ctypes.byref(self), 0, ctypes.sizeof(self))
        self.since_boot = THIS_BOOT

    def count(self) -> int:
        """The number of one call more."""
        self.calls += 1
        return int(self.calls) - 1

    def arrival(self, number: int, unknown: float) -> float:
        """When a call arrived at the latest, taken so late where it is unknown; long ago where there was none."""
        if number < 0:
            return -math.inf
        late = self.late[number % RING]
        return self.sent[number % RING] + (unknown if late == UNKNOWN else late)

    def send(self, number: int, time: float) -> None:
        """Notes when a call goes out; how late it arrives is not known yet."""
        self.sent[number % RING], self.late[number % RING] = time, UNKNOWN

    def learn(self, number: int, late: float) -> None:
        if self.calls - number <= RING // 2:  # no window counts older ones; their place is given away
            self.late[number % RING] = late

    def sent_within(self, first: float, last: float) -> int:
        return sum(first < at <= last for at in self.sent)


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
