"""How many rows make an answer full: as configured, until the API shows that it is fewer. Pure values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Self

FEWEST: Final = 10
"""Shorter answers are never taken for cut off: no API shows so few rows at most."""
LEARNT_LIMIT: Final = "page_rows"
"""The name under which a cursor keeps how many rows an answer shows at most."""
_LEARNT: Final = {
    LEARNT_LIMIT: "learnt",
    "whole_rows": "whole",
    "last_rows": "last",
    "last_rows_hour": "last_start",
    "repeated_rows": "repeated",
}
"""The names under which a cursor keeps what was learnt."""


@dataclass(frozen=True, slots=True)
class PageSize:
    """What is assumed and what was learnt of the longest answer of one feed."""

    configured: int
    learnt: int = 0
    """The API cut an answer off at so many rows; zero where it never did below what is configured."""
    whole: int = 0
    """The longest answer that turned out not to be cut off."""
    last: int = 0
    """The rows of the last hour that fitted into one answer,"""
    last_start: int = 0
    """and where that hour began."""
    repeated: int = 0
    """A number of rows that several hours had and that was whole each time: it is no limit."""

    @classmethod
    def of(cls, configured: int, learnt: Mapping[str, float]) -> Self:
        """Return what earlier collections of the feed have learnt."""
        return cls(configured, **{field: int(learnt.get(name, 0)) for name, field in _LEARNT.items()})

    @property
    def as_learnt(self) -> dict[str, float]:
        """Return what the next collection of the feed should know."""
        return {name: getattr(self, field) for name, field in _LEARNT.items()}

    @property
    def limit(self) -> int:
        """Return how many rows a full answer has."""
        return min(self.configured, self.learnt or self.configured)

    def looks_full(self, rows: int, start: int) -> bool:
        """Return whether an answer that is not full might be cut off all the same, so that its rest is asked for.

        It is longer than any that is known to be whole, or just as long as that of another hour.
        """
        if rows < FEWEST or rows >= self.limit:
            return False
        return rows > self.whole or (self._came_before(rows, start) and rows != self.repeated)

    def _came_before(self, rows: int, start: int) -> bool:
        return rows in (self.whole, self.last) and start != self.last_start

    def cut_at(self, rows: int) -> PageSize:
        """Return this, knowing that the API cuts answers off at so many rows."""
        return replace(self, learnt=rows)

    def after(self, rows: int, start: int, *, asked: bool) -> PageSize:
        """Return this, knowing that a whole hour fitted into one answer; `asked` says that its rest was asked for."""
        repeated = rows if asked and self._came_before(rows, start) else self.repeated
        whole = max(self.whole, rows if asked else 0)
        return replace(self, whole=whole, last=rows, last_start=start, repeated=repeated)

    def outgrown_by(self, rows: int) -> PageSize:
        """Return this, knowing that the API does not cut answers off where it was thought to."""
        return replace(self, learnt=0, whole=max(self.whole, rows))
