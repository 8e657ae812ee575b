"""Why mails were kept back, and with which scores. Pure."""

from __future__ import annotations

from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from mailevents_dagster.sources.statuses import KEPT_BACK
from mailevents_dagster.summaries.anonymous import unless_address
from mailevents_dagster.summaries.counts import by, numbers_of, occurrences, quantile

COLUMNS: Final = ("reason", "score")
LOWEST, HIGHEST = -20, 100
"""Scores beyond these count as these: a chart with one wild value shows nothing else."""
LONGEST: Final = 60


def of_hour(table: pa.Table, hour: str) -> pa.Table:  # noqa: ARG001 - its hours are not told apart
    high = pc.max_element_wise(table["score"], LOWEST, skip_nulls=False)
    whole = pc.floor(pc.min_element_wise(high, HIGHEST, skip_nulls=False)).cast(pa.int64())
    return pa.concat_tables([occurrences("reason", reasons(table["reason"])), occurrences("score", whole)])


def reasons(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return what stands before a colon or bracket: names of files, viruses or people stand behind it."""
    heads = pc.replace_substring_regex(texts, r"(?s)\s*[:(\[{<\n].*$", "")
    short = pc.utf8_slice_codeunits(pc.utf8_trim_whitespace(heads), 0, LONGEST)
    return unless_address(short)


def numbers(table: pa.Table) -> dict[str, float]:
    """Return the main numbers; no median where no mail had a score."""
    kept, scores = by(table, "reason", "feed"), numbers_of(table, "score")
    median = quantile(scores, 0.5)
    return {
        "kept_back": sum(kept.values()),
        **{name: kept.get(feed, 0) for feed, name in KEPT_BACK.items()},
        "reasons": len(by(table, "reason")),
        "scored": sum(scores.values()),
        **({} if median is None else {"score_median": median}),
    }
