"""The threads of a lane, kept from one hour to the next, which wait for its source side by side."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue


class Workers:
    """Threads that begin jobs in the order they are given, as many at a time as the limit says then."""

    def __init__(self, limit: Callable[[], int]) -> None:
        self._limit = limit
        self._jobs: SimpleQueue[Callable[[], object] | None] = SimpleQueue()
        self._begun = 0
        self._beginning = threading.Lock()

    def do(self, job: Callable[[], object]) -> None:
        """Have a job done, which must not raise."""
        self._jobs.put(job)
        self._grow()

    def close(self) -> None:
        """End the threads once their jobs are done, without waiting for them."""
        self._jobs.put(None)

    def _grow(self) -> None:
        """Begin one more thread if jobs wait and the limit allows it."""
        with self._beginning:
            if self._jobs.empty() or self._begun >= self._limit():
                return
            self._begun += 1
        # A daemon: a call that hangs must not keep the process from ending, its answer is not needed then.
        threading.Thread(target=self._work, name="details", daemon=True).start()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()
            self._grow()
        self._jobs.put(None)  # for the next thread, until all have ended
