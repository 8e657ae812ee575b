"""The sensor that goes on with a backlog as soon as a run of it has ended, and not with the next look."""

from dataclasses import replace
from typing import Final

import dagster as dg

from mailevents_dagster.collecting.planning import Ask, Plan
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.orchestration.due_hours import look_for_due
from mailevents_dagster.orchestration.io_manager import EventStore
from mailevents_dagster.orchestration.run_requests import range_of, requests_of
from mailevents_dagster.orchestration.runs_in_flight import GOES_ON
from mailevents_dagster.settings import Settings

CATCH_UP: Final = "catch_up"
EVERY_SECONDS: Final = 15


def catch_up_sensor(settings: Settings, job: dg.JobDefinition) -> dg.RunStatusSensorDefinition:
    """Ask for more as soon as a run that catches up has succeeded; one that failed is left to the next look.

    So a source that fails is not asked again and again, and nor is one that gives hours which do not close.
    """
    running = dg.DefaultSensorStatus.RUNNING if settings.automation.enabled else dg.DefaultSensorStatus.STOPPED

    @dg.run_status_sensor(
        name=CATCH_UP,
        run_status=dg.DagsterRunStatus.SUCCESS,
        monitored_jobs=[job],
        request_job=job,
        minimum_interval_seconds=EVERY_SECONDS,
        default_status=running,
        description=catch_up_sensor.__doc__,
    )
    def sensor(
        context: dg.RunStatusSensorContext, event_store: dg.ResourceParam[EventStore]
    ) -> dg.SensorResult | dg.SkipReason:
        run = context.dagster_run
        if GOES_ON not in run.tags:
            return dg.SkipReason("The run that ended did not catch up.")
        feeds = {feed for feed in settings.feeds if dg.AssetKey(feed.asset_key) in (run.asset_selection or ())}
        first, last = (Hour.from_key(key, settings.timezone) for key in range_of(run.tags))
        due = look_for_due(context, settings, event_store)
        made = without(due.plan, Ask(first.start, last.end, tuple(feeds)))
        requests = list(requests_of(made, settings.timezone))
        return dg.SensorResult(
            run_requests=requests,
            skip_reason=None if requests else "Nothing is due that no run has under way.",
        )

    return sensor


def without(plan: Plan, done: Ask) -> Plan:
    """Return the plan without feeds that a run has just collected hours of that are still due: nothing came of it."""

    def left(asks: tuple[Ask, ...]) -> tuple[Ask, ...]:
        kept = [
            replace(ask, feeds=tuple(feed for feed in ask.feeds if feed not in done.feeds))
            if ask.first < done.end and done.first < ask.end
            else ask
            for ask in asks
        ]
        return tuple(ask for ask in kept if ask.feeds)

    return replace(plan, asks=left(plan.asks), closing=left(plan.closing))
