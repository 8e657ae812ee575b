"""Schedules: close the hour that ended, look again for what came late, keep house."""

import time
from collections.abc import Sequence
from typing import Any, Final

import dagster as dg

from mailevents_dagster.collecting import lookback
from mailevents_dagster.model.hour import key_timezone
from mailevents_dagster.orchestration.due_hours import look_for_due, sentence
from mailevents_dagster.orchestration.io_manager import EventStore
from mailevents_dagster.orchestration.run_requests import leaving_out, requests_of
from mailevents_dagster.orchestration.run_sign_ins import fail_the_gone
from mailevents_dagster.orchestration.runs_in_flight import (
    CHECKS_JOB,
    COLLECT_JOB,
    HOUSEKEEPING_JOB,
    RECONCILE_JOB,
    is_going_on,
)
from mailevents_dagster.settings import Settings

CHECKED_AFTER: Final = 10
"""Minutes after hours close in which the runs that close them end, before feeds are checked."""
HOUSEKEEPING_AFTER: Final = 30
"""Minutes after the daily look back."""


def build_schedules(settings: Settings, jobs: dict[str, Any]) -> Sequence[dg.ScheduleDefinition]:
    """Return all schedules of these settings."""
    running = dg.DefaultScheduleStatus.RUNNING if settings.automation.enabled else dg.DefaultScheduleStatus.STOPPED
    return [
        _close_hours(settings, jobs[COLLECT_JOB], running),
        dg.ScheduleDefinition(
            name=CHECKS_JOB,
            job=jobs[CHECKS_JOB],
            cron_schedule=f"{(settings.collect.settle_minutes + CHECKED_AFTER) % 60} * * * *",
            execution_timezone=key_timezone(settings.timezone),
            default_status=running,
            description=f"Each hour, once hours have closed: {jobs[CHECKS_JOB].description}",
        ),
        _look_back(settings, jobs[RECONCILE_JOB], running),
        dg.ScheduleDefinition(
            name=HOUSEKEEPING_JOB,
            job=jobs[HOUSEKEEPING_JOB],
            cron_schedule=_daily(settings.automation.reconcile_at, HOUSEKEEPING_AFTER),
            execution_timezone=settings.timezone,
            default_status=running,
            description=f"Each day: {jobs[HOUSEKEEPING_JOB].description}",
        ),
    ]


def _daily(time_of_day: str, minutes_later: int = 0) -> str:
    hour, minute = map(int, time_of_day.split(":"))
    at = hour * 60 + minute + minutes_later
    return f"{at % 60} {at // 60 % 24} * * *"


def _close_hours(settings: Settings, job: Any, running: dg.DefaultScheduleStatus) -> dg.ScheduleDefinition:
    """Each hour, once it has settled: the sensor's look for what is due, at that very minute."""

    @dg.schedule(
        name="close_hours",
        job=job,
        cron_schedule=f"{settings.collect.settle_minutes % 60} * * * *",
        execution_timezone=key_timezone(settings.timezone),
        default_status=running,
        description=_close_hours.__doc__,
    )
    def close_hours(
        context: dg.ScheduleEvaluationContext, event_store: dg.ResourceParam[EventStore]
    ) -> Sequence[dg.RunRequest] | dg.SkipReason:
        # The clock, not the tick: of ticks that were missed the newest alone has something to do.
        made = look_for_due(context, settings, event_store).plan
        tick = context.scheduled_execution_time.isoformat()  # Dagster wants a name for each run of several
        requests = list(requests_of(made, settings.timezone, tick))
        return requests or dg.SkipReason(sentence(made, settings.timezone))

    return close_hours


def _look_back(settings: Settings, job: Any, running: dg.DefaultScheduleStatus) -> dg.ScheduleDefinition:
    """Each day: list the closed hours of lookback_hours again, of all feeds that a command has not looked back at."""

    @dg.schedule(
        name=RECONCILE_JOB,
        job=job,
        cron_schedule=_daily(settings.automation.reconcile_at),
        execution_timezone=settings.timezone,
        default_status=running,
        description=_look_back.__doc__,
    )
    def look_back(
        context: dg.ScheduleEvaluationContext, event_store: dg.ResourceParam[EventStore]
    ) -> dg.RunRequest | dg.SkipReason:
        now = time.time()
        fail_the_gone(context.instance, event_store.store.locks, now)
        due = lookback.due(settings, event_store.store, now)
        if not due or is_going_on(context.instance, RECONCILE_JOB):
            return dg.SkipReason("Every feed has looked back, or does so right now.")
        others = [feed for feed in settings.feeds if feed not in due]
        return dg.RunRequest(run_config=leaving_out(others, RECONCILE_JOB))

    return look_back
