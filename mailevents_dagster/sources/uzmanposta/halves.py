"""A window listed in parts, each small enough for an answer, whatever the API cuts off and filters by.

A row belongs to the part of its own time if the answer to that part shows it, else to the part whose answer does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mailevents_dagster.sources.uzmanposta.window import P, Pack, Page, R, Timed, Window, not_shown, time_of


def in_halves(window: Window[R], pack: Pack[R, P]) -> list[P]:
    """Return the packs of the window, oldest first."""
    window.gaps.clear()
    window.outside.clear()
    packs: list[P] = []
    before: Sequence[Timed[R]] = ()
    later: list[Timed[R]] = []
    for first, last, page in _parts(window, window.start, window.end):
        rows = page.oldest_first
        earlier, own, at_end = _split(rows, first, last)
        alone = [*not_shown(later, rows), *not_shown(earlier, before)]
        for time, _ in alone:
            if time in window.gaps:
                window.gaps[time] += 1
        packs.append(_packed(window, [*alone, *own], pack))
        before, later = [*rows, *alone], at_end
    return [*packs, _packed(window, later, pack)]


def _parts(window: Window[R], start: int, end: int) -> Iterator[tuple[int, int, Page[R]]]:
    """Return parts of the window from `start` to `end`, oldest first, each with the answer that shows it."""
    if end - start == 1:
        yield start, end, window.page_of_second(start)
        return
    middle = (start + end) // 2
    for first, last in ((start, middle), (middle, end)):
        page = window.page(first - 1, last)
        if page.full:
            yield from _parts(window, first, last)
        else:
            yield first, last, page


def _split(rows: Sequence[Timed[R]], first: int, last: int) -> tuple[list[Timed[R]], list[Timed[R]], list[Timed[R]]]:
    """Return the rows that the part before may show, too, those of this part, and those that the next may show.

    A row without a time at the beginning may have another neighbour in the answer before: that has it if it shows it.
    """
    seam = next((place for place, (time, row) in enumerate(rows) if row.time is not None and time > first), len(rows))
    earlier: list[Timed[R]] = []
    own: list[Timed[R]] = []
    later: list[Timed[R]] = []
    for place, (time, row) in enumerate(rows):
        if time < first or (row.time is None and place < seam):
            earlier.append((time, row))
        elif time < last or row.time is None:
            own.append((time, row))
        else:
            later.append((time, row))
    return earlier, own, later


def _packed(window: Window[R], rows: list[Timed[R]], pack: Pack[R, P]) -> P:
    window.note_outside(rows)
    return pack(sorted(((time, row) for time, row in rows if window.holds(time)), key=time_of))
