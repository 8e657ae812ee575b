"""Jobs: the one that collects hours as assets, and three that work on the store beside them."""

import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import dagster as dg
from pydantic import Field

from mailevents_dagster.collecting import lookback
from mailevents_dagster.collecting.collector import Collector
from mailevents_dagster.collecting.feed_states import rules_of, states_of
from mailevents_dagster.collecting.interval import Every
from mailevents_dagster.collecting.outcomes import Collected, Failed, Outcome, Task
from mailevents_dagster.collecting.planning import hours_to_follow, refused_hour
from mailevents_dagster.collecting.runner import Runner
from mailevents_dagster.health.prometheus import write_metrics
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.orchestration.destruction import DESTROY_OP, destroy_expired
from mailevents_dagster.orchestration.hour_outcomes import SAY_EVERY, logged, materialization
from mailevents_dagster.orchestration.internals import delete_run
from mailevents_dagster.orchestration.io_manager import EventStore
from mailevents_dagster.orchestration.lanes import client_in, sources_of
from mailevents_dagster.orchestration.runs_in_flight import (
    CHECKS_JOB,
    COLLECT_JOB,
    ENDED,
    FOLLOW_JOB,
    HOUSEKEEPING_JOB,
    RECONCILE_JOB,
)
from mailevents_dagster.settings import Settings
from mailevents_dagster.store.store import Store

NEVER: Final = float("inf")


class LeftOut(dg.Config):
    """Feeds that a run does not touch, as `domain feed`."""

    leave_out: list[str] = Field(default_factory=list)


def collect_job(assets: Sequence[dg.AssetsDefinition]) -> Any:
    """Collects hours of the feeds it is asked for; what sensor and schedules start."""
    # Without checks: the step logs their evaluations, a row each, where a selected check costs three.
    selection = dg.AssetSelection.assets(*assets).without_checks()
    return dg.define_asset_job(COLLECT_JOB, selection, description=collect_job.__doc__)


def follow_job(settings: Settings, collector: Collector) -> dg.JobDefinition:
    """Collects the hour now running, of all feeds at once. It records no asset events: no hour is done by it."""
    # Only an hour's own run may close it: what is closed is materialized.
    never_closing = replace(collector, options=replace(collector.options, settle_seconds=NEVER))

    @dg.op(name="follow_feeds", description=follow_job.__doc__, required_resource_keys=_resources(settings))
    def follow(context: dg.OpExecutionContext, config: LeftOut) -> None:
        now, rules = time.time(), rules_of(settings)
        tasks = [
            Task(
                state.feed,
                [*refused_hour(state, now, rules), *hours_to_follow(state.start, state.source_time(now), rules)],
            )
            for state in states_of(settings, collector.store)
            if str(state.feed) not in config.leave_out
        ]
        with Runner(never_closing, client_in(context), tasks) as runner:
            _summarise(context, list(logged(context, collector.logs, runner.outcomes(), len(tasks))))
        for account in write_metrics(settings).accounts:
            if account.warning:
                context.log.warning(account.warning)

    @dg.job(name=FOLLOW_JOB, description=follow_job.__doc__, tags={"dagster/priority": "10"})
    def job() -> None:
        follow()

    return job


def reconcile_job(settings: Settings, collector: Collector) -> dg.JobDefinition:
    """Lists the closed hours of lookback_hours again for events that came late; records those that changed.

    Of mailboxes all ids are listed, and older hours that lack a mail are among those that are listed again.
    """

    @dg.op(name="reconcile_feeds", description=reconcile_job.__doc__, required_resource_keys=_resources(settings))
    def reconcile(context: dg.OpExecutionContext, config: LeftOut) -> None:
        now = time.time()
        recent = {
            feed: hours
            for feed, _, hours in lookback.closed_hours(settings, collector.store, now)
            if str(feed) not in config.leave_out
        }
        compared = _compared(context, settings, collector.store, recent, now)
        tasks = [Task(feed, sorted({*hours, *compared.lacking[str(feed)]})) for feed, hours in recent.items()]
        outcomes: list[Outcome] = []
        with Runner(collector, client_in(context), tasks) as runner:
            for outcome in logged(context, collector.logs, runner.outcomes(), len(tasks)):
                if isinstance(outcome, Collected) and (outcome.commit.added or outcome.commit.changed):
                    context.log_event(materialization(outcome))
                outcomes.append(outcome)
        done = [feed for feed in _looked_back(tasks, outcomes) if str(feed) not in compared.refused]
        lookback.note(collector.store, done, now)
        _summarise(context, outcomes, compared.totals)

    @dg.job(name=RECONCILE_JOB, description=reconcile_job.__doc__)
    def job() -> None:
        reconcile()

    return job


def _compared(
    context: dg.OpExecutionContext, settings: Settings, store: Store, feeds: Collection[Feed], now: float
) -> lookback.Comparison:
    """Compare hours with the sources that list all they have at once; log what differs, in numbers."""
    found, interval = lookback.Comparison(), Every(SAY_EVERY)
    for done, finding in enumerate(lookback.differences(settings, store, feeds, now), 1):
        found.add(finding, settings.timezone)
        if interval.has_passed():
            context.log.info(f"{done:,} differences of hours from their sources so far")
    for feed, why in found.refused.items():
        context.log.error(f"{feed} was not compared with what its source has: {why}")
    for feed, numbers in found.numbers.items():
        said = ", ".join(f"{number:,} {kind}" for kind, number in numbers.items())
        context.log.info(f"{feed} beside what its source has: {said}.")
    return found


def _resources(settings: Settings) -> set[str]:
    """Return what an op that collects needs: its feeds' clients, and the store, which signs the run in."""
    return {"event_store", *sources_of(settings.feeds)}


def _looked_back(tasks: Iterable[Task], outcomes: Iterable[Outcome]) -> list[Feed]:
    """Return the feeds that need no further look: all but those of which every hour failed."""
    of_feeds: defaultdict[Feed, list[bool]] = defaultdict(list)
    for outcome in outcomes:
        of_feeds[outcome.feed].append(isinstance(outcome, Collected))
    return [task.feed for task in tasks if any(of_feeds.get(task.feed, [True]))]


def housekeeping_job(settings: Settings) -> dg.JobDefinition:
    """Destroys hours that have expired, and deletes Dagster's records of old runs that followed or checked feeds."""

    @dg.op(name="delete_old_follow_runs", description="Deletes runs on which no hour's status hangs.")
    def keep_house(context: dg.OpExecutionContext, event_store: dg.ResourceParam[EventStore]) -> None:
        before = datetime.now(UTC) - timedelta(days=settings.automation.keep_follow_runs_days)
        numbers = {}
        for job, deleted in ((FOLLOW_JOB, "follow_runs_deleted"), (CHECKS_JOB, "check_runs_deleted")):
            old = context.instance.get_run_records(dg.RunsFilter(job_name=job, created_before=before, statuses=ENDED))
            for record in old:  # what checks said is kept apart from their runs
                delete_run(context.instance, record.dagster_run.run_id)
            context.log.info(f"{len(old):,} {job} runs from before {before:%Y-%m-%d %H:%M} UTC were deleted.")
            numbers[deleted] = len(old)
        context.add_output_metadata(numbers)
        for source in settings.sources:
            source.tidy(settings, event_store.store, time.time())

    @dg.op(name=DESTROY_OP, description="Destroys hours that are older than retention allows.")
    def destroy(context: dg.OpExecutionContext, event_store: dg.ResourceParam[EventStore]) -> None:
        destroy_expired(context, settings, event_store.store, time.time())

    @dg.job(name=HOUSEKEEPING_JOB, description=housekeeping_job.__doc__)
    def job() -> None:
        keep_house()
        destroy()

    return job


def _summarise(
    context: dg.OpExecutionContext, outcomes: Sequence[Outcome], compared: Mapping[str, int] | None = None
) -> None:
    """Log one line and the numbers; fail where nothing could be collected that the source would have given."""
    done = [outcome for outcome in outcomes if isinstance(outcome, Collected)]
    failed = sum(isinstance(outcome, Failed) and not outcome.hour_is_gone for outcome in outcomes)
    numbers = {
        "hours": len(done),
        "events_added": sum(one.commit.added for one in done),
        "events_changed": sum(one.commit.changed for one in done),
        "list_calls": sum(one.measures.get("list_calls", 0) for one in done),
        "detail_calls": sum(one.measures.get("detail_calls", 0) for one in done),
        "failed_feeds": failed,
        **{f"mails_{kind}".replace(" ", "_"): number for kind, number in (compared or {}).items()},
    }
    context.add_output_metadata(numbers)
    calls = f"{numbers['list_calls']:.0f} list and {numbers['detail_calls']:.0f} detail calls, "
    context.log.info(
        f"{numbers['hours']:,} hours collected, {numbers['events_added']:,} new events, "
        f"{calls if numbers['list_calls'] else ''}{failed:,} feeds failed"
    )
    paused = [one.until for one in outcomes if isinstance(one, Failed) and one.until]
    if paused:
        context.log.warning(
            f"{len(paused):,} feeds were not collected: their source told them to wait, the longest until "
            f"{datetime.fromtimestamp(max(paused), UTC):%Y-%m-%d %H:%M:%S} UTC. The first run after that collects them."
        )
    if failed > len(paused) and not done:
        raise dg.Failure(f"None of {failed:,} feeds could be collected; why is above.", allow_retries=False)
