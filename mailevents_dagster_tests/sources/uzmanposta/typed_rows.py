"""Records as the columns of their category have them."""

from __future__ import annotations

import io
from enum import Enum

import pyarrow as pa
import pyarrow.parquet as pq

from mailevents_dagster.sources.uzmanposta.schema import (
    COLUMNS,
    typed_arrays,
)

CATEGORIES: tuple[str, ...] = ("mail", "quarantine", "authentication")
MISSING = Enum("Missing", "FIELD").FIELD  # an enum, because its name is the same in every test process
TIME = 1_795_156_800
MEGABYTE = "ı" * 2**20
HUGE = 10**5000
"""Python refuses to write integers beyond 4,300 digits as text."""


def typed(category: str, name: str, *records: dict[str, object]) -> list[object]:
    names = [column.name for column in COLUMNS[category]]
    values: list[object] = typed_arrays(category, records)[names.index(name)].to_pylist()
    return values


def one(category: str, name: str, value: object) -> object:
    return typed(category, name, {} if value is MISSING else {name: value})[0]


def recipients(value: object) -> object:
    return one("mail", "recipients", value)


def table(category: str, records: list[dict[str, object]]) -> pa.Table:
    schema = pa.schema([column.field for column in COLUMNS[category]])
    return pa.Table.from_arrays(typed_arrays(category, records), schema=schema)


def through_parquet(written: pa.Table) -> pa.Table:
    file = io.BytesIO()
    pq.write_table(written, file)
    # Parquet has no unit of seconds: they come back as milliseconds, until the reader asks for the schema written.
    return pq.read_table(io.BytesIO(file.getvalue())).cast(written.schema)


def nested(depth: int) -> object:
    value: object = "core"
    for _ in range(depth):
        value = [value]
    return value
