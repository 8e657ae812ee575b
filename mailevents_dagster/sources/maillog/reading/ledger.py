"""The ledger of an hour: which bytes of which files its lines came from. Each byte is counted once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from mailevents_dagster.model.event import ReadRange
from mailevents_dagster.sources.maillog.hour_lines import Lines
from mailevents_dagster.sources.maillog.reading.index import KnownFile
from mailevents_dagster.sources.maillog.reading.lines import Block


class Ledger:
    """What an hour was read from: before, and now."""

    def __init__(self, held: Sequence[ReadRange]) -> None:
        self._held: defaultdict[str, list[ReadRange]] = defaultdict(list)
        for one in sorted(held, key=lambda one: one.first):
            self._held[one.file].append(one)
        self._new: list[ReadRange] = []

    @property
    def lines(self) -> int:
        """Return how many lines were read now."""
        return sum(one.lines for one in self._new)

    def ranges(self, names: Mapping[str, str]) -> tuple[ReadRange, ...]:
        """Return all ranges, by file and place, those side by side as one, with the names that the files have now."""
        held = [one for ranges in self._held.values() for one in ranges]
        ordered = sorted([*held, *self._new], key=lambda one: (one.file, one.first))
        named = [replace(one, name=names.get(one.file, one.name)) for one in ordered]
        joined = (_joined(list(ranges)) for _, ranges in groupby(named, key=lambda one: one.file))
        return tuple(one for ranges in joined for one in ranges)

    def wants(self, file: str, first: int, end: int) -> bool:
        """Return whether anything of these bytes was not read before."""
        return any(True for _ in self._unread(file, first, end))

    def take(
        self, file: KnownFile, block: Block, first: int, end: int, is_new: Callable[[Lines], NDArray[np.bool_]] | None
    ) -> Iterator[Lines]:
        """Yield the lines of a window in a block that were not read before, and note where they came from.

        Those that `is_new` denies stand in another log, too, and count as lines of others.
        """
        times = block.lines.times
        is_here = (times >= first) & (times < end)
        for low, high in self._unread(file.id, block.first, block.end):
            rows = is_here.copy()
            within = slice(*np.searchsorted(block.starts, [low, high]))
            rows[: within.start] = rows[within.stop :] = False
            mine = np.flatnonzero(rows)
            if not len(mine):
                continue
            lines = block.lines.where(rows)
            if is_new:
                good = is_new(lines)
                lines, kept = lines.where(good), mine[good]
            else:
                kept = mine
            begin, stop = int(block.starts[mine[0]]), int(block.ends[mine[-1]])
            others = int(mine[-1] - mine[0]) + 1 - len(kept)
            bytes_kept = int((block.ends[kept] - block.starts[kept]).sum())
            self._new.append(ReadRange(file.id, file.name, begin, stop, len(kept), others, stop - begin - bytes_kept))
            yield lines

    def _unread(self, file: str, first: int, end: int) -> Iterator[tuple[int, int]]:
        """Yield the parts of these bytes that no range holds."""
        for one in self._held.get(file, ()):
            if one.first > first and first < end:
                yield first, min(one.first, end)
            first = max(first, one.end)
        if first < end:
            yield first, end


def _joined(ranges: Iterable[ReadRange]) -> list[ReadRange]:
    joined: list[ReadRange] = []
    for one in ranges:
        last = joined[-1] if joined else None
        if last and last.end == one.first:
            sums = (last.lines + one.lines, last.other_lines + one.other_lines, last.other_bytes + one.other_bytes)
            joined[-1] = ReadRange(one.file, one.name, last.first, one.end, *sums)
        else:
            joined.append(one)
    return joined
