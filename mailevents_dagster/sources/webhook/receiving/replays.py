"""Requests that were taken already, by their marks: what is sent once more is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

MOST: Final = 500_000
"""Marks of a webhook that are remembered, the newest. What is older and sent again is told by its events' ids."""


class Replays:
    """The marks of one webhook; for one thread."""

    def __init__(self, max_age: float, now: Callable[[], float]) -> None:
        self._max_age = max_age
        self._now = now
        self._taken: dict[str, float] = {}
        """When each was taken, oldest first."""

    def remember(self, marks: Iterable[tuple[str, float]]) -> None:
        """Know these from before, with when each was taken."""
        for mark, at in sorted(marks, key=lambda one: one[1]):
            self._taken[mark] = at

    def take(self, mark: str) -> bool:
        """Return whether a mark is new, and remember it; one that is empty always is."""
        now = self._now()
        self._forget(now)
        if mark in self._taken:
            return False
        if mark:
            self._taken[mark] = now
        return True

    def give_back(self, mark: str) -> None:
        """Forget a mark whose request could not be kept: it is sent again."""
        self._taken.pop(mark, None)

    def _forget(self, now: float) -> None:
        while self._taken:
            mark = next(iter(self._taken))
            if len(self._taken) <= MOST and now - self._taken[mark] <= self._max_age:
                return
            del self._taken[mark]
