"""What the store needs to know of bounces: their records are JSON, made of committed lines."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from mailevents_dagster.model.columns import RowFormat
from mailevents_dagster.model.event import Event
from mailevents_dagster.sources.json_records import arrays_of, event_reader, event_with_id, read
from mailevents_dagster.sources.maillog.bounces.columns import COLUMNS


def bounce_event(row: Mapping[str, Any]) -> Event:
    """Return the event of a bounce. The time of its line stands in its record as `time`."""
    others = {name: value for name, value in row.items() if name != "event_time"}
    return event_with_id({"time": int(row["event_time"].timestamp()), **others})


BOUNCE_ROWS: Final = RowFormat(
    COLUMNS,
    partial(read, COLUMNS),
    event_reader(frozenset({"time", "event_id"}), event_with_id),
    lambda _: None,
    arrays=partial(arrays_of, COLUMNS),
    id_column="event_id",
    outcome_column="class",
)
