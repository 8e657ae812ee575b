"""The demo: three closed hours of two simulated domains, collected by a real Dagster run, and what came of it."""

import logging
import sys
import time
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final

import dagster as dg
from rich import box
from rich.console import Console
from rich.table import Table

from mailevents_dagster.build import build_defs
from mailevents_dagster.feeds import Feed
from mailevents_dagster.hours import Hour, last_ended
from mailevents_dagster.io_manager import feed_of
from mailevents_dagster.settings import Settings, load_settings

HOURS: Final = 3
SHOWN_CHARACTERS: Final = 400
FILE_WIDTH: Final = 320
"""Where no terminal says how wide it is: no path of the demo breaks."""


class DemoRefusedError(Exception):
    """The demo would mix simulated mail into somebody's data."""


def run_demo() -> bool:
    """Collects, shows and returns whether all went well; collected again, the same hours cost no detail call."""
    settings = load_settings()
    if settings.source is not None:
        raise DemoRefusedError(f"{settings.source} is there, and the demo is for a checkout without settings.")
    console = Console(width=None if sys.stdout.isatty() else FILE_WIDTH)
    hours = _last_closed_hours(settings, time.time())
    console.print(
        f"Collecting {HOURS} hours of {len(settings.feeds)} feeds, {hours[0]} to {hours[-1]} ({settings.timezone}), "
        f"from the embedded simulator ..."
    )
    result = _collect(settings, hours, _terse(total=HOURS * len(settings.feeds)))
    if not result.success:
        console.print("The run failed; what it says is above, and in the UI: make ui")
        return False
    rows = _rows(result)
    _show(console, settings, rows)
    return True


def _last_closed_hours(settings: Settings, now: float) -> list[Hour]:
    newest = last_ended(now - settings.collect.settle_minutes * 60, settings.timezone)
    hours = [newest]
    while len(hours) < HOURS:
        hours.insert(0, hours[0].previous)
    return hours


def _collect(settings: Settings, hours: Sequence[Hour], console: dg.LoggerDefinition) -> dg.ExecuteInProcessResult:
    job = build_defs(settings, loggers={"console": console}).resolve_implicit_global_asset_job_def()
    with dg.DagsterInstance.get() as instance:
        return job.execute_in_process(
            instance=instance,
            tags={
                "dagster/asset_partition_range_start": hours[0].key,
                "dagster/asset_partition_range_end": hours[-1].key,
            },
            run_config={"loggers": {"console": {}}},
            raise_on_error=False,
        )


def _terse(total: int) -> dg.LoggerDefinition:
    """A console that shows what the collection says and errors, and none of Dagster's own events."""

    class Lines(logging.Handler):
        done = 0

        def emit(self, record: logging.LogRecord) -> None:
            said: dict[str, Any] = getattr(record, "dagster_meta", {})
            if said.get("dagster_event") is None or record.levelno >= logging.ERROR:
                self.done += record.levelno == logging.INFO
                print(f"[{self.done:2}/{total}] {said.get('orig_message', record.getMessage())}", flush=True)  # noqa: T201

    @dg.logger
    def terse(_: dg.InitLoggerContext) -> logging.Logger:
        logger = logging.getLogger("mailevents.demo")
        logger.handlers = [Lines(logging.INFO)]
        logger.setLevel(logging.INFO)
        logger.propagate = False
        return logger

    return terse


def _rows(result: dg.ExecuteInProcessResult) -> list[tuple[Feed, str, dict[str, Any]]]:
    """Feed, hour and metadata of every hour the run committed."""
    rows = []
    for event in result.get_asset_materialization_events():
        done = event.step_materialization_data.materialization
        values = {name: value.value for name, value in done.metadata.items()}
        rows.append((feed_of(done.asset_key), str(done.partition), values))
    return sorted(rows, key=lambda row: row[:2])


def _show(console: Console, settings: Settings, rows: Sequence[tuple[Feed, str, dict[str, Any]]]) -> None:
    root = Path(settings.storage)
    table = Table(box=box.SIMPLE)
    for name in ("feed", "hour"):
        table.add_column(name, no_wrap=True)
    for name in ("events", "API calls"):
        table.add_column(name, justify="right")
    for name in ("log file", "Parquet file"):
        table.add_column(f"{name} in {root.name}/", overflow="fold")
    for feed, hour, values in rows:
        files = [str(Path(values[name]).relative_to(root)) for name in ("log_file", "parquet_file")]
        table.add_row(
            str(feed), hour, f"{values['dagster/partition_row_count']:,}", f"{values['api_calls']:.0f}", *files
        )
    console.print(table)
    asked = sum(int(values["detail_calls"]) for *_, values in rows)
    reused = sum(int(values["details_reused"]) for *_, values in rows)
    console.print(
        f"{asked:,} detail calls were made and {reused:,} details were known already."
        if asked
        else f"No detail call was made: all {reused:,} details were known already."
    )
    mail = [values for feed, _, values in rows if feed.kind.has_details]
    log = Path(max(mail, key=lambda values: int(values["dagster/partition_row_count"]))["log_file"])
    console.print(f"\nThe first two lines of {log.relative_to(root.parent)}, cut to {SHOWN_CHARACTERS} characters:")
    with log.open(encoding="utf-8") as lines:
        for line in islice(lines, 2):
            console.print(line.rstrip()[:SHOWN_CHARACTERS], markup=False, highlight=False, soft_wrap=True)
    console.print("\nSee it in Dagster: run [bold]make ui[/bold] and open http://127.0.0.1:3000/assets")
