"""The tables. Nothing here is measured or decided."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from large_window import LargeWindow
from range_run import RangeRun
from rich import box
from rich.console import Console
from rich.table import Table
from speed import BASELINE, COLLECTORS, PRODUCT, Result, Side

WIDTH: Final = 120
"""Where no terminal says how wide it is."""
MB: Final = 1e6


def console() -> Console:
    detected = Console()
    return detected if detected.is_terminal else Console(width=WIDTH)


def speed_table(results: Sequence[Result], rounds: int) -> Table:
    table = _table(
        f"An hour of mail with its details: medians of {rounds} round{'s' if rounds > 1 else ''}",
        ("API", "", "events/s", "of ideal", "CPU s / 1,000 events", "MB, peak", "MB above idle"),
    )
    for result in results:
        sides = result.sides
        for name in COLLECTORS:
            table.add_row(str(result.cell) if name == PRODUCT else "", name, *_figures(sides[name]))
        ours, theirs = sides[PRODUCT], sides[BASELINE]
        table.add_row(
            f"{result.truth.events:,} events",
            "ratio",
            f"{ours.events_per_second / theirs.events_per_second:.2f}",
            "",
            f"{ours.cpu_per_1000 / theirs.cpu_per_1000:.2f}",
            f"{ours.peak_bytes / theirs.peak_bytes:.2f}",
            f"{_above_idle(ours) / _above_idle(theirs):.2f}",
            style="bold",
            end_section=True,
        )
    return table


def calls_table(results: Sequence[Result]) -> Table:
    """Counts that are the same on every machine, except those of refused calls."""
    table = _table(
        "Calls, as the API counted them",
        ("API", "", "events", "mails with details", "list calls", "details per mail", "calls per event", "refused"),
    )
    for result in results:
        truth = result.truth
        for name, side in result.sides.items():
            served = side.served
            table.add_row(
                str(result.cell) if name == PRODUCT else "",
                name,
                f"{truth.events:,}",
                f"{truth.mails:,}",
                f"{served.lists:,}",
                f"{served.details / truth.mails:.3f}",
                f"{served.all / truth.events:.3f}",
                f"{served.refused:,}",
                end_section=name == BASELINE,
            )
    return table


def large_window_sentence(large: LargeWindow) -> str:
    return (
        f"An hour of {large.rows:,} rows was listed completely, without details, in {large.calls} calls and "
        f"{large.seconds:.1f} s; full answers without overlap would be {large.fewest_calls}."
    )


def memory_table(runs: Sequence[RangeRun]) -> Table:
    table = _table(
        "One Dagster run over a range of hours, 8 details at a time, no rate limit",
        ("hours", "events", "busiest hour", "events/s", "MB, definitions loaded", "MB, peak", "MB above idle"),
    )
    for run in runs:
        events = sum(run.events_by_hour)
        table.add_row(
            f"{len(run.events_by_hour)}",
            f"{events:,}",
            f"{max(run.events_by_hour):,}",
            f"{events / run.seconds:,.0f}",
            f"{run.idle_bytes / MB:,.0f}",
            f"{run.peak_bytes / MB:,.0f}",
            f"{(run.peak_bytes - run.idle_bytes) / MB:,.0f}",
        )
    return table


def _table(title: str, columns: Sequence[str]) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE, pad_edge=False)
    for name in columns:
        table.add_column(name, justify="left" if name in ("API", "") else "right", no_wrap=name in ("API", ""))
    return table


def _figures(side: Side) -> tuple[str, ...]:
    return (
        f"{side.events_per_second:,.0f}",
        "" if side.of_ideal is None else f"{side.of_ideal:.2f}",
        f"{side.cpu_per_1000:.3f}",
        f"{side.peak_bytes / MB:,.0f}",
        f"{_above_idle(side) / MB:,.0f}",
    )


def _above_idle(side: Side) -> float:
    return side.peak_bytes - side.idle_bytes
