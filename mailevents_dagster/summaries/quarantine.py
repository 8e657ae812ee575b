"""Why mails were kept back, and with which scores. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from mailevents_dagster.summaries.counts import NONE, by, numbers_of, occurrences, quantile, total

COLUMNS: Final = ("reason", "score")
LOWEST, HIGHEST = -20, 100
"""Scores beyond count as these: a chart of one wild value shows nothing else."""
LONGEST: Final = 60
WITH_ADDRESS: Final = "(with an address)"


def of_hour(table: pa.Table, hour: str) -> pa.Table:  # noqa: ARG001 - its hours are not told apart
    score = table["score"]
    whole = pc.floor(
        pc.min_element_wise(pc.max_element_wise(score, LOWEST, skip_nulls=False), HIGHEST, skip_nulls=False)
    )
    return pa.concat_tables(
        [
            occurrences("reason", reasons(table["reason"])),
            occurrences("score", whole.cast(pa.int64())),
        ]
    )


def reasons(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """What stands before a colon or bracket: behind it stand names of files, viruses or people."""
    heads = pc.replace_substring_regex(texts, r"(?s)\s*[:(\[{<\n].*$", "")
    short = pc.utf8_slice_codeunits(pc.utf8_trim_whitespace(heads), 0, LONGEST)
    safe = pc.if_else(pc.match_substring(short, "@"), WITH_ADDRESS, short)
    return pc.if_else(pc.equal(pc.fill_null(safe, ""), ""), NONE, safe)


def of_day(hours: Sequence[pa.Table]) -> pa.Table:
    return total(hours)


def numbers(table: pa.Table) -> dict[str, float]:
    """The main numbers, under names that stay; no median where no mail had a score."""
    kept, scores = by(table, "reason", "feed"), numbers_of(table, "score")
    median = quantile(scores, 0.5)
    return {
        "kept_back": sum(kept.values()),
        "quarantined": kept.get("quarantine/quarantine", 0),
        "held": kept.get("quarantine/hold", 0),
        "reasons": len(by(table, "reason")),
        "scored": sum(scores.values()),
        **({} if median is None else {"score_median": median}),
    }
