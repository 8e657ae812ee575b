"""What Graph allows an application in one mailbox: so many calls in ten minutes, and so many at a time.

All processes share it, those of other machines too where a database is named. Nobody reserves anything, so that who is
killed holds nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from queue import Empty, SimpleQueue
from typing import Final

from mailevents_dagster.files.locks import LATER
from mailevents_dagster.model.event import StoppedError
from mailevents_dagster.sharing.locks import HeldError, refusing
from mailevents_dagster.sharing.number_places import Place, holding_at, numbers_at
from mailevents_dagster.sources.waits import LONGEST_WAIT

CALLS: Final = 10_000
WINDOW: Final = 600
AT_A_TIME: Final = 4
STEP: Final = 10
"""Seconds; calls are counted by so many, and count until the last of them left the window."""
STEPS: Final = WINDOW // STEP + 1
LONGEST_PAUSE: Final = 86_400.0


class PausedError(Exception):
    """No call may go out for longer than a collection waits."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"no call for {seconds:.0f} s")
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class Calls:
    """The calls of the last ten minutes, by a clock that all who share them have."""

    paused_until: float = 0.0
    step: int = 0
    """The number of the newest step,"""
    counts: tuple[int, ...] = (0,) * STEPS
    """and the calls of the last ones, the newest last."""

    def at(self, now: float) -> Calls:
        """Return these as they count now."""
        passed = int(now // STEP) - self.step
        if passed < -STEPS:
            return Calls()
        passed = max(0, passed)  # a clock that was set back a little forgets no call
        return replace(self, step=self.step + passed, counts=(*self.counts, *(0,) * min(passed, STEPS))[-STEPS:])

    def wait(self, now: float) -> float:
        """Return the seconds until a call may go out."""
        wait, left = self.paused_until - now, sum(self.counts)
        for number, count in enumerate(self.counts):
            if left < CALLS:
                break
            left -= count
            wait = max(wait, (self.step - STEPS + 2 + number) * STEP + WINDOW - now)
        return max(0.0, wait)

    def one_more(self) -> Calls:
        return replace(self, counts=(*self.counts[:-1], self.counts[-1] + 1))

    @property
    def numbers(self) -> Sequence[float]:
        return self.paused_until, self.step, *self.counts


def known(numbers: Sequence[float] | None, now: float) -> Calls:
    """Return what these numbers say of the calls as they count now."""
    paused_until, step, *counts = numbers or (0.0, 0, *(0,) * STEPS)
    return Calls(min(paused_until, now + LONGEST_PAUSE), int(step), tuple(int(count) for count in counts)).at(now)


def _take(numbers: Sequence[float] | None, now: float) -> tuple[Sequence[float] | None, float]:
    """Count a call that may go out now, or return the seconds until one may."""
    calls = known(numbers, now)
    wait = calls.wait(now)
    return (None, wait) if wait > 0 else (calls.one_more().numbers, 0.0)


class Budget:
    """The budget of one application and mailbox; without a place it is this process's own."""

    def __init__(self, place: Place | None = None) -> None:
        self._place = place
        self._numbers = numbers_at(place, STEPS + 2, self.sleep)
        self._stopped = threading.Event()
        self._turns: SimpleQueue[int] = SimpleQueue()
        """Those of the four that no thread of this process has, or asks others for."""
        for turn in range(AT_A_TIME):
            self._turns.put(turn)
        self.seconds_throttled = 0.0
        """How long Graph told this process to wait, all in all."""

    @contextmanager
    def call(self) -> Iterator[None]:
        """Wait until a call may go out, and have one of the turns while the block runs."""
        with ExitStack() as turn:
            while not self._has_taken(turn):
                self.sleep(LATER)
            self._take_call()
            yield

    def _has_taken(self, turn: ExitStack) -> bool:
        """Take a turn, until the stack is unwound; return whether there was one."""
        self.sleep(0)
        try:
            number = self._turns.get(timeout=0.1)
        except Empty:
            return False
        with ExitStack() as taken:
            taken.callback(self._turns.put, number)
            if self._place is not None:
                try:
                    taken.enter_context(holding_at(self._place, str(number), refusing("Somebody else has the turn.")))
                except HeldError:
                    return False
            turn.push(taken.pop_all())
        return True

    def _take_call(self) -> None:
        while (wait := self._numbers.change(_take, may_be_forgotten=True)) > 0:
            if wait > LONGEST_WAIT:
                raise PausedError(wait)
            self.sleep(wait)

    def pause(self, seconds: float) -> None:
        """Let nobody call for this mailbox before this time is over."""

        def pause(numbers: Sequence[float] | None, now: float) -> tuple[Sequence[float], float]:
            calls = known(numbers, now)
            until = max(calls.paused_until, now + min(seconds, LONGEST_PAUSE))
            return replace(calls, paused_until=until).numbers, until - max(calls.paused_until, now)

        self.seconds_throttled += self._numbers.change(pause)

    def sleep(self, seconds: float) -> None:
        """Wait, or raise StoppedError as soon as the budget is stopped."""
        if self._stopped.wait(max(0.0, seconds)):
            raise StoppedError("It was told to stop.")

    def stop(self) -> None:
        self._stopped.set()

    def close(self) -> None:
        self._numbers.close()
