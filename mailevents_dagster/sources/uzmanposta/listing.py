"""Every row of a window, oldest first, with the fewest calls: an API that shows its newest 1,000 rows made complete.

Windows are half-open and in whole seconds. Whether the API counts the ends of the window it is asked for is unknown,
so a window `[start, end)` is asked for as `(start - 1, end)`: that covers it under all four rules, and rows of the
second before and the second after are dropped by their own time. Where pages meet, the second at the seam is dropped
from the older-looking page and taken whole from the next, so no two rows are ever compared to find repeats.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Generic, Protocol, TypeVar

from mailevents_dagster.events import Gap


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
Ask = Callable[[int, int], Sequence[R]]
"""One call of the API: the rows between two Unix seconds, newest first, at most a page of them."""


Pack = Callable[[list[tuple[int, R]]], P]
"""Puts rows away, oldest first with their times: a window may hold more than there is memory for."""


@dataclass(frozen=True, slots=True)
class Listing(Generic[R, P]):
    """The rows of a window, packed, oldest first, and what could not be had of it."""

    packs: Sequence[P]
    strays: list[tuple[int, R]]
    """Rows whose own time lies outside the window that returned them."""
    gaps: tuple[Gap, ...]
    calls: int


def list_window(ask: Ask[R], start: int, end: int, page_limit: int, pack: Pack[R, P]) -> Listing[R, P]:
    """Everything the API has in `[start, end)`; a second it cannot show whole is named as a gap.

    What was packed before it showed that the API cuts off other rows than the oldest is not in the listing.
    """
    pages = _Pages(ask, page_limit)
    packs = _newest_first(pages, start, end, pack)
    if packs is None:
        pages.gaps.clear()
        packs = _halves(pages, start, end, pack)
    strays = sorted(pages.strays.values(), key=_time)
    gaps = tuple(sorted(pages.gaps, key=lambda gap: gap.second))
    return Listing(packs, strays, gaps, pages.calls)


def edges(count: int, untimed: Container[int]) -> list[int]:
    """Of so many rows the places before the first and behind the last that has a time of its own.

    Only there can the windows of two hours show the same row without a time.
    """
    first = next((place for place in range(count) if place not in untimed), count)
    last = next((place for place in reversed(range(count)) if place not in untimed), first - 1)
    return [*range(first), *range(last + 1, count)]


def _time(pair: tuple[int, object]) -> int:
    return pair[0]


@dataclass(slots=True)
class _Page(Generic[R]):
    rows: list[tuple[int, R]]
    """Rows within the window asked for, as the API ordered them."""
    full: bool
    has_strays: bool

    @property
    def descending(self) -> bool:
        return all(newer[0] >= older[0] for newer, older in pairwise(self.rows))

    def oldest_first(self, start: int, end: int) -> list[tuple[int, R]]:
        inside = [pair for pair in self.rows if start <= pair[0] < end]
        return sorted(reversed(inside) if self.descending else inside, key=_time)


class _Pages(Generic[R]):
    """The calls made for one window, and what they taught about the API on the way."""

    def __init__(self, ask: Ask[R], limit: int) -> None:
        self._ask = ask
        self._limit = limit
        self.calls = 0
        self.end_is_included = False
        self.gaps: list[Gap] = []
        self.strays: dict[tuple[bytes, int], tuple[int, R]] = {}

    def page(self, first: int, last: int) -> _Page[R]:
        """One call. A stray that several calls return is kept as often as a single call shows it."""
        answer = self._ask(first, last)
        self.calls += 1
        inside: list[tuple[int, R]] = []
        strays: Counter[bytes] = Counter()
        time = next((row.time for row in answer if row.time is not None and first <= row.time <= last), last - 1)
        for row in answer:
            if row.time is not None and not first <= row.time <= last:
                self.strays[row.content, strays[row.content]] = (row.time, row)
                strays[row.content] += 1
            else:
                # A row without a time takes its newer neighbour's: it stays beside it whichever page shows the two.
                time = time if row.time is None else row.time
                inside.append((time, row))
        return _Page(inside, full=len(answer) >= self._limit, has_strays=bool(strays))

    def up_to(self, start: int, end: int) -> _Page[R]:
        """The newest rows of `[start, end)`; rows at `end` itself show that the API counts the end of a window."""
        page = self.page(start - 1, end - 1 if self.end_is_included else end)
        self.end_is_included |= any(time == end for time, _ in page.rows)
        return page

    def second(self, second: int) -> list[tuple[int, R]]:
        """All rows of one second, or the most that any call shows of it, named as a gap.

        Under each rule for the ends of a window one of the four questions asks for just this second.
        """
        most: list[tuple[int, R]] = []
        something_was_cut = False
        for first, last in ((second, second), (second - 1, second), (second, second + 1), (second - 1, second + 1)):
            page = self.page(first, last)
            rows = page.oldest_first(second, second + 1)
            if rows and not page.full:
                return rows
            something_was_cut |= page.full and page.has_strays
            most = max(most, rows, key=len)
        if most or something_was_cut:
            self.gaps.append(Gap(second, len(most)))
        return most


def _newest_first(pages: _Pages[R], start: int, end: int, pack: Pack[R, P]) -> list[P] | None:
    """The window page by page, each ending where the last was cut; None if the API does not cut its oldest rows off."""
    taken: list[P] = []
    newest: list[tuple[int, R]] = []
    cut: Counter[bytes] = Counter()
    last_shown: int | None = None
    older_rows_followed = False
    newest_end = end
    while start < end:
        asked_below_end = pages.end_is_included
        page = pages.up_to(start, end)
        rows = page.oldest_first(start, end)
        repeated = Counter(row.content for time, row in rows if time == end - 1)
        if not cut <= repeated or (page.full and (page.has_strays or not page.descending)):
            return None
        oldest = page.rows[-1][0] if page.full else start - 1
        older_rows_followed |= last_shown is not None and any(time < last_shown for time, _ in rows)
        if oldest < start:
            newest = newest or rows
            taken.append(pack(rows))
            last_shown = oldest if page.full else last_shown
            break
        last_shown = oldest
        if not rows and asked_below_end:
            return None
        if not rows:  # the page holds nothing but the second at the end: now known to be counted, it is left out next
            continue
        whole = [pair for pair in rows if pair[0] > oldest]
        portion = whole or pages.second(oldest)
        newest = newest or portion
        taken.append(pack(portion))
        cut = Counter(row.content for time, row in rows if time == oldest) if whole else Counter()
        end = oldest + 1 if whole else oldest
    if last_shown is None or older_rows_followed or _newest_are_shown(pages, newest, start, newest_end):
        return taken[::-1]
    return None


def _newest_are_shown(pages: _Pages[R], rows: list[tuple[int, R]], start: int, end: int) -> bool:
    """Whether nothing newer than these, the newest rows taken, was cut off.

    Asked where no page has shown older rows than a full one before it: an API that keeps the oldest rows of a window
    would look complete otherwise.
    """
    newest = rows[-1][0] if rows else start
    page = pages.page(newest - 1, end)
    taken = sum(time == newest for time, _ in rows)
    return not page.full and len(page.oldest_first(newest, end)) <= taken


def _halves(pages: _Pages[R], start: int, end: int, pack: Pack[R, P]) -> list[P]:
    """The window from smaller and smaller windows that fit into a page, whatever the API cuts off a full one."""
    if end - start == 1:
        return [pack(pages.second(start))]
    middle = (start + end) // 2
    packs: list[P] = []
    for first, last in ((start, middle), (middle, end)):
        page = pages.page(first - 1, last)
        packs += _halves(pages, first, last, pack) if page.full else [pack(page.oldest_first(first, last))]
    return packs
