"""Writes the reference pages that come from the code: python docs/generate.py. A test checks that they are current."""

from __future__ import annotations

from pathlib import Path

from mailevents_dagster.feeds import FEED_KINDS
from mailevents_dagster.sources.uzmanposta.formats import ROW_FORMATS
from mailevents_dagster.store.parquet import all_columns

PAGE = Path(__file__).parent / "columns.md"


def columns_page() -> str:
    """The columns of the snapshots, by category."""
    lines = [
        "# Columns of the Parquet files",
        "",
        "One row an event, in order of `event_time`. Fields of the API are typed where they can be; `raw` holds the",
        "whole record in any case. A value of another type than its column becomes null or text, never an error.",
        "The folders add `domain`, `category`, `type` and `date`.",
    ]
    for category, rows in ROW_FORMATS.items():
        feeds = ", ".join(f"`{name}`" for name, kind in FEED_KINDS.items() if kind.category == category)
        lines += [
            "",
            f"## {category}",
            "",
            f"Feeds: {feeds}.",
            "",
            "| column | type | meaning |",
            "| --- | --- | --- |",
        ]
        lines += [f"| `{c.name}` | `{c.type}` | {c.description} |" for c in all_columns(rows)]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(columns_page(), encoding="utf-8")
