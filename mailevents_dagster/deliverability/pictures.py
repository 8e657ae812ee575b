"""Pictures of days, as PNG for the web interface: bars of numbers, and lines over days."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import cycle
from typing import Final

import pyarrow as pa
from matplotlib.figure import Figure

from mailevents_dagster.model.day import Day
from mailevents_dagster.summaries.charts import BLUE, GREEN, INK, ORANGE, RED, VIOLET, bars, blank, number, png
from mailevents_dagster.summaries.wording import Language

MOST: Final = 10
"""Bars or lines of one picture; more cannot be told apart."""
_COLOURS: Final = (BLUE, ORANGE, GREEN, VIOLET, RED, INK)


def picture_of_bars(title: str, values: Mapping[str, float]) -> bytes:
    """Draw a bar for each of the largest values."""
    largest = dict(sorted(values.items(), key=lambda one: -one[1])[:MOST])

    def draw(_: pa.Table, language: Language) -> Figure:
        figure, (axes,) = blank(1)
        bars(axes, title, largest, language)
        return figure

    return png(draw, pa.table({}))


def picture_of_days(title: str, series: Mapping[str, Mapping[Day, float]]) -> bytes:
    """Draw a line for each series; a day without a value is a gap in it."""

    def draw(_: pa.Table, language: Language) -> Figure:
        figure, (axes,) = blank(1)
        days = sorted({day for values in series.values() for day in values})
        for (name, values), colour in zip(list(series.items())[:MOST], cycle(_COLOURS), strict=False):
            heights = [values.get(day, float("nan")) for day in days]
            axes.plot(range(len(days)), heights, color=colour, label=name, marker=".")
        step = max(1, len(days) // 8)
        axes.set_xticks(range(0, len(days), step), [day.key[5:] for day in days[::step]])
        axes.set_ylim(bottom=0)
        axes.yaxis.set_major_formatter(lambda value, _: number(value, language))
        axes.set_title(title, loc="left")
        axes.legend(loc="upper left", fontsize=8)
        return figure

    return png(draw, pa.table({}))
