"""Which rows from outside of an hour the hour keeps: those that no hour beside has, now or once it is listed."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set

from mailevents_dagster.model.hour import Hour
from mailevents_dagster.sources.uzmanposta.pages import not_shown
from mailevents_dagster.sources.uzmanposta.rows import Row

Timed = tuple[int, Row]
HeldIn = Callable[[Hour, Set[bytes]], Set[bytes]]
"""Returns those of the identities that the store has in an hour."""


def kept_here(
    outside: Sequence[Timed], hour: Hour, held_in: HeldIn, ask: Callable[[int, int], Sequence[Row]]
) -> list[Timed]:
    """Return the rows whose own time lies elsewhere and that belong in this hour all the same.

    Where an hour beside does not have a row of its time yet, the second at the seam is asked for: what both hours are
    shown is in that answer, and is left to the other. A call more, and only where rows lie at the seam or the API
    filters by another time than its rows say.
    """
    kept: list[Timed] = []
    for beside, seam in ((hour.previous, hour.start), (hour.next, hour.end)):
        theirs = [pair for pair in outside if beside.holds(pair[0])]
        held = held_in(beside, {row.identity for _, row in theirs}) if theirs else frozenset()
        if left := [pair for pair in theirs if pair[1].identity not in held]:
            both = [(seam, row) for row in ask(seam - 1, seam)]
            kept += not_shown(left, both)
    far = [pair for pair in outside if not any(beside.holds(pair[0]) for beside in (hour.previous, hour.next))]
    return [*kept, *far]
