"""Workers: the threads of an account, kept from one hour to the next, which wait for its API side by side."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue


class Workers:
    """Does what it is given, in that order, as much at a time as the limit says then."""

    def __init__(self, limit: Callable[[], int]) -> None:
        self._limit = limit
        self._jobs: SimpleQueue[Callable[[], object] | None] = SimpleQueue()
        self._begun = 0
        self._beginning = threading.Lock()

    def do(self, job: Callable[[], object]) -> None:
        """The job must not raise."""
        self._jobs.put(job)
        self._grow()

    def close(self) -> None:
        """Ends the threads once what they were given is done; nobody waits for them."""
        self._jobs.put(None)

    def _grow(self) -> None:
        """Begins one thread more where jobs wait and more of them may be done at a time."""
        with self._beginning:
            if self._jobs.empty() or self._begun >= self._limit():
                return
            self._begun += 1
        # A daemon: a call that hangs at the end must not hold up the process, its answer is not needed.
        threading.Thread(target=self._work, name="details", daemon=True).start()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()
            self._grow()
        self._jobs.put(None)  # for the next: it ends them all, one after the other
