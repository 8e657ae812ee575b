"""What a grammar says of lines, for tests."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pyarrow as pa

from mailevents_dagster.sources.maillog.grammar.columns import COLUMNS


def all_said(grammar: ModuleType, *lines: str) -> list[dict[str, Any]]:
    """Return all columns of each line."""
    table = pa.table(grammar.understand(pa.array(lines, pa.string())), names=[column.name for column in COLUMNS])
    return table.to_pylist()


def said(grammar: ModuleType, line: str) -> dict[str, Any]:
    """Return what a line says, without what it does not say, and without what every line of its kind says."""
    (row,) = all_said(grammar, line)
    return {name: value for name, value in row.items() if value not in (None, True)}
