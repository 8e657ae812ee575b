"""The sensor: looks at the stored cursors, the clock and the runs under way, and asks for what is due."""

import json
import time
from collections.abc import Sequence
from typing import Any, Final

import dagster as dg

from mailevents_dagster.collecting.planning import FeedState
from mailevents_dagster.files.printable import counted
from mailevents_dagster.health.prometheus import write_metrics
from mailevents_dagster.orchestration.due_hours import look_for_due, sentence
from mailevents_dagster.orchestration.io_manager import EventStore
from mailevents_dagster.orchestration.run_requests import leaving_out, requests_of
from mailevents_dagster.orchestration.run_sign_ins import fail_the_gone
from mailevents_dagster.orchestration.runs_in_flight import FOLLOW_JOB, SENSOR
from mailevents_dagster.orchestration.unreported_hours import report_hours
from mailevents_dagster.settings import Settings
from mailevents_dagster.store.store import Store

GONE_EVERY: Final = 60
"""Seconds between two looks for runs whose process is gone: a query and a look into a folder."""


def follow_sensor(settings: Settings, jobs: Sequence[Any]) -> dg.SensorDefinition:
    """Keep every feed current: follow the running hours, close those that ended, fill gaps."""
    running = dg.DefaultSensorStatus.RUNNING if settings.automation.enabled else dg.DefaultSensorStatus.STOPPED

    @dg.sensor(
        name=SENSOR,
        jobs=jobs,
        minimum_interval_seconds=max(1, round(settings.automation.follow_minutes * 60)),
        default_status=running,
        description=follow_sensor.__doc__,
    )
    def sensor(context: dg.SensorEvaluationContext, event_store: dg.ResourceParam[EventStore]) -> dg.SensorResult:
        due = look_for_due(context, settings, event_store)
        made, under_way = due.plan, due.under_way
        busy = under_way.held | under_way.backfills.keys()
        place = _report_hours(context, event_store.store, [one for one in due.states if one.feed not in busy])
        write_metrics(settings, event_store.store)  # here too: it goes on where runs fail or none is started
        requests = list(requests_of(made, settings.timezone))
        if made.follow and not under_way.following:
            requests.insert(0, dg.RunRequest(job_name=FOLLOW_JOB, run_config=leaving_out(made.waiting)))
        said = sentence(made, settings.timezone)
        if requests:
            context.log.info(said)
        waiting = {str(feed): until for feed, until in made.waiting.items()}
        return dg.SensorResult(
            run_requests=requests,
            skip_reason=None if requests else said,
            cursor=json.dumps({"said": said, "waiting": waiting, "shown_up_to": place}),
        )

    return sensor


def gone_sensor() -> dg.SensorDefinition:
    """Mark runs whose process is gone as failed, so that their feeds and backfills go on. On, whatever else is off."""

    @dg.sensor(
        name="find_gone_runs",
        minimum_interval_seconds=GONE_EVERY,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=gone_sensor.__doc__,
    )
    def sensor(context: dg.SensorEvaluationContext, event_store: dg.ResourceParam[EventStore]) -> dg.SkipReason:
        gone = fail_the_gone(context.instance, event_store.store.locks, time.time())
        return dg.SkipReason(f"{counted(gone, 'run')} marked as failed: the process is gone." if gone else None)

    return sensor


def _report_hours(context: dg.SensorEvaluationContext, store: Store, idle: Sequence[FeedState]) -> int:
    """Report some of the hours that are kept and not shown; return where the next tick goes on."""
    reported, place = report_hours(context.instance, store, idle, _place(context.cursor))
    if reported:
        context.log.warning(
            f"{reported:,} hours were kept and not shown here: their runs were killed, they come from old logs, or "
            f"this DAGSTER_HOME is new. They are shown now."
        )
    return place


def _place(cursor: str | None) -> int:
    """Return where the last tick stopped comparing what is kept with what is shown; people may edit the cursor."""
    try:
        return int(json.loads(cursor or "{}")["shown_up_to"])
    except (ValueError, KeyError, TypeError, OverflowError):
        return 0
