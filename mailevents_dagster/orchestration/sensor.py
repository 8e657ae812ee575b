"""The sensor: looks at the stored cursors, the clock and the runs under way, and asks for what is due."""

import json
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import dagster as dg

from mailevents_dagster.collecting.configuration import rules_of, states_of
from mailevents_dagster.collecting.planning import Ask, Plan, plan
from mailevents_dagster.health.prometheus import write_metrics
from mailevents_dagster.model.hour import SECONDS, Hour
from mailevents_dagster.orchestration.assets import range_tags
from mailevents_dagster.orchestration.io_manager import EventStore
from mailevents_dagster.orchestration.jobs import leaving_out
from mailevents_dagster.orchestration.run_sign_ins import fail_the_gone
from mailevents_dagster.orchestration.runs_in_flight import COLLECT_JOB, FOLLOW_JOB, SENSOR, look
from mailevents_dagster.orchestration.unreported_hours import show_what_is_kept
from mailevents_dagster.settings import Settings

GONE_EVERY: Final = 60
"""Seconds between two looks for runs whose process is gone: a query and a look into a folder."""


def follow_sensor(settings: Settings, jobs: Sequence[Any]) -> dg.SensorDefinition:
    """Keeps every feed current: follows the hours now running, closes those that ended, fills gaps."""
    running = dg.DefaultSensorStatus.RUNNING if settings.automation.enabled else dg.DefaultSensorStatus.STOPPED

    @dg.sensor(
        name=SENSOR,
        jobs=jobs,
        minimum_interval_seconds=max(1, round(settings.automation.follow_minutes * 60)),
        default_status=running,
        description=follow_sensor.__doc__,
    )
    def sensor(
        context: dg.SensorEvaluationContext, event_store: dg.ResourceParam[EventStore]
    ) -> dg.SensorResult | dg.SkipReason:
        now, store = time.time(), event_store.store
        assert context.repository_def  # noqa: S101 - Dagster gives it to every sensor of a code location
        if gone := fail_the_gone(context.instance, event_store.runs, now):
            context.log.warning(f"{gone:,} runs were marked as failed: their processes are gone.")
        under_way = look(context.instance, context.repository_def.asset_graph, settings.feeds)
        states = states_of(settings, store)
        made = plan(states, under_way, now, rules_of(settings))
        said = sentence(made, settings.timezone)
        requests = [ask_request(ask, settings.timezone) for ask in made.asks]
        if made.follow and not under_way.following:
            requests.insert(0, _follow_request(made))
        idle = [state for state in states if state.feed not in under_way.held | under_way.backfills.keys()]
        shown, place = show_what_is_kept(context.instance, store, idle, _place(context.cursor))
        if shown:
            context.log.warning(
                f"{shown:,} hours were kept and not shown here: their runs were killed, they come from old logs, or "
                f"this DAGSTER_HOME is new. They are shown now."
            )
        write_metrics(settings)  # here too: it goes on where runs fail or none is started
        waiting = {str(feed): until for feed, until in made.waiting.items()}
        state = json.dumps({"said": said, "waiting": waiting, "shown_up_to": place})
        if not requests:
            context.update_cursor(state)
            return dg.SkipReason(said)
        context.log.info(said)
        return dg.SensorResult(run_requests=requests, cursor=state)

    return sensor


def gone_sensor() -> dg.SensorDefinition:
    """Marks runs as failed whose process is gone, so that their feeds and backfills go on. On, whatever else is off."""

    @dg.sensor(
        name="find_gone_runs",
        minimum_interval_seconds=GONE_EVERY,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=gone_sensor.__doc__,
    )
    def sensor(context: dg.SensorEvaluationContext, event_store: dg.ResourceParam[EventStore]) -> dg.SkipReason:
        gone = fail_the_gone(context.instance, event_store.runs, time.time())
        return dg.SkipReason(f"{_count(gone, 'run')} marked as failed: the process is gone." if gone else None)

    return sensor


def _place(cursor: str | None) -> int:
    """Where the last tick left off comparing what is kept with what Dagster shows; somebody may have edited it."""
    try:
        return int(json.loads(cursor or "{}")["shown_up_to"])
    except (ValueError, KeyError, TypeError, OverflowError):
        return 0


def ask_request(ask: Ask, timezone: str) -> dg.RunRequest:
    """The run for these hours of these feeds."""
    first, last = Hour(ask.first, timezone), Hour(ask.end - SECONDS, timezone)
    selected: dict[str, Any] = {
        "asset_selection": [dg.AssetKey(feed.asset_key) for feed in ask.feeds],
        "asset_check_keys": [],  # none given would be all: see collect_job
    }
    tags = {"dagster/priority": "5"}  # before the runs of a backfill that wait
    if first == last:
        return dg.RunRequest(job_name=COLLECT_JOB, partition_key=first.key, tags=tags, **selected)
    return dg.RunRequest(job_name=COLLECT_JOB, tags=tags | range_tags(first, last), **selected)


def _follow_request(made: Plan) -> dg.RunRequest:
    return dg.RunRequest(job_name=FOLLOW_JOB, run_config=leaving_out(made.waiting) if made.waiting else {})


def sentence(made: Plan, timezone: str) -> str:
    """The plan for somebody who looks at the ticks."""
    return "; ".join(_parts(made, timezone))


def _parts(made: Plan, timezone: str) -> Iterator[str]:
    asked = sum(ask.feed_hours for ask in made.asks)
    yield f"{_count(len(made.follow), 'feed')} followed"
    if made.asks:
        yield f"{_count(asked, 'hour')} asked for in {_count(len(made.asks), 'run')}"
    if made.behind:
        yield f"{_count(made.behind, 'hour')} more due"
    if made.held:
        yield f"{_count(made.held, 'feed')} with a run under way"
    if made.waiting:
        soonest = datetime.fromtimestamp(min(made.waiting.values()), ZoneInfo(timezone))
        named = ", ".join(str(feed) for feed in list(made.waiting)[:3])
        more = f" and {len(made.waiting) - 3:,} more" if len(made.waiting) > 3 else ""
        yield f"{_count(len(made.waiting), 'feed')} failing ({named}{more}), tried again from {soonest:%d %B %H:%M} on"
    if made.forgotten:
        yield f"{_count(made.forgotten, 'hour')} never collected and no longer to be had"
    yield f"next due {datetime.fromtimestamp(made.next_due, ZoneInfo(timezone)):%H:%M}"


def _count(number: int, of: str) -> str:
    return f"{number:,} {of}{'' if number == 1 else 's'}"
