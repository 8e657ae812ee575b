"""Part: who sends in the name of a domain."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pyarrow as pa

from mailevents_dagster.deliverability.arrivals import arrived, feeds_of
from mailevents_dagster.deliverability.dmarc.history import History, history_of
from mailevents_dagster.deliverability.dmarc.judging import CHECKS, numbers_of, verdicts_of, words_of
from mailevents_dagster.deliverability.dmarc.rows import COLUMNS, SCHEMA, Row, report_name, rows_of
from mailevents_dagster.deliverability.part import Made, Part, Work
from mailevents_dagster.sources.outcomes.settings.reports import ReportsSettings

NAME: Final = "dmarc"


def _make(work: Work) -> Made:
    history = history_of(work, NAME)
    counted: set[str] = set()
    repeated: list[str] = []
    rows = pa.Table.from_pylist([*_rows(work, history, counted, repeated)], SCHEMA)
    return Made(
        rows,
        numbers_of(rows, len(repeated)),
        verdicts_of(rows, history, work.domain.reports or ReportsSettings()),
        words_of(rows),
        _chart(rows) if rows["network"].null_count < len(rows) else None,
    )


def _chart(rows: pa.Table) -> bytes:
    from mailevents_dagster.deliverability.dmarc.chart import draw_sources  # takes half a second to load
    from mailevents_dagster.summaries.charts import png

    return png(draw_sources, rows)


def _rows(work: Work, history: History, counted: set[str], repeated: list[str]) -> Iterator[Row]:
    """Yield the rows of the reports that count today; each report counts on one day, once."""
    for report in arrived(work):
        name = report_name(report)
        if name in history.reports or name in counted:
            repeated.append(name)
            continue
        for row in rows_of(report, work.domain.domain):
            counted.add(name)
            yield row | {"is_new": row.get("network") not in history.networks if row.get("network") else None}


DMARC: Final = Part(
    name=NAME,
    summary="Who sends in the name of the domain, by the DMARC and TLS reports that arrived on the day.",
    columns=COLUMNS,
    make=_make,
    checks=CHECKS,
    made_of=feeds_of,
    is_wanted=lambda domain: domain.reports is not None,
)
