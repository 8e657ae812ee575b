"""How many rows make an answer full: as it is configured, until the API shows that it is fewer. Pure values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Self

FEWEST: Final = 10
"""No API shows fewer rows than these at the most: answers that are shorter are never taken for cut off."""


@dataclass(frozen=True, slots=True)
class PageSize:
    """What is assumed and what was learnt of the longest answer of one feed."""

    configured: int
    learnt: int = 0
    """The API cut an answer off at so many rows; zero where it never did below what is configured."""
    whole: int = 0
    """The longest answer that was shown not to be cut off."""
    last: int = 0
    """Rows of the answer to the last hour that fitted into one,"""
    last_start: int = 0
    """and where that hour began."""
    repeated: int = 0
    """A number that came for several hours and was whole each time: it is no limit."""

    @classmethod
    def of(cls, configured: int, learnt: Mapping[str, float]) -> Self:
        """Return what earlier collections of the feed have learnt."""
        names = {
            "learnt": "page_rows",
            "whole": "whole_rows",
            "last": "last_rows",
            "last_start": "last_rows_hour",
            "repeated": "repeated_rows",
        }
        return cls(configured, **{name: int(learnt.get(key, 0)) for name, key in names.items()})

    @property
    def limit(self) -> int:
        """So many rows are a full answer."""
        return min(self.configured, self.learnt or self.configured)

    def looks_full(self, rows: int, start: int) -> bool:
        """Return whether an answer that is not full might be cut off all the same: it is asked once for the rest.

        It is longer than any that is known to be whole, or just as long as one of another hour.
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

    @property
    def as_learnt(self) -> dict[str, float]:
        """Return what the next collection of the feed should know."""
        return {
            "page_rows": self.learnt,
            "whole_rows": self.whole,
            "last_rows": self.last,
            "last_rows_hour": self.last_start,
            "repeated_rows": self.repeated,
        }
