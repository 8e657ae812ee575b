"""The window that is listed: what the calls made for it showed, and what they taught about the API on the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import itemgetter
from typing import Final, Generic, Protocol, TypeVar


class Row(Protocol):
    """A row as the listing sees it."""

    @property
    def time(self) -> int | None:
        """The row's own time in Unix seconds, if it has one."""

    @property
    def content(self) -> bytes:
        """Digest of all that the row says."""


R = TypeVar("R", bound=Row)
P = TypeVar("P")
Timed = tuple[int, R]
"""A row with its own time, or with that of its neighbour if it has none."""
Ask = Callable[[int, int], Sequence[R]]
"""Makes one call: returns the rows between two Unix seconds, newest first, at most a page of them."""
Pack = Callable[[list[Timed[R]]], P]
"""Puts rows away, oldest first: a window may hold more than there is memory for."""


def not_shown(rows: Iterable[Timed[R]], shown: Iterable[Timed[R]]) -> Iterator[Timed[R]]:
    """Return the rows that are not among the others; equal rows are counted."""
    left = Counter(row.content for _, row in shown)
    for time, row in rows:
        if left[row.content]:
            left[row.content] -= 1
        else:
            yield time, row


time_of: Final = itemgetter(0)


@dataclass(frozen=True, slots=True)
class Page(Generic[R]):
    """An answer: its rows with their times, as the API ordered them."""

    first: int
    last: int
    rows: list[Timed[R]]
    full: bool
    """It shows as many rows as an answer can, so that there may be more."""

    @property
    def inside(self) -> list[Timed[R]]:
        """The rows whose own time is one that was asked for."""
        return [(time, row) for time, row in self.rows if self.first <= time <= self.last]

    @property
    def strays(self) -> int:
        """How many rows have a time that was not asked for."""
        return len(self.rows) - len(self.inside)

    @property
    def descending(self) -> bool:
        return all(newer[0] >= older[0] for newer, older in pairwise(self.inside))

    @property
    def oldest_first(self) -> list[Timed[R]]:
        return sorted(reversed(self.rows) if self.descending else self.rows, key=time_of)

    @property
    def last_time(self) -> int:
        """The time of the last row, which is the oldest where the rows descend."""
        return self.rows[-1][0]

    def within(self, start: int, end: int) -> list[Timed[R]]:
        """Return the rows with a time in `[start, end)`, oldest first."""
        return [(time, row) for time, row in self.oldest_first if start <= time < end]


class Window(Generic[R]):
    """The seconds `[start, end)`, and what the calls made for them showed."""

    def __init__(self, ask: Ask[R], start: int, end: int, limit: int) -> None:
        self.ask = ask
        self._limit = limit
        self.start = start
        self.end = end
        self.calls = 0
        self.first_rows: list[Timed[R]] = []
        """The rows of the first answer."""
        self.fits_into_one_answer = True
        """No answer was full."""
        self.longest = 0
        self.end_is_included = False
        """The API counts the end of a window that it is asked for."""
        self.gaps: dict[int, int] = {}
        """Seconds that cannot be shown whole, and how many of their rows are here."""
        self.outside: dict[tuple[bytes, int], Timed[R]] = {}
        """Rows whose own time lies outside of the window, each as often as a single answer shows it."""

    def holds(self, time: int) -> bool:
        return self.start <= time < self.end

    def page(self, first: int, last: int) -> Page[R]:
        """Make one call."""
        rows = list(_with_times(self.ask(first, last), first, last))
        self.calls += 1
        page = Page(first, last, rows, full=len(rows) >= self._limit)
        if self.calls == 1:
            self.first_rows = rows
        self.fits_into_one_answer &= not page.full
        self.longest = max(self.longest, len(rows))
        return page

    def page_up_to(self, end: int) -> Page[R]:
        """Ask for the newest rows before `end`; rows at `end` itself show that the API counts the end of a window."""
        page = self.page(self.start - 1, end - 1 if self.end_is_included else end)
        self.end_is_included |= any(time == end for time, _ in page.rows)
        return page

    def page_of_second(self, second: int) -> Page[R]:
        """Return an answer with all rows of a second, or the one with most of them, and note the second as a gap.

        Whichever ends of a window the API counts, one of the four questions asks for just this second.
        """
        pages: list[Page[R]] = []
        for first, last in ((second, second), (second - 1, second), (second, second + 1), (second - 1, second + 1)):
            page = self.page(first, last)
            if page.within(second, second + 1) and not page.full:
                return page
            pages.append(page)
        most = max(pages, key=lambda page: (len(page.within(second, second + 1)), page.strays, len(page.rows)))
        rows = len(most.within(second, second + 1))
        if rows or any(page.full and page.strays for page in pages):
            self.gaps[second] = rows
        return most

    def note_outside(self, rows: Iterable[Timed[R]]) -> None:
        """Note the rows that lie outside of the window; one that several answers show is the same row."""
        seen: Counter[bytes] = Counter()
        for time, row in rows:
            if not self.holds(time):
                self.outside[row.content, seen[row.content]] = (time, row)
                seen[row.content] += 1


def _with_times(answer: Sequence[R], first: int, last: int) -> Iterator[Timed[R]]:
    """Give a row without a time that of its newer neighbour: it stays beside it whichever page shows the two."""
    time = next((row.time for row in answer if row.time is not None and first <= row.time <= last), last - 1)
    for row in answer:
        if row.time is not None and not first <= row.time <= last:
            yield row.time, row
        else:
            time = time if row.time is None else row.time
            yield time, row
