"""Charts of a day's counts, as PNG for Dagster and as SVG for the report. Drawn without pyplot: no global state.

Colours are of medium lightness on a transparent ground, so they show on white and on black. No chart names a person.
"""

from __future__ import annotations

import warnings
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BytesIO
from typing import Any, Final

import matplotlib as mpl
import pyarrow as pa
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator
from PIL import Image

from mailevents_dagster.sources.statuses import CLASSES, DIRECTIONS, OUTCOMES
from mailevents_dagster.summaries import quarantine, server_bounces, server_traffic, sign_ins
from mailevents_dagster.summaries.counts import HOURS, by, by_hour, numbers_of
from mailevents_dagster.summaries.wording import Language, say, say_key

INK: Final = "#808791"
BLUE, ORANGE, GREEN, RED, VIOLET = "#3f88d8", "#d98324", "#36a06a", "#d6574c", "#9673c9"
OF_OUTCOME: Final = dict(zip(OUTCOMES, (GREEN, ORANGE, RED, RED, VIOLET, VIOLET, INK, INK), strict=True))
SIZE: Final = (7.6, 2.7)
"""Inches: the width of an A4 page between its margins."""
DPI: Final = 100
COLOURS: Final = 32
"""Enough in the palette of a PNG for smooth letters, with a quarter of the bytes of true colour."""
BARS: Final = 8
_STYLE: Final[Any] = {
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "font.size": 9,
    "font.family": ["DejaVu Sans"],
    "legend.frameon": False,
    "svg.hashsalt": "mailevents",
}

Chart = Callable[[pa.Table, Language], Figure]


def png(chart: Chart, counts: pa.Table) -> bytes:
    """Draw a chart for the web interface: transparent, and in few bytes, since they stay in the event log."""
    with _style():
        canvas: Any = FigureCanvasAgg(chart(counts, "en"))
        canvas.draw()
    picture = Image.frombuffer("RGBA", canvas.get_width_height(), canvas.buffer_rgba())
    out = BytesIO()
    picture.quantize(COLOURS, Image.Quantize.FASTOCTREE).save(out, "PNG", optimize=True)
    return out.getvalue()


def svg(chart: Chart, counts: pa.Table, language: Language) -> bytes:
    """Draw a chart for paper and screens; its letters are drawn, so it needs no font."""
    with _style():
        out = BytesIO()
        canvas: Any = FigureCanvasSVG(chart(counts, language))
        canvas.print_svg(out, metadata={"Date": None, "Creator": None})
    return out.getvalue()


@contextmanager
def _style() -> Iterator[None]:
    with mpl.rc_context(_STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)  # reasons may hold any letter
        yield


def data_uri(picture: bytes, kind: str) -> str:
    return f"data:image/{kind};base64,{b64encode(picture).decode()}"


def blank(places: int) -> tuple[Figure, Sequence[Axes]]:
    figure = Figure(figsize=SIZE, dpi=DPI, layout="constrained")
    figure.patch.set_alpha(0)
    axes = [figure.add_subplot(1, places, place + 1) for place in range(places)]
    for one in axes:
        one.patch.set_alpha(0)
    return figure, axes


def _hourly(
    counts: pa.Table, title: str, series: Iterable[tuple[str, str, Mapping[str, int]]], language: Language
) -> Figure:
    """Draw the day's hours with one bar each, made of several series; two hours of the same name have two bars."""
    figure, (axes,) = blank(1)
    series = list(series)
    hours = sorted(by(counts, HOURS, "hour"), key=lambda key: (key[:16], key[16:]))
    below = [0] * len(hours)
    for name, colour, found in series:
        heights = [found.get(hour, 0) for hour in hours]
        axes.bar(range(len(hours)), heights, 0.8, below, color=colour, label=say(name, language))
        below = [one + other for one, other in zip(below, heights, strict=True)]
    axes.set_xticks(range(0, len(hours), 3), [hour[11:13] for hour in hours[::3]])
    axes.set_xlim(-0.7, len(hours) - 0.3)
    axes.set_title(say(title, language), loc="left")
    _counting(axes.yaxis, language)
    axes.legend(loc="lower right", bbox_to_anchor=(1.0, 0.98), ncols=len(series), columnspacing=1.2, handlelength=1.2)
    return figure


def _counting(axis: Any, language: Language) -> None:
    axis.set_major_locator(MaxNLocator(5, integer=True))
    axis.set_major_formatter(FuncFormatter(lambda value, _: number(value, language)))


def number(value: float, language: Language) -> str:
    """Return a number with one decimal if it has any, and with the separators of the language."""
    text = f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"
    return text.translate(str.maketrans(",.", ".,")) if language == "tr" else text


def draw_volume(counts: pa.Table, language: Language) -> Figure:
    series = zip(
        DIRECTIONS.values(), (BLUE, ORANGE), (by_hour(counts, "mails", feed=one) for one in DIRECTIONS), strict=True
    )
    return _hourly(counts, "mails_by_hour", series, language)


def draw_deliverability(counts: pa.Table, language: Language) -> Figure:
    figure, (left, right) = blank(2)
    outcomes, classes = by(counts, "outcome"), by(counts, "bounce_class")
    bars(left, say("outcomes", language), {say(name, language): outcomes.get(name, 0) for name in OUTCOMES}, language)
    for bar, name in zip(left.patches, OUTCOMES, strict=True):
        bar.set_color(OF_OUTCOME[name])
    bars(
        right,
        say("bounce_classes", language),
        {say(name, language): classes.get(name, 0) for name in CLASSES},
        language,
    )
    return figure


def draw_quarantine(counts: pa.Table, language: Language) -> Figure:
    figure, (left, right) = blank(2)
    reasons = by(counts, "reason")
    shown = dict(list(reasons.items())[:BARS])
    if rest := sum(reasons.values()) - sum(shown.values()):
        shown[say("other", language)] = shown.get(say("other", language), 0) + rest
    bars(
        left,
        say("reasons", language),
        {_short(say_key(name, language)): count for name, count in shown.items()},
        language,
    )
    scores = numbers_of(counts, "score")
    right.bar([score + 0.5 for score in scores], list(scores.values()), 1.0, color=VIOLET)
    if scores:
        right.set_xlim(max(min(scores) - 1, quarantine.LOWEST), min(max(scores) + 2, quarantine.HIGHEST + 1))
    right.set_title(say("scores", language), loc="left")
    right.xaxis.set_major_locator(MaxNLocator(7, integer=True))
    _counting(right.yaxis, language)
    return figure


def draw_sign_ins(counts: pa.Table, language: Language) -> Figure:
    spikes = sign_ins.spikes(counts)
    usual = {hour: count for hour, count in by_hour(counts, "sign_ins", "failed").items() if hour not in spikes}
    series = [("failed", ORANGE, usual), *([("spike", RED, spikes)] if spikes else [])]
    return _hourly(counts, "failed_by_hour", series, language)


def draw_server_traffic(counts: pa.Table, language: Language) -> Figure:
    colours = (BLUE, GREEN, ORANGE, RED, VIOLET)
    events = ((name, by_hour(counts, "event", event)) for event, name in server_traffic.EVENTS.items())
    series = ((name, colour, found) for (name, found), colour in zip(events, colours, strict=True))
    return _hourly(counts, "events_by_hour", series, language)


def draw_server_bounces(counts: pa.Table, language: Language) -> Figure:
    of_class = zip(server_bounces.FAILURE_CLASSES, (RED, ORANGE, VIOLET, INK), strict=True)
    series = ((name, colour, by_hour(counts, "failures", name)) for name, colour in of_class)
    return _hourly(counts, "failures_by_hour", series, language)


def bars(axes: Axes, title: str, values: Mapping[str, float], language: Language) -> None:
    """Draw horizontal bars, each with its number."""
    bars = axes.barh(range(len(values)), list(values.values()), 0.7, color=BLUE)
    axes.bar_label(bars, [number(value, language) for value in values.values()], padding=3, fontsize=8)
    axes.set_yticks(range(len(values)), list(values), parse_math=False)
    axes.invert_yaxis()
    axes.set_xlim(0, max([1, *values.values()]) * 1.2)
    axes.xaxis.set_visible(False)
    axes.spines["bottom"].set_visible(False)
    axes.set_title(title, loc="left")


def _short(text: str) -> str:
    text = "".join(letter if letter.isprintable() else "\ufffd" for letter in text)
    return text if len(text) <= 24 else text[:23] + "…"


CHARTS: Final[Mapping[str, Chart]] = {
    "volume": draw_volume,
    "deliverability": draw_deliverability,
    "quarantine": draw_quarantine,
    "sign_ins": draw_sign_ins,
    "server_traffic": draw_server_traffic,
    "server_bounces": draw_server_bounces,
}
