"""What reading an hour of a log gives, from files or from the journal: its lines, and the proof that these are all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mailevents_dagster.model.event import Gap, ReadRange


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    """Lines in the order of the log."""

    texts: pa.StringArray
    """Without line ends."""
    times: NDArray[np.int64]
    """Unix seconds."""

    def __len__(self) -> int:
        return len(self.times)

    def where(self, rows: NDArray[np.bool_]) -> Lines:
        """Return those of the lines."""
        return self if rows.all() else Lines(self.texts.filter(pa.array(rows)), self.times[rows])


@dataclass(slots=True, eq=False)
class HourLines:
    """The lines of an hour, a few megabytes at a time. All but the first two are known once the batches are read."""

    batches: Iterator[Lines]
    is_whole: bool
    """Whether these are all lines of the hour; else those alone that the ranges held before do not have."""
    is_proven: bool = False
    """Whether the log was read from the hour's start to beyond its end."""
    ranges: list[ReadRange] = field(default_factory=list)
    """All that the hour was read from, before and now."""
    gaps: list[Gap] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    measures: dict[str, float] = field(default_factory=dict)
