"""A window listed page by page from its end on, each page ending where the last was cut: the fewest calls possible.

The second where a page was cut is left out of it and taken whole from the next, so no two rows need be compared. This
takes an API that cuts off its oldest rows and filters by the time that its rows say.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Generic

from mailevents_dagster.sources.uzmanposta.window import P, Pack, Page, R, Timed, Window, not_shown


def newest_first(window: Window[R], pack: Pack[R, P]) -> list[P] | None:
    """Return the packs of the window, oldest first; None if the pages do not fit together."""
    taken = _Taken[R, P](pack, window.end)
    while window.start < taken.start:
        end_was_left_out = window.end_is_included
        page = window.page_up_to(taken.start)
        rows = page.within(window.start, taken.start)
        if not taken.fits(page, rows):
            return None
        taken.note_older(rows)
        window.note_outside(page.rows)
        if not page.full or page.last_time < window.start:
            taken.take(rows, page, window.start)
            break
        cut_at = page.last_time
        whole = [(time, row) for time, row in rows if time > cut_at]
        if whole:
            taken.take(whole, page, cut_at + 1)
            taken.cut = Counter(row.content for time, row in rows if time == cut_at)
        elif rows:
            second = window.page_of_second(cut_at)
            there = second.within(cut_at, cut_at + 1)
            if second.strays or (cut_at not in window.gaps and any(not_shown(rows, there))):
                return None
            taken.take(there, page, cut_at)
        elif end_was_left_out:
            return None
        else:  # only the second at the end, which is now known to be counted and left out next
            taken.full_page = page
    if taken.full_page is None or taken.older_rows_followed or _are_newest(window, taken.newest):
        return taken.packs[::-1]
    return None


@dataclass(slots=True)
class _Taken(Generic[R, P]):
    """What was taken of a window so far."""

    pack: Pack[R, P]
    start: int
    """Where it begins."""
    packs: list[P] = field(default_factory=list)
    newest: list[Timed[R]] = field(default_factory=list)
    full_page: Page[R] | None = None
    """The last page that was full,"""
    cut: Counter[bytes] = field(default_factory=Counter)
    """and what it showed of the second where it was cut."""
    older_rows_followed: bool = False
    """A full page was followed by older rows: so the API cuts off the oldest."""

    def fits(self, page: Page[R], rows: list[Timed[R]]) -> bool:
        """Return whether a page, with these rows of the window, goes on where the last was cut."""
        if page.full and not page.descending:
            return False
        if page.strays and (page.full or self.full_page):
            return False
        at_seam = [(time, row) for time, row in page.rows if time == self.start]
        if self.full_page and any(not_shown(at_seam, self.full_page.rows)):
            return False
        return self.cut <= Counter(row.content for time, row in rows if time == self.start - 1)

    def note_older(self, rows: list[Timed[R]]) -> None:
        if self.full_page and any(time < self.full_page.last_time for time, _ in rows):
            self.older_rows_followed = True

    def take(self, rows: list[Timed[R]], page: Page[R], start: int) -> None:
        """Take rows of a page, from this second on."""
        self.newest = self.newest or rows
        self.packs.append(self.pack(rows))
        self.cut = Counter()
        self.full_page = page if page.full else self.full_page
        self.start = start


def _are_newest(window: Window[R], rows: list[Timed[R]]) -> bool:
    """Return whether nothing newer is shown than these rows, the newest that were taken.

    Without it, an API that cuts off the newest rows would look complete.
    """
    newest = rows[-1][0] if rows else window.start
    page = window.page(newest - 1, window.end)
    taken = sum(time == newest for time, _ in rows)
    return not (page.full or page.strays) and len(page.within(newest, window.end)) == taken
