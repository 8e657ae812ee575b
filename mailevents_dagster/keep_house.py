"""The housekeeping job at somebody's word in this process, as a recorded Dagster run that the UI shows."""

import logging
from collections.abc import Callable
from typing import Any

import dagster as dg

from mailevents_dagster.build import build_defs
from mailevents_dagster.settings import Settings
from mailevents_dagster.under_way import HOUSEKEEPING_JOB


def keep_house(settings: Settings, say: Callable[[str], object]) -> tuple[dict[str, Any], bool]:
    """Runs the job; returns the numbers of its ops, and whether it succeeded. `say` gets the lines of its log."""

    class Lines(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said: dict[str, Any] = getattr(record, "dagster_meta", {})
            if said.get("dagster_event") is None or record.levelno >= logging.ERROR:
                say(said.get("orig_message", record.getMessage()))

    @dg.logger
    def console(_: dg.InitLoggerContext) -> logging.Logger:
        logger = logging.getLogger("mailevents.keep_house")
        logger.handlers = [Lines(logging.INFO)]
        logger.setLevel(logging.INFO)
        logger.propagate = False
        return logger

    job = build_defs(settings, loggers={"console": console}).resolve_job_def(HOUSEKEEPING_JOB)
    with dg.DagsterInstance.get() as instance:
        result = job.execute_in_process(
            instance=instance, run_config={"loggers": {"console": {}}}, raise_on_error=False
        )
    numbers = {
        name: value.value
        for event in result.all_events
        if event.is_successful_output
        for name, value in event.step_output_data.metadata.items()
    }
    return numbers, result.success
