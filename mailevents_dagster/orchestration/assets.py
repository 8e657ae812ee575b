"""The factory of the hourly assets: one feed, one asset."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Final

import dagster as dg

from mailevents_dagster.collecting.collector import Collector
from mailevents_dagster.collecting.outcomes import Task
from mailevents_dagster.collecting.runner import Runner
from mailevents_dagster.model.feed import Feed, dagster_name, readable_domain
from mailevents_dagster.model.hour import KEY_FORMAT, Hour, key_timezone
from mailevents_dagster.orchestration.checks import HourChecks, Result
from mailevents_dagster.orchestration.collected_hours import CollectedHours
from mailevents_dagster.orchestration.hour_outcomes import show_further_hours
from mailevents_dagster.orchestration.lanes import COLLECTING_AHEAD, Ahead, more_of_run
from mailevents_dagster.orchestration.metadata import table_schema
from mailevents_dagster.settings import Settings

SOURCE_IS_DOWN_AFTER: Final = 3
"""Hours in a row that failed after all their attempts, each of which may take a quarter of an hour."""


def hourly_partitions(start: int, timezone: str) -> dg.HourlyPartitionsDefinition:
    """Return the hours of all feeds: one definition, so that one backfill can span them."""
    return dg.HourlyPartitionsDefinition(
        start_date=Hour(start, timezone).key, timezone=key_timezone(timezone), fmt=KEY_FORMAT
    )


def build_feed_asset(
    settings: Settings,
    partitions: dg.HourlyPartitionsDefinition,
    collector: Collector,
    feeds: Mapping[tuple[str, ...], Feed],
    checks: HourChecks,
    *,
    made_of: Sequence[Feed],
    with_checks: bool,
) -> dg.AssetsDefinition:
    """Return the asset of one of the feeds, which are by their keys. Its checks can be selected, or are only logged."""
    feed = checks.feed

    # Of one asset, and subsettable: runs that are started by themselves leave the checks out as outputs.
    @dg.multi_asset(
        name=_op_name(feed),
        outs={"result": _out(feed, collector)},
        check_specs=checks.specs if with_checks else None,
        can_subset=True,
        ins={_op_name(one): dg.AssetIn(dg.AssetKey(one.asset_key), dagster_type=dg.Nothing) for one in made_of},
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.multi_run(settings.collect.hours_per_run),
        pool="_".join(map(dagster_name, feed.lane)),
        required_resource_keys={COLLECTING_AHEAD},
    )
    def collect(context: dg.AssetExecutionContext) -> Iterator[dg.Output[None] | dg.AssetMaterialization | Result]:
        if not context.selected_asset_keys:
            yield from checks.results(context, checks.newest())
            return
        yield from _collected(context, settings, collector, feeds, checks)

    return collect


def _collected(
    context: dg.AssetExecutionContext,
    settings: Settings,
    collector: Collector,
    feeds: Mapping[tuple[str, ...], Feed],
    checks: HourChecks,
) -> Iterator[dg.Output[None] | dg.AssetMaterialization | Result]:
    """Collect the hours of a step and yield what Dagster is to record of them, also where some fail."""
    hours = [Hour.from_key(key, collector.store.timezone) for key in context.partition_keys]
    collected = CollectedHours(checks.feed, hours)
    runner = _runner(context, settings, collector, feeds, checks.feed, hours)
    try:
        collected.take(runner.outcomes_of(checks.feed), collector.logs.log_of(checks.feed, context.log))
    except BaseException:
        yield from collected.materializations()
        if collected.failed:  # Dagster shows no verdict that is older than the materialization it is about
            checks.report(context.instance, list(collected.metadata), [one.hour.key for one in collected.failed])
        raise
    for hour, metadata in collected.metadata.items():
        context.add_asset_metadata(metadata, partition_key=hour.key)
    yield dg.Output(None, "result")
    yield from checks.results(context, list(collected.metadata))
    if runner.goes_on and not getattr(context.resources, COLLECTING_AHEAD).runners:  # all other steps are over
        show_further_hours(context, settings, collector, runner)


def _runner(
    context: dg.AssetExecutionContext,
    settings: Settings,
    collector: Collector,
    feeds: Mapping[tuple[str, ...], Feed],
    feed: Feed,
    hours: Sequence[Hour],
) -> Runner:
    """Return what collects the feed: begun by the first step of a run for all, by a step that is retried for itself."""
    ahead: Ahead = getattr(context.resources, COLLECTING_AHEAD)
    if feed not in ahead.runners:
        mine = [feed] if ahead.has_begun else _feeds_of_run(context, feeds)
        tasks = [Task(one, hours) for one in mine]
        runner = Runner(
            collector,
            ahead.client,
            tasks,
            failures_in_a_row=SOURCE_IS_DOWN_AFTER,
            when_held=context.log.warning,
            more=more_of_run(context, settings, collector.store, tasks),
        )
        ahead.begin(mine, runner)
    return ahead.runners.pop(feed)


def _feeds_of_run(context: dg.AssetExecutionContext, feeds: Mapping[tuple[str, ...], Feed]) -> list[Feed]:
    """Return the feeds that have a step in this run, which may be some steps of an earlier one."""
    keys = context.job_def.asset_layer.selected_asset_keys
    chosen = [feed for key in keys if (feed := feeds.get(tuple(key.path)))]
    steps = context.run.step_keys_to_execute
    return sorted((feed for feed in chosen if steps is None or _op_name(feed) in steps), key=_op_name)


def _op_name(feed: Feed) -> str:
    return "__".join(map(dagster_name, feed.asset_key))


def _out(feed: Feed, collector: Collector) -> dg.AssetOut:
    return dg.AssetOut(
        key=dg.AssetKey(feed.asset_key),
        is_required=False,
        io_manager_key="event_store",
        group_name=feed.group,
        kinds={"python", "parquet", *(["json"] if feed.kind.has_json_log else [])},
        owners=["team:mail-operations"],
        tags={"domain": feed.tag, "category": feed.kind.category, "type": feed.kind.type},
        description=_description(feed),
        freshness_policy=freshness(collector.options.settle_seconds),
        metadata={
            "dagster/column_schema": table_schema(feed.kind.rows),
            "dagster/uri": str(collector.store.layout.snapshots(feed)),
            **feed.kind.metadata,
        },
    )


def freshness(settle_seconds: float) -> dg.FreshnessPolicy:
    """Return the policy that warns after one hour that is not there, and fails after three."""
    closes = timedelta(hours=1, seconds=settle_seconds)
    return dg.FreshnessPolicy.time_window(closes + timedelta(hours=3), closes + timedelta(hours=1))


def _description(feed: Feed) -> str:
    kind = feed.kind
    facts = "".join(f"| {what} | {fact} |\n" for what, fact in kind.facts.items())
    lines = "one JSON object a line" if kind.has_json_log else "the lines themselves"
    owner = f"{kind.owner.capitalize()} **{readable_domain(feed.domain)}**"
    return f"""{kind.summary}

{owner}, feed `{feed.name}`, one partition an hour, each event in the hour of its
own time.

| | |
| --- | --- |
{facts}| log | {lines}, oldest first, below `output/{feed.domain}/` |
| snapshot | Parquet below `parquet/domain={feed.domain}/category={kind.category}/type={kind.type}/` |
"""
