"""Whether all of an hour was there to be read: what of it is missing, and why. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from mailevents_dagster.model.event import Gap


@dataclass(frozen=True, slots=True)
class Extent:
    """What one file of a log covers."""

    name: str
    begins: int
    """The time of its first line."""
    until: int | None
    """The time of its last line that was read; None where there are lines behind it."""
    number: int | None
    """What rotation counts."""
    loss: str = ""
    """Why lines behind its last one may be missing."""
    lost_by: int | None = None
    """When that was seen, so that they are not later."""


def gaps_of(extents: Sequence[Extent], numbers: Collection[int], first: int, end: int) -> Iterator[Gap]:
    """Yield what of a window is missing between the files of a log, of which the oldest comes first.

    Where nothing says otherwise, a file goes on where the one before it ends.
    """
    for older, newer in pairwise(extents):
        why = older.loss or _missing_number(older, newer, numbers)
        if why:
            yield from _gap(older, newer.begins, why, first, end)
    if extents and extents[-1].lost_by is not None:
        yield from _gap(extents[-1], extents[-1].lost_by, extents[-1].loss, first, end)


def _gap(older: Extent, until: int, why: str, first: int, end: int) -> Iterator[Gap]:
    """Yield what of a window lies between the last line of a file and a time."""
    if older.until is not None:
        low, high = max(older.until, first), min(max(until, older.until + 1), end)
        if low < high:
            yield Gap(low, 0, high, f"{older.name}: {why}")


def gaps_from_now_on(before: Sequence[Gap], found: Sequence[Gap], times: NDArray[np.int64]) -> tuple[Gap, ...]:
    """Return the gaps of an hour that had some before: files that rotation removed since no longer show them.

    One is closed where lines in it were found, and gives way to another that says the same.
    """
    lasting = [
        one
        for one in before
        if not any(_overlap(one, other) for other in found) and not ((times > one.second) & (times < _end(one))).any()
    ]
    return tuple(sorted([*lasting, *found], key=lambda one: one.second))


def _overlap(one: Gap, other: Gap) -> bool:
    return one.second < _end(other) and other.second < _end(one)


def _end(gap: Gap) -> int:
    return gap.second + 1 if gap.end is None else gap.end


def _missing_number(older: Extent, newer: Extent, numbers: Collection[int]) -> str:
    if older.number is None or newer.number is None:
        return ""
    missing = [number for number in range(newer.number + 1, older.number) if number not in numbers]
    return f"rotation left no file with number {missing[0]} between this one and {newer.name}" if missing else ""
