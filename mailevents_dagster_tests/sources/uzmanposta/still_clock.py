"""A clock that stands still between waits, and the calls that a budget lets out by it."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from mailevents_dagster.sources.uzmanposta import rate
from mailevents_dagster.sources.uzmanposta.rate import SharedBudget

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


def times_of_calls(clock: Clock, budget: SharedBudget, number: int) -> list[float]:
    times = []
    for _ in range(number):
        budget.acquire()
        times.append(clock.now)
    return times
