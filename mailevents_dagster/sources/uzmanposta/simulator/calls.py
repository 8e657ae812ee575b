"""The log of calls a simulator has answered, for tests that count them."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from mailevents_dagster.sources.uzmanposta.simulator.messages import Kind

KEPT: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Call:
    """One request and the status it was answered with; 0 where the connection was reset."""

    kind: Kind
    path: str
    params: dict[str, str]
    key: str | None
    status: int
    arrival: float
    """Seconds of the monotonic clock."""


class Calls:
    """The last million calls, oldest first; counts go on beyond them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: deque[Call] = deque(maxlen=KEPT)
        self._counts: Counter[tuple[Kind, int]] = Counter()

    def add(self, call: Call) -> None:
        with self._lock:
            self._calls.append(call)
            self._counts[call.kind, call.status] += 1

    def count(self, kind: Kind | None = None, status: int | None = None) -> int:
        """How many calls there were of a kind, with a status, or at all."""
        with self._lock:
            return sum(
                number
                for (its_kind, its_status), number in self._counts.items()
                if kind in (None, its_kind) and status in (None, its_status)
            )

    def clear(self) -> None:
        with self._lock:
            self._calls.clear()
            self._counts.clear()

    def __iter__(self) -> Iterator[Call]:
        with self._lock:
            return iter(list(self._calls))

    def __len__(self) -> int:
        return self.count()
