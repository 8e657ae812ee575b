"""Every row of a window with the fewest calls, from an API that shows at most 1,000 rows at a time.

Windows are half-open and in whole seconds. Whether the API counts the ends of a window is unknown, so `[start, end)` is
asked for as `(start - 1, end)`, which covers it under all four rules. Which time of a record the API filters by is
unknown, too. So a row belongs to the window of its own time if the answer to that window shows it, else to the window
whose answer does: among the parts of a window (`halves`) and among hours (`neighbours`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic

from mailevents_dagster.model.event import Gap
from mailevents_dagster.sources.uzmanposta.halves import in_halves
from mailevents_dagster.sources.uzmanposta.newest_first import newest_first
from mailevents_dagster.sources.uzmanposta.page_size import PageSize
from mailevents_dagster.sources.uzmanposta.window import Ask, P, Pack, R, Timed, Window, not_shown, time_of


@dataclass(frozen=True, slots=True)
class Listing(Generic[R, P]):
    """The rows of a window, packed, oldest first, and what could not be had of it."""

    packs: Sequence[P]
    outside: list[Timed[R]]
    """Rows that the API showed and whose own time lies outside of the window, oldest first."""
    gaps: tuple[Gap, ...]
    calls: int
    size: PageSize
    """What is known from now on of the longest answer."""


def list_window(ask: Ask[R], start: int, end: int, size: PageSize, pack: Pack[R, P]) -> Listing[R, P]:
    """Return everything the API has in `[start, end)`; a second that it cannot show whole is named as a gap.

    Packs that were made before the pages turned out not to fit together are not in the listing.
    """
    window = Window(ask, start, end, size.limit)
    packs = newest_first(window, pack)
    if packs is None:
        packs = in_halves(window, pack)
    if window.fits_into_one_answer:
        rows = len(window.first_rows)
        asked = size.looks_full(rows, start)
        if asked and _was_cut(window):
            again = list_window(ask, start, end, size.cut_at(rows), pack)
            return Listing(again.packs, again.outside, again.gaps, window.calls + again.calls, again.size)
        size = size.after(rows, start, asked=asked)
    elif window.longest > size.limit:
        size = size.outgrown_by(window.longest)
    outside = sorted(window.outside.values(), key=time_of)
    gaps = tuple(Gap(second, seen) for second, seen in sorted(window.gaps.items()))
    return Listing(packs, outside, gaps, window.calls, size)


def _was_cut(window: Window[R]) -> bool:
    """Return whether the API has rows that its one answer to the window did not show.

    What lies before and after the middle row is asked for. If all rows come with one of the two, which an API that goes
    by another time can do, ever smaller parts are. New rows may have come since: then the whole window shows more now.
    """
    shown = window.first_rows
    times = sorted(time for time, _ in shown if window.holds(time)) or [(window.start + window.end) // 2]
    middle = times[len(times) // 2]
    pages = [window.page(window.start - 1, middle), window.page(middle - 1, window.end)]
    has_more = any(any(not_shown(page.rows, shown)) for page in pages)
    if not has_more and any(len(page.rows) >= len(shown) for page in pages):
        parts = Window(window.ask, window.start, window.end, len(shown))
        rows = [row for part in in_halves(parts, list) for row in part]
        window.calls += parts.calls
        has_more = any(not_shown([*rows, *parts.outside.values()], shown))
    return has_more and len(window.page(window.start - 1, window.end).rows) <= len(shown)
