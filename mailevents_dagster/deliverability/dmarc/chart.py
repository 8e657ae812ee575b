"""The sources of a day, drawn."""

from __future__ import annotations

from typing import Final

import pyarrow as pa
from matplotlib.figure import Figure

from mailevents_dagster.deliverability.dmarc.judging import sources_of
from mailevents_dagster.summaries.charts import GREEN, RED, blank
from mailevents_dagster.summaries.wording import Language

_BARS: Final = 10


def draw_sources(rows: pa.Table, language: Language) -> Figure:  # noqa: ARG001  numbers and addresses need no words
    """Draw the sources with the most mails: those that pass DMARC, and those that do not."""
    figure, (axes,) = blank(1)
    largest = sorted(sources_of(rows), key=lambda one: one.messages, reverse=True)[:_BARS][::-1]
    names = [f"{one.network}{' (new)' if one.is_new else ''}" for one in largest]
    passed = [one.passed for one in largest]
    axes.barh(names, passed, color=GREEN, label="pass DMARC")
    axes.barh(names, [one.messages - one.passed for one in largest], left=passed, color=RED, label="fail")
    axes.set_title("Mails by source", loc="left")
    axes.legend(loc="lower right", bbox_to_anchor=(1.0, 0.98), ncols=2)
    return figure
