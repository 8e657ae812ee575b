"""What the store needs to know of outcomes: their records are JSON, made of what other feeds tell."""

from __future__ import annotations

from functools import partial
from typing import Final

from mailevents_dagster.model.columns import RowFormat
from mailevents_dagster.sources.json_records import arrays_of, event_reader, event_with_id, read
from mailevents_dagster.sources.outcomes.columns import COLUMNS

OUTCOME_ROWS: Final = RowFormat(
    COLUMNS,
    partial(read, COLUMNS),
    event_reader(frozenset({"time", "event_id"}), event_with_id),
    lambda _: None,
    arrays=partial(arrays_of, COLUMNS),
    id_column="event_id",
    outcome_column="outcome",
)
