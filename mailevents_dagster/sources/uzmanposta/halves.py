"""A window listed part by part, each small enough for an answer, whatever the API cuts off and filters by.

A row belongs to the part of its own time if the answer to that part shows it, else to the part whose answer does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mailevents_dagster.sources.uzmanposta.pages import P, Pack, Page, Pages, R, Timed, not_shown, time_of


def in_halves(pages: Pages[R], start: int, end: int, pack: Pack[R, P]) -> list[P]:
    """The window from smaller and smaller parts that fit into an answer, whatever the API cuts off and filters by."""
    pages.gaps.clear()
    pages.outside.clear()
    packs: list[P] = []
    before: Sequence[Timed[R]] = ()
    later: list[Timed[R]] = []
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


def _parts(pages: Pages[R], start: int, end: int) -> Iterator[tuple[int, int, Page[R]]]:
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


def _around(rows: Sequence[Timed[R]], first: int, last: int) -> tuple[list[Timed[R]], list[Timed[R]], list[Timed[R]]]:
    """The rows that the part before may show, those of this part, and those that the next may show.

    One without a time at the seam may have another neighbour in either answer: the part before has it if it shows it.
    """
    seam = next((place for place, (at, row) in enumerate(rows) if row.time is not None and at > first), len(rows))
    earlier: list[Timed[R]] = []
    own: list[Timed[R]] = []
    later: list[Timed[R]] = []
    for place, (at, row) in enumerate(rows):
        if at < first or (row.time is None and place < seam):
            earlier.append((at, row))
        elif at < last or row.time is None:
            own.append((at, row))
        else:
            later.append((at, row))
    return earlier, own, later


def _packed(pages: Pages[R], rows: list[Timed[R]], start: int, end: int, pack: Pack[R, P]) -> P:
    """Put those of the rows away that lie in the window, and note the others."""
    pages.note_outside(rows, start, end)
    return pack(sorted((pair for pair in rows if start <= pair[0] < end), key=time_of))
