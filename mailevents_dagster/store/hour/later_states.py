"""Records that are later states of others: one listed at another time since, or released, is still the same. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from mailevents_dagster.model.columns import Marks


def later_states(known: Sequence[Marks | None], found: Sequence[Marks | None]) -> list[int]:
    """Return for each found record the place of the known one that it is a later state of; -1 where there is none.

    Each known one is given once, the first first.
    """
    left: defaultdict[str, dict[int, Marks]] = defaultdict(dict)
    for place, marks in enumerate(known):
        if marks:
            left[marks.id][place] = marks
    return [_take(left[marks.id], marks) if marks else -1 for marks in found]


def _take(left: dict[int, Marks], marks: Marks) -> int:
    place = next((place for place, one in left.items() if one.agree_with(marks)), -1)
    left.pop(place, None)
    return place
