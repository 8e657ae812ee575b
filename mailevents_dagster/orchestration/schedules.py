"""Schedules: close the hour that ended, look again for what came late, keep house."""

import time
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

import dagster as dg

from mailevents_dagster.collecting import lookback
from mailevents_dagster.collecting.configuration import rules_of, states_of
from mailevents_dagster.collecting.planning import Ask, waits_until
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour, key_timezone, last_ended
from mailevents_dagster.orchestration.io_manager import EventStore
from mailevents_dagster.orchestration.jobs import leaving_out
from mailevents_dagster.orchestration.run_sign_ins import fail_the_gone
from mailevents_dagster.orchestration.runs_in_flight import CHECKS_JOB, RECONCILE_JOB, is_going_on, look
from mailevents_dagster.orchestration.sensor import ask_request
from mailevents_dagster.settings import Settings

CHECKED_AFTER: Final = 10
"""Minutes after hours close that feeds are checked: time for the runs that close them."""


def build_schedules(settings: Settings, jobs: dict[str, Any]) -> Sequence[dg.ScheduleDefinition]:
    """All schedules of these settings."""
    running = dg.DefaultScheduleStatus.RUNNING if settings.automation.enabled else dg.DefaultScheduleStatus.STOPPED
    hour, minute = map(int, settings.automation.reconcile_at.split(":"))

    def daily(name: str, at: int) -> dg.ScheduleDefinition:
        return dg.ScheduleDefinition(
            name=name,
            job=jobs[name],
            cron_schedule=f"{at % 60} {at // 60 % 24} * * *",
            execution_timezone=settings.timezone,
            default_status=running,
            description=f"Each day: {jobs[name].description}",
        )

    return [
        _close_hours(settings, jobs["collect_hours"], running),
        dg.ScheduleDefinition(
            name=CHECKS_JOB,
            job=jobs[CHECKS_JOB],
            cron_schedule=f"{(settings.collect.settle_minutes + CHECKED_AFTER) % 60} * * * *",
            execution_timezone=key_timezone(settings.timezone),
            default_status=running,
            description=f"Each hour, once hours have closed: {jobs[CHECKS_JOB].description}",
        ),
        _look_back(settings, jobs[RECONCILE_JOB], running),
        daily("housekeeping", hour * 60 + minute + 30),
    ]


def _close_hours(settings: Settings, job: Any, running: dg.DefaultScheduleStatus) -> dg.ScheduleDefinition:
    """Each hour, once it has settled: collects the hour that ended, of all feeds that no run has under way."""
    settle = settings.collect.settle_minutes

    @dg.schedule(
        name="close_hours",
        job=job,
        cron_schedule=f"{settle % 60} * * * *",
        execution_timezone=key_timezone(settings.timezone),
        default_status=running,
        description=_close_hours.__doc__,
    )
    def close_hours(
        context: dg.ScheduleEvaluationContext, event_store: dg.ResourceParam[EventStore]
    ) -> Sequence[dg.RunRequest] | dg.SkipReason:
        # The clock, not the tick: of ticks that were missed the newest alone has something to do.
        now, rules = time.time(), rules_of(settings)
        fail_the_gone(context.instance, event_store.runs, now)
        under_way = look(context.instance, context.repository_def.asset_graph, settings.feeds)
        due: defaultdict[Hour, list[Feed]] = defaultdict(list)
        for state in states_of(settings, event_store.store):
            hour = last_ended(state.by_the_api(now) - settle * 60, settings.timezone)
            if (
                hour.start >= state.start
                and state.feed not in under_way.held
                and not (state.cursor and state.cursor.is_closed(hour.start))
                and not any(first <= hour.start < end for first, end in under_way.backfills.get(state.feed, ()))
                and waits_until(state.cursor, under_way, now, rules.first_wait) <= now
            ):
                due[hour].append(state.feed)
        if not due:
            hour = last_ended(now - settle * 60, settings.timezone)
            return dg.SkipReason(f"{hour} is closed, under way or waiting after a failure, for every feed.")
        return [ask_request(Ask(hour.start, hour.end, tuple(feeds)), settings.timezone) for hour, feeds in due.items()]

    return close_hours


def _look_back(settings: Settings, job: Any, running: dg.DefaultScheduleStatus) -> dg.ScheduleDefinition:
    """Each day: lists the closed hours of lookback_hours again, of all feeds that a command has not looked back at."""
    hour, minute = map(int, settings.automation.reconcile_at.split(":"))

    @dg.schedule(
        name=RECONCILE_JOB,
        job=job,
        cron_schedule=f"{minute} {hour} * * *",
        execution_timezone=settings.timezone,
        default_status=running,
        description=_look_back.__doc__,
    )
    def look_back(
        context: dg.ScheduleEvaluationContext, event_store: dg.ResourceParam[EventStore]
    ) -> dg.RunRequest | dg.SkipReason:
        now = time.time()
        fail_the_gone(context.instance, event_store.runs, now)
        due = lookback.due(settings, event_store.store, now)
        if not due or is_going_on(context.instance, RECONCILE_JOB):
            return dg.SkipReason("Every feed has looked back, or does so right now.")
        others = [feed for feed in settings.feeds if feed not in due]
        return dg.RunRequest(run_config=leaving_out(others, RECONCILE_JOB) if others else {})

    return look_back
