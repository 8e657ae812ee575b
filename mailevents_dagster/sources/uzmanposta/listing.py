"""Every row of a window with the fewest calls: an API that shows its newest 1,000 rows made complete.

Windows are half-open and in whole seconds. Whether the API counts the ends of the window it is asked for is unknown,
so `[start, end)` is asked for as `(start - 1, end)`, which covers it under all four rules. Which time of a record the
API looks at is unknown, too. So a row belongs to the window of its own time if the answer to that window shows it, else
to the window whose answer does. That holds between the parts of a window here, and between hours in `neighbours`.

Mostly each answer ends where the last was cut, and no two rows are compared: the second at the seam is left out of one
answer and taken whole from the next. Where answers do not fit together like this, the window is asked for in halves.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Generic, Protocol, TypeVar

from mailevents_dagster.events import Gap
from mailevents_dagster.sources.uzmanposta.page_size import PageSize


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
    outside: list[tuple[int, R]]
    """Rows that the API showed and whose own time lies outside of the window, oldest first."""
    gaps: tuple[Gap, ...]
    calls: int
    size: PageSize
    """What is known of the longest answer from now on."""


def list_window(ask: Ask[R], start: int, end: int, size: PageSize, pack: Pack[R, P]) -> Listing[R, P]:
    """Return everything the API has in `[start, end)`; a second it cannot show whole is named as a gap.

    What was packed before it showed that answers are cut off in another way is not in the listing.
    """
    pages = _Pages(ask, size.limit)
    packs = _newest_first(pages, start, end, pack)
    if packs is None:
        packs = _in_halves(pages, start, end, pack)
    if pages.was_one_answer:
        rows = len(pages.first_rows)
        asked = size.looks_full(rows, start)
        if asked and _something_was_cut(pages, start, end):
            known = list_window(ask, start, end, size.cut_at(rows), pack)
            return Listing(known.packs, known.outside, known.gaps, pages.calls + known.calls, known.size)
        size = size.after(rows, start, asked=asked)
    elif pages.longest > size.limit:
        size = size.outgrown_by(pages.longest)
    outside = sorted(pages.outside.values(), key=_time)
    gaps = tuple(Gap(second, seen) for second, seen in sorted(pages.gaps.items()))
    return Listing(packs, outside, gaps, pages.calls, size)


def edges(count: int, untimed: Container[int]) -> list[int]:
    """Of so many rows the places before the first and behind the last that has a time of its own.

    Only there can the windows of two hours show the same row without a time.
    """
    first = next((place for place in range(count) if place not in untimed), count)
    last = next((place for place in reversed(range(count)) if place not in untimed), first - 1)
    return [*range(first), *range(last + 1, count)]


def not_shown(rows: Iterable[tuple[int, R]], shown: Iterable[tuple[int, R]]) -> Iterator[tuple[int, R]]:
    """Return those of the rows that the others are not; like rows are told apart by counting them."""
    left = Counter(row.content for _, row in shown)
    for time, row in rows:
        if left[row.content]:
            left[row.content] -= 1
        else:
            yield time, row


def _time(pair: tuple[int, object]) -> int:
    return pair[0]


@dataclass(slots=True)
class _Page(Generic[R]):
    """An answer: its rows with their times, as the API ordered them."""

    first: int
    last: int
    rows: list[tuple[int, R]]
    full: bool

    @property
    def inside(self) -> list[tuple[int, R]]:
        """The rows whose own time lies in the window that was asked for."""
        return [pair for pair in self.rows if self.first <= pair[0] <= self.last]

    @property
    def has_strays(self) -> bool:
        return len(self.inside) < len(self.rows)

    @property
    def descending(self) -> bool:
        return all(newer[0] >= older[0] for newer, older in pairwise(self.inside))

    @property
    def oldest_first(self) -> list[tuple[int, R]]:
        return sorted(reversed(self.rows) if self.descending else self.rows, key=_time)

    def within(self, start: int, end: int) -> list[tuple[int, R]]:
        """The rows with a time in `[start, end)`, oldest first."""
        return [pair for pair in self.oldest_first if start <= pair[0] < end]


class _Pages(Generic[R]):
    """The calls made for one window, and what they taught about the API on the way."""

    def __init__(self, ask: Ask[R], limit: int) -> None:
        self._ask = ask
        self._limit = limit
        self.calls = 0
        self.end_is_included = False
        self.gaps: dict[int, int] = {}
        """Seconds that cannot be shown whole, and how many of their rows are here."""
        self.outside: dict[tuple[bytes, int], tuple[int, R]] = {}
        """Rows whose own time lies outside of the window, each as often as a single answer shows it."""
        self.first_rows: list[tuple[int, R]] = []
        """Of the first answer."""
        self.was_one_answer = True
        """Whether no answer was full."""
        self.longest = 0

    def page(self, first: int, last: int) -> _Page[R]:
        """Make one call."""
        answer = self._ask(first, last)
        self.calls += 1
        rows: list[tuple[int, R]] = []
        time = next((row.time for row in answer if row.time is not None and first <= row.time <= last), last - 1)
        for row in answer:
            if row.time is not None and not first <= row.time <= last:
                rows.append((row.time, row))
            else:
                # A row without a time takes its newer neighbour's: it stays beside it whichever page shows the two.
                time = time if row.time is None else row.time
                rows.append((time, row))
        page = _Page(first, last, rows, full=len(answer) >= self._limit)
        if self.calls == 1:
            self.first_rows = rows
        self.was_one_answer &= not page.full
        self.longest = max(self.longest, len(rows))
        return page

    def up_to(self, start: int, end: int) -> _Page[R]:
        """The newest rows of `[start, end)`; rows at `end` itself show that the API counts the end of a window."""
        page = self.page(start - 1, end - 1 if self.end_is_included else end)
        self.end_is_included |= any(time == end for time, _ in page.rows)
        return page

    def note_outside(self, rows: Iterable[tuple[int, R]], start: int, end: int) -> None:
        """Keep the rows that lie outside of the window; one that several answers show is the same."""
        seen: Counter[bytes] = Counter()
        for time, row in rows:
            if not start <= time < end:
                self.outside[row.content, seen[row.content]] = (time, row)
                seen[row.content] += 1

    def second(self, second: int) -> _Page[R]:
        """An answer that shows all rows of one second, or else the one that shows most, and the second is a gap.

        Under each rule for the ends of a window one of the four questions asks for just this second.
        """
        answers: list[tuple[int, int, _Page[R]]] = []
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


def _newest_first(pages: _Pages[R], start: int, end: int, pack: Pack[R, P]) -> list[P] | None:
    """The window page by page, each ending where the last was cut; None if the pages do not fit together so."""
    taken: list[P] = []
    newest: list[tuple[int, R]] = []
    cut: Counter[bytes] = Counter()
    shown: list[tuple[int, R]] = []
    last_shown: int | None = None
    older_rows_followed = False
    window = start, end
    while start < end:
        asked_below_end = pages.end_is_included
        page = pages.up_to(start, end)
        rows = page.within(start, end)
        repeated = Counter(row.content for time, row in rows if time == end - 1)
        is_cut_elsewhere = page.full and not page.descending
        shows_other_times = page.has_strays and (page.full or last_shown is not None)
        at_end = [pair for pair in page.rows if pair[0] == end]
        is_new_at_end = last_shown is not None and any(not_shown(at_end, shown))
        if not cut <= repeated or is_cut_elsewhere or shows_other_times or is_new_at_end:
            return None
        pages.note_outside(page.rows, *window)
        oldest = page.rows[-1][0] if page.full else start - 1
        older_rows_followed |= last_shown is not None and any(time < last_shown for time, _ in rows)
        if oldest < start:
            newest = newest or rows
            taken.append(pack(rows))
            last_shown = oldest if page.full else last_shown
            break
        last_shown, shown = oldest, page.rows
        if not rows and asked_below_end:
            return None
        if not rows:  # the page holds nothing but the second at the end: now known to be counted, it is left out next
            continue
        whole = [pair for pair in rows if pair[0] > oldest]
        portion = whole or pages.second(oldest).within(oldest, oldest + 1)
        if not whole and oldest not in pages.gaps and any(not_shown(rows, portion)):
            return None
        newest = newest or portion
        taken.append(pack(portion))
        cut = Counter(row.content for time, row in rows if time == oldest) if whole else Counter()
        end = oldest + 1 if whole else oldest
    if last_shown is None or older_rows_followed or _newest_are_shown(pages, newest, *window):
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
    return not page.full and len(page.within(newest, end)) <= taken


def _in_halves(pages: _Pages[R], start: int, end: int, pack: Pack[R, P]) -> list[P]:
    """The window from smaller and smaller parts that fit into an answer, whatever the API cuts off and filters by."""
    pages.gaps.clear()
    pages.outside.clear()
    packs: list[P] = []
    before: Sequence[tuple[int, R]] = ()
    later: list[tuple[int, R]] = []
    for first, last, page in _parts(pages, start, end):
        rows = page.oldest_first
        earlier, own, at_end = _around(rows, first, last)
        alone = [*not_shown(later, rows), *not_shown(earlier, before)]
        for at, _ in alone:
            if at in pages.gaps:
                pages.gaps[at] += 1
        packs.append(_packed(pages, [*alone, *own], start, end, pack))
        before, later = [*rows, *alone], at_end
    return [*packs, _packed(pages, later, start, end, pack)]


def _parts(pages: _Pages[R], start: int, end: int) -> Iterator[tuple[int, int, _Page[R]]]:
    """The parts of a window, each with the answer that shows it, oldest first."""
    if end - start == 1:
        yield start, end, pages.second(start)
        return
    middle = (start + end) // 2
    for first, last in ((start, middle), (middle, end)):
        page = pages.page(first - 1, last)
        if page.full:
            yield from _parts(pages, first, last)
        else:
            yield first, last, page


def _around(
    rows: Sequence[tuple[int, R]], first: int, last: int
) -> tuple[list[tuple[int, R]], list[tuple[int, R]], list[tuple[int, R]]]:
    """The rows that the part before may show, those of this part, and those that the next may show.

    One without a time at the seam may have another neighbour in either answer: the part before has it if it shows it.
    """
    seam = next((place for place, (at, row) in enumerate(rows) if row.time is not None and at > first), len(rows))
    earlier: list[tuple[int, R]] = []
    own: list[tuple[int, R]] = []
    later: list[tuple[int, R]] = []
    for place, (at, row) in enumerate(rows):
        if at < first or (row.time is None and place < seam):
            earlier.append((at, row))
        elif at < last or row.time is None:
            own.append((at, row))
        else:
            later.append((at, row))
    return earlier, own, later


def _packed(pages: _Pages[R], rows: list[tuple[int, R]], start: int, end: int, pack: Pack[R, P]) -> P:
    """Put those of the rows away that lie in the window, and note the others."""
    pages.note_outside(rows, start, end)
    return pack(sorted((pair for pair in rows if start <= pair[0] < end), key=_time))


def _something_was_cut(pages: _Pages[R], start: int, end: int) -> bool:
    """Whether the API has rows that the one answer to the window did not show.

    New rows may have come since: then the whole window shows more rows now than it did.
    """
    shown = pages.first_rows
    oldest, newest = min(map(_time, shown)), max(map(_time, shown))
    rest = [pages.page(start - 1, oldest), pages.page(newest, end)]
    if not any(any(not_shown(page.rows, shown)) for page in rest):
        return False
    return len(pages.page(start - 1, end).rows) <= len(shown)
