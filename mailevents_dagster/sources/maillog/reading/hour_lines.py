"""What reading an hour gives: its lines, and the proof that there are no others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from mailevents_dagster.model.event import Gap, ReadRange
from mailevents_dagster.sources.maillog.reading.lines import Lines


@dataclass(slots=True, eq=False)
class HourLines:
    """The lines of an hour, a few megabytes at a time. All but the first three are known once the batches are read."""

    batches: Iterator[Lines]
    is_whole: bool
    """Whether these are all lines of the hour; else those alone that the ranges held before do not have."""
    listed_at: float
    """What was written later is not among them."""
    ranges: tuple[ReadRange, ...] = ()
    """All that the hour was read from, before and now."""
    gaps: tuple[Gap, ...] = ()
    is_proven: bool = True
    """Whether the files that are there now cover the hour; else what was proven before is all that can be."""
    notes: tuple[str, ...] = ()
    measures: Mapping[str, float] = field(default_factory=dict)
