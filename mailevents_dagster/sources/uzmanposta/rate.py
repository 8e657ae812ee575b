"""The rate budget of an account: when the next call may go out. Told to wait, all wait."""

from __future__ import annotations

import threading
import time
from typing import Final

from mailevents_dagster.sources.uzmanposta.errors import StoppedError

SLACK: Final = 0.97
"""Share of the budget that is used: calls sent at even distances arrive a little uneven."""


class Budget:
    """Spaces the calls of an account evenly, over all threads that share it."""

    def __init__(self, requests_per_second: float | None) -> None:
        self._distance = 0.0 if requests_per_second is None else 1 / (requests_per_second * SLACK)
        self._lock = threading.Lock()
        self._next = 0.0
        self._blocked_until = 0.0
        self._stopped = threading.Event()
        self.seconds_throttled = 0.0
        """How long the API told the account to wait, all in all."""

    def acquire(self) -> None:
        """Waits for the next free place; StoppedError once the budget was stopped."""
        while True:
            with self._lock:
                now = time.monotonic()
                place = max(self._next, self._blocked_until, now)
                self._next = place + self._distance
            self.sleep(place - now)
            if time.monotonic() >= self._blocked_until:
                return

    def pause(self, seconds: float) -> None:
        """Nobody calls before the time is over."""
        with self._lock:
            now = time.monotonic()
            until = max(self._blocked_until, now + seconds)
            self.seconds_throttled += until - max(self._blocked_until, now)
            self._blocked_until = until

    def sleep(self, seconds: float) -> None:
        """Waits, unless the budget is stopped: then StoppedError, at once."""
        if self._stopped.is_set() or (seconds > 0 and self._stopped.wait(seconds)):
            raise StoppedError

    def stop(self) -> None:
        """Ends every wait, now and later."""
        self._stopped.set()
