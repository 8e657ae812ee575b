"""What a part has made of a day, as a Parquet file, and what was said of that day beside it."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from mailevents_dagster.deliverability.part import Made, Part
from mailevents_dagster.files.atomic import publish
from mailevents_dagster.model.day import Day
from mailevents_dagster.store.layout import Layout

_SAID: Final = b"mailevents"
"""The key of the file's own metadata."""


def write_part(layout: Layout, domain: str, part: Part, day: Day, made: Made) -> None:
    """Write a day: its rows, and in the same file its numbers and verdicts, so that both are of one moment."""
    said = {
        "numbers": dict(made.numbers),
        "verdicts": {name: asdict(verdict) for name, verdict in made.verdicts.items()},
        "said": made.said,
        "chart": b64encode(made.chart).decode() if made.chart else "",
    }
    schema = pa.schema([column.field for column in part.columns], {_SAID: json.dumps(said).encode()})
    rows = made.rows.select(schema.names).cast(pa.schema([column.field for column in part.columns]))
    with publish(layout.part(domain, part.name, day.key)) as file:
        pq.write_table(rows.cast(schema), file, compression="zstd")


def read_part(layout: Layout, domain: str, name: str, day: Day) -> pa.Table | None:
    """Return the rows of a day; None where it was not made."""
    try:
        with layout.part(domain, name, day.key).open("rb") as file:
            return pq.ParquetFile(file).read()
    except FileNotFoundError:
        return None


def said_in(layout: Layout, domain: str, name: str, day: Day) -> Mapping[str, Any] | None:
    """Return what was said of a day, without reading its rows; None where it was not made."""
    try:
        with layout.part(domain, name, day.key).open("rb") as file:
            return _said(pq.read_schema(file))
    except FileNotFoundError:
        return None


def said_of(rows: pa.Table) -> Mapping[str, Any]:
    """Return what was said of the day that these rows are of: `numbers`, `verdicts`, `said`, `chart`."""
    return _said(rows.schema)


def _said(schema: pa.Schema) -> Mapping[str, Any]:
    found: dict[str, Any] = json.loads((schema.metadata or {}).get(_SAID, b"{}"))
    return found
