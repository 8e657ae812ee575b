"""The demo: three closed hours of two simulated domains, collected by a real Dagster run, and what came of them."""

import logging
import sys
import time
from collections.abc import Callable, Sequence
from itertools import count, islice
from pathlib import Path
from typing import Any, Final

import dagster as dg
from rich import box
from rich.console import Console
from rich.table import Table

from mailevents_dagster.collecting.planning import Ask
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import SECONDS, Hour, last_ended
from mailevents_dagster.orchestration.home import this_instance
from mailevents_dagster.orchestration.manual_runs import ManualRuns
from mailevents_dagster.settings import home
from mailevents_dagster.sources.catalog import load_project

HOURS: Final = 3
SHOWN_CHARACTERS: Final = 400
FILE_WIDTH: Final = 320
"""Columns if no terminal says how many it has: no path of the demo breaks."""


class DemoRefusedError(Exception):
    """The demo would mix simulated mail into somebody's data."""


def run_demo() -> bool:
    """Collect, show and return whether all went well. Collected again, the same hours cost no detail call."""
    settings = load_project()
    if settings.source is not None:
        raise DemoRefusedError(f"{settings.source} is there, and the demo is for a checkout without settings.")
    console = Console(width=None if sys.stdout.isatty() else FILE_WIDTH)
    end = last_ended(time.time() - settings.collect.settle_minutes * 60, settings.timezone).end
    ask = Ask(end - HOURS * SECONDS, end, settings.feeds)
    first, last = Hour(ask.first, settings.timezone), Hour(end - SECONDS, settings.timezone)
    console.print(
        f"Collecting {HOURS} hours of {len(settings.feeds)} feeds, {first} to {last} ({settings.timezone}), "
        f"from the embedded simulator ..."
    )
    home(settings)
    with this_instance() as instance:
        result = ManualRuns(settings, instance, _numbered_lines(ask.feed_hours)).ask(ask)
    if not result.success:
        console.print("The run failed; what it says is above, and in the UI: make ui")
        return False
    hours = _committed_hours(result, settings.feeds)
    root = Path(settings.storage)
    console.print(_table(hours, root))
    asked, reused = (
        sum(int(values.get(name, 0)) for *_, values in hours) for name in ("detail_calls", "details_reused")
    )
    console.print(
        f"{asked:,} detail calls were made and {reused:,} details were known already."
        if asked
        else f"No detail call was made: all {reused:,} details were known already."
    )
    _show_log(console, hours, root)
    console.print("\nSee it in Dagster: run [bold]make ui[/bold] and open http://127.0.0.1:3000/assets")
    return True


def _numbered_lines(total: int) -> Callable[[str, int], None]:
    """Print what a run says, with a number before each hour."""
    done = count(1)

    def say(line: str, level: int) -> None:
        print(f"[{next(done):2}/{total}] {line}" if level == logging.INFO else line, flush=True)  # noqa: T201

    return say


def _committed_hours(
    result: dg.ExecuteInProcessResult, feeds: Sequence[Feed]
) -> list[tuple[Feed, str, dict[str, Any]]]:
    """Return feed, key and metadata of every hour that the run committed."""
    by_key = {dg.AssetKey(feed.asset_key): feed for feed in feeds}
    hours = []
    for event in result.get_asset_materialization_events():
        done = event.step_materialization_data.materialization
        values = {name: value.value for name, value in done.metadata.items()}
        hours.append((by_key[done.asset_key], str(done.partition), values))
    return sorted(hours, key=lambda hour: hour[:2])


def _table(hours: Sequence[tuple[Feed, str, dict[str, Any]]], root: Path) -> Table:
    table = Table(box=box.SIMPLE)
    for name in ("feed", "hour"):
        table.add_column(name, no_wrap=True)
    for name in ("events", "API calls"):
        table.add_column(name, justify="right")
    for name in ("log file", "Parquet file"):
        table.add_column(f"{name} in {root.name}/", overflow="fold")
    for feed, hour, values in hours:
        files = [str(Path(values[name]).relative_to(root)) for name in ("log_file", "parquet_file")]
        calls = values.get("api_calls")  # a log needs none
        numbers = f"{values['dagster/partition_row_count']:,}", "" if calls is None else f"{calls:.0f}"
        table.add_row(str(feed), hour, *numbers, *files)
    return table


def _show_log(console: Console, hours: Sequence[tuple[Feed, str, dict[str, Any]]], root: Path) -> None:
    mail = [values for feed, _, values in hours if feed.kind.has_details]
    log = Path(max(mail, key=lambda values: int(values["dagster/partition_row_count"]))["log_file"])
    console.print(f"\nThe first two lines of {log.relative_to(root.parent)}, cut to {SHOWN_CHARACTERS} characters:")
    with log.open(encoding="utf-8") as lines:
        for line in islice(lines, 2):
            console.print(line.rstrip()[:SHOWN_CHARACTERS], markup=False, highlight=False, soft_wrap=True)
