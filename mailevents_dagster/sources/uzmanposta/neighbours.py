"""Which rows an hour leaves to the hours beside it, since those have them or will be shown them, too."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence, Set

from mailevents_dagster.model.hour import Hour
from mailevents_dagster.sources.uzmanposta.rows import Row
from mailevents_dagster.sources.uzmanposta.window import not_shown

Timed = tuple[int, Row]
HeldIn = Callable[[Hour, Set[bytes]], Set[bytes]]
"""Returns those of the identities that the store has in an hour."""


def kept_here(
    outside: Sequence[Timed], hour: Hour, held_in: HeldIn, ask: Callable[[int, int], Sequence[Row]]
) -> list[Timed]:
    """Return the rows with a time outside of the hour that belong to it all the same, since no hour beside has them.

    If an hour beside does not have a row of its time yet, the second at the seam is asked for: what that answer shows
    is shown to both hours, and left to the other. A call more, and only where rows lie at the seam or the API filters
    by another time than its rows say.
    """
    kept: list[Timed] = []
    for beside, seam in ((hour.previous, hour.start), (hour.next, hour.end)):
        theirs = [(time, row) for time, row in outside if beside.holds(time)]
        held = held_in(beside, {row.identity for _, row in theirs}) if theirs else frozenset()
        if left := [(time, row) for time, row in theirs if row.identity not in held]:
            both = [(seam, row) for row in ask(seam - 1, seam)]
            kept += not_shown(left, both)
    far = [(time, row) for time, row in outside if not (hour.previous.holds(time) or hour.next.holds(time))]
    return [*kept, *far]


def edges(count: int, untimed: Container[int]) -> list[int]:
    """Return the places, of so many rows, before the first and after the last row that has a time of its own.

    Only there can the windows of two hours show the same row without a time.
    """
    first = next((place for place in range(count) if place not in untimed), count)
    last = next((place for place in reversed(range(count)) if place not in untimed), first - 1)
    return [*range(first), *range(last + 1, count)]
