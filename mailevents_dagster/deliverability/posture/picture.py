"""The day at a glance: how many judgements of each topic are good, weak, bad or unknown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import pyarrow as pa
from matplotlib.figure import Figure

from mailevents_dagster.deliverability.posture.findings import Verdict
from mailevents_dagster.summaries.charts import DPI, GREEN, INK, ORANGE, RED, png
from mailevents_dagster.summaries.wording import Language

_COLOURS: Final = {Verdict.GOOD: GREEN, Verdict.WEAK: ORANGE, Verdict.BAD: RED, Verdict.UNKNOWN: INK}


def picture(counts: Mapping[tuple[str, Verdict], int]) -> bytes:
    """Draw a bar for each topic."""
    topics = list(dict.fromkeys(topic for topic, _ in counts))[::-1]

    def draw(_: pa.Table, __: Language) -> Figure:
        figure = Figure(figsize=(7.6, 1 + 0.22 * len(topics)), dpi=DPI, layout="constrained")
        figure.patch.set_alpha(0)
        axes = figure.add_subplot()
        axes.patch.set_alpha(0)
        left = [0] * len(topics)
        for verdict, colour in _COLOURS.items():
            widths = [counts.get((topic, verdict), 0) for topic in topics]
            axes.barh(topics, widths, left=left, color=colour, label=str(verdict))
            left = [before + width for before, width in zip(left, widths, strict=True)]
        axes.set_xticks([])
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, 1.12), ncols=len(_COLOURS))
        return figure

    return png(draw, pa.table({}))
