"""A window listed page by page from its end on, each page ending where the last was cut: the fewest calls there can be.

No two rows are compared: the second at the seam is left out of one answer and taken whole from the next. It takes an
API that cuts off its oldest rows and filters by the time its rows say.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Generic

from mailevents_dagster.sources.uzmanposta.pages import P, Pack, Page, Pages, R, Timed, not_shown


def newest_first(pages: Pages[R], start: int, end: int, pack: Pack[R, P]) -> list[P] | None:
    """Return the window oldest first; None if the pages do not fit together."""
    taken = _Taken[R, P](pack, end)
    while start < taken.end:
        asked_below_end = pages.end_is_included
        page = pages.up_to(start, taken.end)
        if not taken.fits(page, start):
            return None
        pages.note_outside(page.rows, start, end)
        rows = page.within(start, taken.end)
        if not page.full or page.rows[-1][0] < start:
            taken.take(rows, page, start)
            break
        oldest = page.rows[-1][0]
        whole = [pair for pair in rows if pair[0] > oldest]
        if whole:
            taken.take(whole, page, oldest + 1)
            taken.cut = Counter(row.content for time, row in rows if time == oldest)
        elif rows:
            second = pages.second(oldest)
            there = second.within(oldest, oldest + 1)
            if second.has_strays or (oldest not in pages.gaps and any(not_shown(rows, there))):
                return None
            taken.take(there, page, oldest)
        elif asked_below_end:
            return None
        else:  # it holds nothing but the second at the end: now known to be counted, it is left out next
            taken.before = page
    if taken.shows_that_the_oldest_are_cut_off or _newest_are_shown(pages, taken.newest, start, end):
        return taken.packs[::-1]
    return None


@dataclass(slots=True)
class _Taken(Generic[R, P]):
    """What was taken of a window so far."""

    pack: Pack[R, P]
    end: int
    """Where what was taken begins."""
    packs: list[P] = field(default_factory=list)
    newest: list[Timed[R]] = field(default_factory=list)
    before: Page[R] | None = None
    """The last page that was full."""
    cut: Counter[bytes] = field(default_factory=Counter)
    """What it showed of the second at the seam."""
    older_rows_followed: bool = False

    def fits(self, page: Page[R], start: int) -> bool:
        """Whether the page goes on where the last was cut."""
        if page.full and not page.descending:
            return False
        if page.has_strays and (page.full or self.before):
            return False
        at_end = [pair for pair in page.rows if pair[0] == self.end]
        if self.before and any(not_shown(at_end, self.before.rows)):
            return False
        rows = page.within(start, self.end)
        oldest = self.before.rows[-1][0] if self.before else None
        self.older_rows_followed |= oldest is not None and any(time < oldest for time, _ in rows)
        return self.cut <= Counter(row.content for time, row in rows if time == self.end - 1)

    def take(self, rows: list[Timed[R]], page: Page[R], end: int) -> None:
        self.newest = self.newest or rows
        self.packs.append(self.pack(rows))
        self.cut = Counter()
        self.before = page if page.full else self.before
        self.end = end

    @property
    def shows_that_the_oldest_are_cut_off(self) -> bool:
        """Whether nothing was cut off, or older rows followed a page that was full."""
        return self.before is None or self.older_rows_followed


def _newest_are_shown(pages: Pages[R], rows: list[Timed[R]], start: int, end: int) -> bool:
    """Whether these, the newest rows taken, are what is shown of their second and of all behind it.

    Asked where no page has shown older rows than a full one before it: an API that keeps the oldest rows of a window
    would look complete otherwise.
    """
    newest = rows[-1][0] if rows else start
    page = pages.page(newest - 1, end)
    taken = sum(time == newest for time, _ in rows)
    return not (page.full or page.has_strays) and len(page.within(newest, end)) == taken
