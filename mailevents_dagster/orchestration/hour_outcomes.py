"""What becomes of hours that are no outputs of a step: what a run's log says of them, and what Dagster shows."""

import logging
from collections import defaultdict
from collections.abc import Iterator
from itertools import count, islice
from typing import Any, Final

import dagster as dg

from mailevents_dagster.collecting.collector import Collector
from mailevents_dagster.collecting.interval import Every
from mailevents_dagster.collecting.operating_logs import OperatingLogs
from mailevents_dagster.collecting.outcomes import Collected, Outcome
from mailevents_dagster.collecting.runner import Runner
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.orchestration.checks import HourChecks
from mailevents_dagster.orchestration.metadata import hour_metadata, hour_sentence
from mailevents_dagster.settings import Settings

FAILURES_NAMED: Final = 20
"""In the log of a run, where each line is a row of the event log."""
SAY_EVERY: Final = 10.0


def show_further_hours(context: Any, settings: Settings, collector: Collector, runner: Runner) -> None:
    """Record the hours that a run goes on with as they come, and what checks say of them.

    One that fails does not fail the run: it waits, and a run of its own shows it as failed where it fails again.
    """
    size, unchecked = settings.collect.hours_per_run, defaultdict[Feed, list[Hour]](list)

    def check(feed: Feed) -> None:
        checks = HourChecks(collector.store, feed, settings.collect.lookback_hours)
        checks.report(context.instance, unchecked.pop(feed), ())

    for outcome in logged(context, collector.logs, runner.further_outcomes(), len(settings.feeds)):
        if isinstance(outcome, Collected):
            context.log_event(materialization(outcome))
            unchecked[outcome.feed].append(outcome.hour)
            if len(unchecked[outcome.feed]) >= size:
                check(outcome.feed)
    for feed in list(unchecked):
        check(feed)


def logged(
    context: dg.OpExecutionContext, logs: OperatingLogs, outcomes: Iterator[Outcome], feeds: int
) -> Iterator[Outcome]:
    """Yield the outcomes. The run's log has a line every few seconds and some failures; feeds' logs have all."""
    interval, failures = Every(SAY_EVERY), islice(count(1), FAILURES_NAMED)
    for done, outcome in enumerate(outcomes, 1):
        if isinstance(outcome, Collected):
            logs.message(outcome.feed, hour_sentence(outcome.commit, outcome.measures))
            for note in outcome.notes:
                logs.log_of(outcome.feed, context.log).warning(f"{outcome.feed}: {note}")
        elif outcome.hour_is_gone:  # no failure of the run, and nothing that anybody could mend
            logs.message(outcome.feed, f"{outcome.hour}: {outcome.said}")
        elif next(failures, None):
            logs.log_of(outcome.feed, context.log).error(f"{outcome.feed} {outcome.hour}: {outcome.said}")
        else:
            logs.message(outcome.feed, f"{outcome.hour}: {outcome.said}", logging.ERROR)
        if interval.has_passed():
            context.log.info(f"{done:,} hours of {feeds:,} feeds so far")
        yield outcome


def materialization(outcome: Collected) -> dg.AssetMaterialization:
    return dg.AssetMaterialization(
        dg.AssetKey(outcome.feed.asset_key),
        partition=outcome.hour.key,
        metadata=hour_metadata(outcome.feed, outcome.commit, outcome.measures),
    )
