"""The rate budget of a key: when its next call may go out, for all threads, processes and machines together.

Nobody reserves a time. One thread of each process waits until a call may go out, takes it if no other was faster, and
waits for the next one otherwise. So a process that is killed while it waits holds nothing.
"""

from __future__ import annotations

import math
import threading
import time
from dataclasses import replace
from typing import Final

from mailevents_dagster.model.event import StoppedError
from mailevents_dagster.sharing.number_places import Place
from mailevents_dagster.sources.uzmanposta.shared_calls import LONGEST_PAUSE, Calls, SharedCalls
from mailevents_dagster.sources.waits import LONGEST_WAIT

ARRIVAL: Final = 0.02
"""Seconds by which one call may be longer on its way than another.

One to eight milliseconds were measured on two overloaded processors; a refusal costs more than the rest.
"""
CATCH_UP: Final = 0.015
"""Seconds that a call may make up for when it is late: a waiting thread wakes up a few milliseconds late."""
SLOWER_BY: Final = 0.7
"""Without a configured rate, the share of the rate that is left after a refusal,"""
FASTER_BY: Final = 1.05
"""its growth in each second after that,"""
SLOWEST: Final = 0.2
"""and the fewest calls a second that it falls to."""
ONE_BURST: Final = 1.0
"""Seconds within which several refusals count as one: calls that were out together are refused together."""


class PausedError(Exception):
    """The API told this key to make no call for so many seconds, which is longer than the caller wants to wait."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"no call for {seconds:.0f} s")
        self.seconds = seconds


def interval(rate: float) -> float:
    """Return the seconds between two calls, so that no window of the API's length has one more than it allows.

    The API counts the calls of a second, or of the time of one call where it allows less than one a second. That many
    intervals are longer than this window even if the first call was slow on its way and the last one caught up.
    """
    together = max(1, int(rate))
    return 1 / rate + (ARRIVAL + CATCH_UP) / together


def rate_now(calls: Calls, configured: float | None, now: float) -> float | None:
    """Return how many calls a second may go out; None where no limit is known."""
    if configured is not None or not calls.slowed_to:
        return configured
    seconds = max(0.0, now - max(calls.slowed_at, calls.paused_until))
    return calls.slowed_to * math.pow(FASTER_BY, min(seconds, 100.0))  # by then 130 times as fast


class SharedBudget:
    """The budget of a key, of all who share the place; without a place it is this object's own.

    With a configured rate calls go out at even distances. Without one they go out as they come until the API refuses
    one, then at a part of the rate it refused, and slowly faster.
    """

    def __init__(self, requests_per_second: float | None, place: Place | None = None) -> None:
        self._configured = requests_per_second
        self._calls = SharedCalls(place, self.sleep)
        self._turn = threading.Lock()
        self._called_at = 0.0
        self._due = 0.0
        """When it is worth asking for a call again, by the clock of this machine."""
        self._stopped = threading.Event()
        self.seconds_throttled = 0.0
        """How long the API told this process to wait, all in all."""

    def acquire(self, patience: float = LONGEST_WAIT) -> None:
        """Wait until a call may go out; raise PausedError where a pause lasts longer than the patience."""
        with self._turn:  # one thread of a process asks at a time
            is_taken = False
            while not is_taken:
                self.sleep(self._due - time.monotonic())
                is_taken = self._take(patience)

    def _take(self, patience: float) -> bool:
        """Take the call that may go out now, if one may; note when to ask for the next."""

        def take(calls: Calls, now: float) -> tuple[Calls | None, bool]:
            if calls.paused_until - now > patience:
                raise PausedError(calls.paused_until - now)
            courtesy = self._calls.courtesy if calls.last_at == self._called_at else 0.0
            wait = max(calls.next_at + courtesy, calls.paused_until) - now
            if wait > 0:
                self._due = time.monotonic() + wait
                return None, False
            rate = rate_now(calls, self._configured, now)
            calls = calls.one_more(now, interval(rate) if rate else 0.0, CATCH_UP)
            self._called_at, self._due = now, time.monotonic() + calls.next_at + self._calls.courtesy - now
            return calls, True

        return self._calls.change(take, may_be_forgotten=self._configured is None or self._configured >= 1)

    def pause(self, seconds: float) -> None:
        """Let nobody with this key call before this time is over."""

        def pause(calls: Calls, now: float) -> tuple[Calls, float]:
            until = max(calls.paused_until, now + min(seconds, LONGEST_PAUSE))
            longer = until - max(calls.paused_until, now)
            if self._configured is None and now - calls.slowed_at > ONE_BURST:
                refused = rate_now(calls, None, now) or calls.recent_rate(now)
                calls = replace(calls, slowed_to=max(SLOWEST, SLOWER_BY * refused), slowed_at=now)
            return replace(calls, paused_until=until), longer

        self.seconds_throttled += self._calls.change(pause)

    def sleep(self, seconds: float) -> None:
        """Wait, or raise StoppedError as soon as the budget is stopped."""
        if self._stopped.wait(max(0.0, seconds)):
            raise StoppedError("It was told to stop.")

    def stop(self) -> None:
        """End every wait of this process, now and later."""
        self._stopped.set()

    def close(self) -> None:
        self._calls.close()
