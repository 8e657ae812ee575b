"""Faults a test asks for: which requests get another answer than the API's own, and how often."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from mailevents_dagster.sources.uzmanposta.simulator.messages import Answer, Request

Match = Callable[[Request], bool] | str
"""A predicate, or what the path below the base URL starts with: `/logs/mail/` is every detail of a mail."""


@dataclass(slots=True)
class _Fault:
    matches: Callable[[Request], bool]
    answer: Answer
    left: int | None


class Faults:
    """Faults in the order they were asked for; the first that matches a request is its answer."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[_Fault] = []

    def fail_next(self, match: Match, answer: Answer, times: int | None = 1) -> None:
        """Answers the next `times` requests that match, or with None all of them, with this answer."""
        matches = (lambda request: request.path.startswith(match)) if isinstance(match, str) else match
        with self._lock:
            self._faults.append(_Fault(matches, answer, times))

    def take(self, request: Request) -> Answer | None:
        """The answer of the first fault that matches, which is thereby used once."""
        if not self._faults:
            return None
        with self._lock:
            for fault in self._faults:
                if fault.matches(request):
                    if fault.left is not None:
                        fault.left -= 1
                        if fault.left <= 0:
                            self._faults.remove(fault)
                    return fault.answer
        return None

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()

    def __len__(self) -> int:
        return len(self._faults)
