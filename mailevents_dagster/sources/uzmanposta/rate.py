"""The rate budget of a key: when its next call may go out, for all threads of all processes of this machine together.

Nobody is given a time far ahead. One thread of each process waits for the moment from which a call may go out, takes it
if it is the first to ask then, and waits for the next one otherwise: whoever is killed while waiting held nothing.
"""

from __future__ import annotations

import math
import threading
import time
from pathlib import Path
from typing import Final

from mailevents_dagster.model.event import StoppedError
from mailevents_dagster.sources.uzmanposta.budget_file import LONGEST_PAUSE, BudgetFile, Calls

ARRIVAL: Final = 0.02
"""Seconds by which one call may be longer on its way than another.

On two processors with twice as much to do as they can, one to eight milliseconds were seen; a refusal costs more than
the rest of these two percent.
"""
CATCH_UP: Final = 0.015
"""Seconds that a call may make up for where it was late: a waiting thread wakes up a few milliseconds late."""
COURTESY: Final = 0.002
"""Seconds by which a process that called last lets others go first, so that none has less than its share for long."""
SLOWER_BY: Final = 0.7
FASTER_BY: Final = 1.05
SLOWEST: Final = 0.2
"""Without a configured rate: its share after a refusal, its growth in each second without one, and the least of it."""
ONE_BURST: Final = 1.0
"""Seconds within which refusals are of one burst of calls and slow them once."""
LONGEST_WAIT: Final = 900.0
"""Seconds that a collection waits at the most for the end of a pause: as long as it goes on trying a call that fails.

A run that only waits holds its feeds and shows nothing; one that ends says until when, and the next begins then.
"""


class PausedError(Exception):
    """The API told this key to make no call for longer than whoever asks will wait."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"no call for {seconds:.0f} s")
        self.seconds = seconds


def interval(rate: float) -> float:
    """Seconds between two calls, so that no window of the API's length ever sees one more than it allows.

    The API counts the calls of a second together, or one where it allows less than one a second. So many intervals
    are longer than that window even where the first call was late on its way and the last one caught up.
    """
    together = max(1, int(rate))
    return 1 / rate + (ARRIVAL + CATCH_UP) / together


def rate_now(calls: Calls, configured: float | None, now: float) -> float | None:
    """Calls a second as they may go out; None where nothing is known to limit them."""
    if configured is not None or not calls.slowed_to:
        return configured
    seconds = max(0.0, now - max(calls.slowed_at, calls.paused_until))
    return calls.slowed_to * math.pow(FASTER_BY, min(seconds, 100.0))  # by then 130 times as fast


class SharedBudget:
    """The budget of a key. Without a file it is this process's own.

    With a configured rate calls go out at even distances. Without one they go out as they come until the API refuses,
    then at a part of the rate it refused, and slowly faster.
    """

    def __init__(self, requests_per_second: float | None, file: Path | None = None) -> None:
        self._configured = requests_per_second
        self._file = BudgetFile(file)
        self._turn = threading.Lock()
        self._called_at = 0.0
        self._stopped = threading.Event()
        self.seconds_throttled = 0.0
        """How long the API told this process to wait, all in all."""

    def acquire(self, patience: float = LONGEST_WAIT) -> None:
        """Wait until a call may go out.

        Raise StoppedError once the budget was stopped, PausedError where a pause lasts longer than the patience.
        """
        with self._turn:  # one thread of a process asks at a time
            wait = 0.0
            while True:
                self.sleep(wait)
                wait = self._take(patience)
                if wait <= 0:
                    return

    def _take(self, patience: float) -> float:
        """Take the call that may go out now, or return the seconds until one may."""
        with self._file as file:
            now = time.monotonic()
            calls = file.read(now)
            if calls.paused_until - now > patience:
                raise PausedError(calls.paused_until - now)
            courtesy = COURTESY if calls.last_at == self._called_at else 0.0
            wait = max(calls.next_at + courtesy, calls.paused_until) - now
            if wait <= 0:
                self._called_at = now
                rate = rate_now(calls, self._configured, now)
                file.write(calls.one_more(now, interval(rate) if rate else 0.0, CATCH_UP))
            return wait

    def pause(self, seconds: float) -> None:
        """Let nobody with this key call before this time is over."""
        with self._file as file:
            now = time.monotonic()
            calls = file.read(now)
            until = max(calls.paused_until, now + min(seconds, LONGEST_PAUSE))
            self.seconds_throttled += until - max(calls.paused_until, now)
            slowed_to = calls.slowed_to
            if is_slowed := self._configured is None and now - calls.slowed_at > ONE_BURST:
                slowed_to = max(SLOWEST, SLOWER_BY * (rate_now(calls, None, now) or calls.rate_of_late(now)))
            file.write(calls.paused(until, slowed_to, now if is_slowed else calls.slowed_at))

    def sleep(self, seconds: float) -> None:
        """Wait, unless the budget is stopped: then raise StoppedError, at once."""
        if self._stopped.wait(max(0.0, seconds)):
            raise StoppedError("It was told to stop.")

    def stop(self) -> None:
        """End every wait of this process, now and later."""
        self._stopped.set()

    def close(self) -> None:
        self._file.close()
