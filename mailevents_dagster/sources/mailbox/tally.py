"""What the calls of a collection have cost."""

from __future__ import annotations

import threading
from collections.abc import Callable

from mailevents_dagster.sources.client import Attempt


class Tally:
    """Counts calls, and tells another of each. Threads may count at once."""

    def __init__(self, observe: Callable[[Attempt], object]) -> None:
        self._observe = observe
        self._counting = threading.Lock()
        self._calls = self._failed = 0
        self._seconds = self._throttled = 0.0

    def observe(self, attempt: Attempt) -> None:
        with self._counting:
            self._calls += 1
            self._failed += attempt.failed is not None
            self._seconds += attempt.seconds
            self._throttled = max(self._throttled, attempt.seconds_throttled)
        self._observe(attempt)

    def measures(self) -> dict[str, float]:
        return {
            "api_calls": self._calls,
            "failed_calls": self._failed,
            "api_seconds": round(self._seconds, 3),
            "throttle_seconds": round(self._throttled, 3),
        }
