"""Answers to listings: what the calls made for one window showed, and what they taught about the API on the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Generic, Protocol, TypeVar


class Row(Protocol):
    """A row as the listing sees it."""

    @property
    def time(self) -> int | None:
        """The row's own time, Unix seconds, where it has one."""

    @property
    def content(self) -> bytes:
        """Digest of all that the row says."""


R = TypeVar("R", bound=Row)
P = TypeVar("P")
Timed = tuple[int, R]
"""A row with its own time, or that of its neighbour where it has none."""
Ask = Callable[[int, int], Sequence[R]]
"""One call of the API: the rows between two Unix seconds, newest first, at most a page of them."""
Pack = Callable[[list[Timed[R]]], P]
"""Puts rows away, oldest first with their times: a window may hold more than there is memory for."""


def not_shown(rows: Iterable[Timed[R]], shown: Iterable[Timed[R]]) -> Iterator[Timed[R]]:
    """Return those of the rows that the others are not; like rows are told apart by counting them."""
    left = Counter(row.content for _, row in shown)
    for time, row in rows:
        if left[row.content]:
            left[row.content] -= 1
        else:
            yield time, row


def time_of(pair: tuple[int, object]) -> int:
    return pair[0]


@dataclass(slots=True)
class Page(Generic[R]):
    """An answer: its rows with their times, as the API ordered them."""

    first: int
    last: int
    rows: list[Timed[R]]
    full: bool

    @property
    def inside(self) -> list[Timed[R]]:
        """The rows whose own time lies in the window that was asked for."""
        return [pair for pair in self.rows if self.first <= pair[0] <= self.last]

    @property
    def has_strays(self) -> bool:
        return len(self.inside) < len(self.rows)

    @property
    def descending(self) -> bool:
        return all(newer[0] >= older[0] for newer, older in pairwise(self.inside))

    @property
    def oldest_first(self) -> list[Timed[R]]:
        return sorted(reversed(self.rows) if self.descending else self.rows, key=time_of)

    def within(self, start: int, end: int) -> list[Timed[R]]:
        """The rows with a time in `[start, end)`, oldest first."""
        return [pair for pair in self.oldest_first if start <= pair[0] < end]


class Pages(Generic[R]):
    """The calls made for one window, and what they taught about the API on the way."""

    def __init__(self, ask: Ask[R], limit: int) -> None:
        self._ask = ask
        self._limit = limit
        self.calls = 0
        self.end_is_included = False
        self.gaps: dict[int, int] = {}
        """Seconds that cannot be shown whole, and how many of their rows are here."""
        self.outside: dict[tuple[bytes, int], Timed[R]] = {}
        """Rows whose own time lies outside of the window, each as often as a single answer shows it."""
        self.first_rows: list[Timed[R]] = []
        """Of the first answer."""
        self.was_one_answer = True
        """Whether no answer was full."""
        self.longest = 0

    def page(self, first: int, last: int) -> Page[R]:
        """Make one call."""
        answer = self._ask(first, last)
        self.calls += 1
        rows: list[Timed[R]] = []
        time = next((row.time for row in answer if row.time is not None and first <= row.time <= last), last - 1)
        for row in answer:
            if row.time is not None and not first <= row.time <= last:
                rows.append((row.time, row))
            else:
                # A row without a time takes its newer neighbour's: it stays beside it whichever page shows the two.
                time = time if row.time is None else row.time
                rows.append((time, row))
        page = Page(first, last, rows, full=len(answer) >= self._limit)
        if self.calls == 1:
            self.first_rows = rows
        self.was_one_answer &= not page.full
        self.longest = max(self.longest, len(rows))
        return page

    def up_to(self, start: int, end: int) -> Page[R]:
        """The newest rows of `[start, end)`; rows at `end` itself show that the API counts the end of a window."""
        page = self.page(start - 1, end - 1 if self.end_is_included else end)
        self.end_is_included |= any(time == end for time, _ in page.rows)
        return page

    def note_outside(self, rows: Iterable[Timed[R]], start: int, end: int) -> None:
        """Keep the rows that lie outside of the window; one that several answers show is the same."""
        seen: Counter[bytes] = Counter()
        for time, row in rows:
            if not start <= time < end:
                self.outside[row.content, seen[row.content]] = (time, row)
                seen[row.content] += 1

    def second(self, second: int) -> Page[R]:
        """An answer that shows all rows of one second, or else the one that shows most, and the second is a gap.

        Under each rule for the ends of a window one of the four questions asks for just this second.
        """
        answers: list[tuple[int, int, Page[R]]] = []
        something_was_cut = False
        for first, last in ((second, second), (second - 1, second), (second, second + 1), (second - 1, second + 1)):
            page = self.page(first, last)
            here = len(page.within(second, second + 1))
            if here and not page.full:
                return page
            something_was_cut |= page.full and page.has_strays
            answers.append((here, len(page.rows), page))
        rows, _, most = max(answers, key=lambda answer: answer[:2])
        if rows or something_was_cut:
            self.gaps[second] = rows
        return most
