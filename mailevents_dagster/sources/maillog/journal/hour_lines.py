"""What was read of an hour: its lines in batches, and, once they are all taken, what proves that they are all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mailevents_dagster.model.event import Gap, ReadRange


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    """Lines in the order they were read in."""

    texts: pa.StringArray
    """Without line ends."""
    times: NDArray[np.int64]
    """Unix seconds."""


@dataclass(slots=True, eq=False)
class HourLines:
    """The lines of an hour. All but `batches` and `is_whole` is known once the batches are exhausted."""

    batches: Iterator[Lines]
    is_whole: bool
    """True: all lines of the hour; False: those that follow what was held, whose gaps stand beside these."""
    ranges: list[ReadRange] = field(default_factory=list)
    """All that the hour was read from, with what was held."""
    gaps: list[Gap] = field(default_factory=list)
    is_proven: bool = False
    """Whether the whole hour was read: its source reached from its start to beyond its end."""
    notes: list[str] = field(default_factory=list)
    measures: dict[str, float] = field(default_factory=dict)
