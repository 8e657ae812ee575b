"""Every row of a window with the fewest calls: an API that shows its newest 1,000 rows made complete.

Windows are half-open and in whole seconds. Whether the API counts the ends of the window it is asked for is unknown,
so `[start, end)` is asked for as `(start - 1, end)`, which covers it under all four rules. Which time of a record the
API looks at is unknown, too. So a row belongs to the window of its own time if the answer to that window shows it, else
to the window whose answer does. That holds between the parts of a window (`halves`) and between hours (`neighbours`).
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import Generic

from mailevents_dagster.model.event import Gap
from mailevents_dagster.sources.uzmanposta.halves import in_halves
from mailevents_dagster.sources.uzmanposta.newest_first import newest_first
from mailevents_dagster.sources.uzmanposta.page_size import PageSize
from mailevents_dagster.sources.uzmanposta.pages import Ask, P, Pack, Pages, R, Timed, not_shown, time_of


@dataclass(frozen=True, slots=True)
class Listing(Generic[R, P]):
    """The rows of a window, packed, oldest first, and what could not be had of it."""

    packs: Sequence[P]
    outside: list[Timed[R]]
    """Rows that the API showed and whose own time lies outside of the window, oldest first."""
    gaps: tuple[Gap, ...]
    calls: int
    size: PageSize
    """What is known of the longest answer from now on."""


def list_window(ask: Ask[R], start: int, end: int, size: PageSize, pack: Pack[R, P]) -> Listing[R, P]:
    """Return everything the API has in `[start, end)`; a second it cannot show whole is named as a gap.

    What was packed before it showed that answers are cut off in another way is not in the listing.
    """
    pages = Pages(ask, size.limit)
    packs = newest_first(pages, start, end, pack)
    if packs is None:
        packs = in_halves(pages, start, end, pack)
    if pages.was_one_answer:
        rows = len(pages.first_rows)
        asked = size.looks_full(rows, start)
        if asked and _something_was_cut(pages, start, end):
            known = list_window(ask, start, end, size.cut_at(rows), pack)
            return Listing(known.packs, known.outside, known.gaps, pages.calls + known.calls, known.size)
        size = size.after(rows, start, asked=asked)
    elif pages.longest > size.limit:
        size = size.outgrown_by(pages.longest)
    outside = sorted(pages.outside.values(), key=time_of)
    gaps = tuple(Gap(second, seen) for second, seen in sorted(pages.gaps.items()))
    return Listing(packs, outside, gaps, pages.calls, size)


def edges(count: int, untimed: Container[int]) -> list[int]:
    """Of so many rows the places before the first and behind the last that has a time of its own.

    Only there can the windows of two hours show the same row without a time.
    """
    first = next((place for place in range(count) if place not in untimed), count)
    last = next((place for place in reversed(range(count)) if place not in untimed), first - 1)
    return [*range(first), *range(last + 1, count)]


def _something_was_cut(pages: Pages[R], start: int, end: int) -> bool:
    """Whether the API has rows that the one answer to the window did not show.

    New rows may have come since: then the whole window shows more rows now than it did.
    """
    shown = pages.first_rows
    times = [at for at, _ in shown if start <= at < end] or [start]
    rest = [pages.page(start - 1, min(times)), pages.page(max(times), end)]
    if not any(any(not_shown(page.rows, shown)) for page in rest):
        return False
    return len(pages.page(start - 1, end).rows) <= len(shown)
