"""What is due right now, as the sensor, the schedule and the end of a run see it: there is one way to ask for hours."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import dagster as dg

from mailevents_dagster.collecting.feed_states import rules_of, states_of
from mailevents_dagster.collecting.planning import FeedState, Plan, UnderWay, plan
from mailevents_dagster.files.printable import counted
from mailevents_dagster.orchestration.io_manager import EventStore
from mailevents_dagster.orchestration.run_sign_ins import fail_the_gone
from mailevents_dagster.orchestration.runs_in_flight import look
from mailevents_dagster.settings import Settings

Context = dg.SensorEvaluationContext | dg.ScheduleEvaluationContext | dg.RunStatusSensorContext


@dataclass(frozen=True, slots=True)
class Due:
    """What is to be done now, and what was looked at."""

    plan: Plan
    states: Sequence[FeedState]
    under_way: UnderWay


def look_for_due(context: Context, settings: Settings, event_store: EventStore) -> Due:
    """Look at the stored cursors, the clock and what is under way, after failing the runs whose process is gone."""
    now = time.time()
    assert context.repository_def  # noqa: S101 - Dagster gives it to all that a code location automates
    if gone := fail_the_gone(context.instance, event_store.store.locks, now):
        context.log.warning(f"{counted(gone, 'run')} marked as failed: the process is gone.")
    under_way = look(context.instance, context.repository_def, settings.feeds)
    states = states_of(settings, event_store.store)
    return Due(plan(states, under_way, now, rules_of(settings)), states, under_way)


def sentence(made: Plan, timezone: str) -> str:
    """Return the plan in words, for people who look at the ticks."""
    return "; ".join(_parts(made, timezone))


def _parts(made: Plan, timezone: str) -> Iterator[str]:
    yield f"{counted(len(made.follow), 'feed')} followed"
    if asks := (*made.asks, *made.closing):
        asked = sum(ask.feed_hours for ask in asks)
        yield f"{counted(asked, 'hour')} asked for in {counted(len(asks), 'run')}"
    if made.behind:
        yield f"{counted(made.behind, 'hour')} more due"
    if made.held:
        yield f"{counted(made.held, 'feed')} with a run under way"
    if made.waiting:
        soonest = datetime.fromtimestamp(min(made.waiting.values()), ZoneInfo(timezone))
        named = ", ".join(str(feed) for feed in list(made.waiting)[:3])
        more = f" and {len(made.waiting) - 3:,} more" if len(made.waiting) > 3 else ""
        yield (
            f"{counted(len(made.waiting), 'feed')} failing ({named}{more}), tried again from {soonest:%d %B %H:%M} on"
        )
    if made.forgotten:
        yield f"{counted(made.forgotten, 'hour')} never collected and no longer to be had"
    yield f"next due {datetime.fromtimestamp(made.next_due, ZoneInfo(timezone)):%H:%M}"
