"""Hours collected at somebody's word in this process, as a recorded Dagster run that the UI shows."""

import logging
from collections.abc import Sequence
from typing import Any

import dagster as dg

from mailevents_dagster.build import build_defs
from mailevents_dagster.feeds import Feed
from mailevents_dagster.hours import Hour
from mailevents_dagster.settings import Settings
from mailevents_dagster.under_way import COLLECT_JOB


def collect(settings: Settings, feeds: Sequence[Feed], hours: Sequence[Hour]) -> dg.ExecuteInProcessResult:
    """One run over these hours, which follow one another, of these feeds; says a line for each hour."""
    console = _terse(total=len(hours) * len(feeds))
    job = build_defs(settings, loggers={"console": console}).resolve_job_def(COLLECT_JOB)
    with dg.DagsterInstance.get() as instance:
        return job.execute_in_process(
            instance=instance,
            asset_selection=[dg.AssetKey(feed.asset_key) for feed in feeds],
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
        logger = logging.getLogger("mailevents.by_hand")
        logger.handlers = [Lines(logging.INFO)]
        logger.setLevel(logging.INFO)
        logger.propagate = False
        return logger

    return terse
