"""The factory of the hourly assets: one feed, one asset."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Final

import dagster as dg

from mailevents_dagster.collecting.ahead import Ahead
from mailevents_dagster.collecting.collector import Collector
from mailevents_dagster.collecting.rounds import Round, Task
from mailevents_dagster.model.feed import Feed, dagster_name, readable_domain
from mailevents_dagster.model.hour import KEY_FORMAT, Hour, key_timezone
from mailevents_dagster.orchestration.checks import HourChecks, Result
from mailevents_dagster.orchestration.collected_hours import CollectedHours
from mailevents_dagster.orchestration.io_manager import feed_of
from mailevents_dagster.orchestration.metadata import table_schema
from mailevents_dagster.sources.uzmanposta.resources import UzmanPosta

API_IS_DOWN_AFTER: Final = 3
"""Hours in a row that failed after all their tries, each of which may take a quarter of an hour: no use in the rest."""


def hourly_partitions(start: int, timezone: str) -> dg.HourlyPartitionsDefinition:
    """The hours of all feeds: one definition, so that one backfill can span them."""
    return dg.HourlyPartitionsDefinition(
        start_date=Hour(start, timezone).key, timezone=key_timezone(timezone), fmt=KEY_FORMAT
    )


def build_feed_asset(
    partitions: dg.HourlyPartitionsDefinition,
    hours_per_run: int,
    collector: Collector,
    checks: HourChecks,
    *,
    with_checks: bool,
) -> dg.AssetsDefinition:
    """The asset of one feed; its checks can be selected or are no more than logged."""
    feed = checks.feed

    # Of one asset, and subsettable: runs that are started by themselves leave the checks out as outputs.
    @dg.multi_asset(
        name=_op_name(feed),
        outs={"result": _out(feed, collector)},
        check_specs=checks.specs if with_checks else None,
        can_subset=True,
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.multi_run(hours_per_run),
        pool="_".join(map(dagster_name, feed.lane)),
    )
    def collect(
        context: dg.AssetExecutionContext, uzmanposta: UzmanPosta
    ) -> Iterator[dg.Output[CollectedHours] | Result]:
        if not context.selected_asset_keys:
            yield from checks.results(context, checks.newest())
            return
        hours = [Hour.from_key(key, collector.store.timezone) for key in context.partition_keys]

        def begin(feeds: Sequence[Feed]) -> Ahead:
            round_ = Round(collector, uzmanposta.client, API_IS_DOWN_AFTER, context.log.warning)
            return Ahead(round_, [Task(one, hours) for one in feeds])

        ahead = uzmanposta.ahead(feed, lambda: _feeds_of_run(context), begin)
        collected = CollectedHours(ahead, feed, hours, context, collector.logs, checks.report)
        yield dg.Output(collected, "result")
        yield from checks.results(context, collected.done)

    return collect


def _feeds_of_run(context: dg.AssetExecutionContext) -> list[Feed]:
    """The feeds that have a step in this run, which may be some steps of an earlier one."""
    source = context.assets_def.key.path[0]
    feeds = [feed_of(key) for key in context.job_def.asset_layer.selected_asset_keys if key.path[0] == source]
    steps = context.run.step_keys_to_execute
    return sorted((feed for feed in feeds if steps is None or _op_name(feed) in steps), key=_op_name)


def _op_name(feed: Feed) -> str:
    return "__".join(map(dagster_name, feed.asset_key))


def _out(feed: Feed, collector: Collector) -> dg.AssetOut:
    return dg.AssetOut(
        key=dg.AssetKey(feed.asset_key),
        is_required=False,
        io_manager_key="event_store",
        group_name=feed.group,
        kinds={"python", "parquet", "json"},
        owners=["team:mail-operations"],
        tags={"domain": feed.domain, "category": feed.kind.category, "type": feed.kind.type},
        description=_description(feed),
        freshness_policy=freshness(collector.settle_seconds),
        metadata={
            "dagster/column_schema": table_schema(feed.kind.rows),
            "dagster/uri": str(collector.store.layout.snapshots(feed)),
            **feed.kind.metadata,
        },
    )


def freshness(settle_seconds: float) -> dg.FreshnessPolicy:
    """Hours close one after the other: warns after one that is not there, fails after three."""
    closes = timedelta(hours=1, seconds=settle_seconds)
    return dg.FreshnessPolicy.time_window(closes + timedelta(hours=3), closes + timedelta(hours=1))


def _description(feed: Feed) -> str:
    kind = feed.kind
    facts = "".join(f"| {what} | {fact} |\n" for what, fact in kind.facts.items())
    return f"""{kind.summary}

Domain **{readable_domain(feed.domain)}**, feed `{feed.name}`, one partition an hour, each event in the hour of its
own time.

| | |
| --- | --- |
{facts}| log | one JSON object a line, oldest first, below `output/{feed.domain}/` |
| snapshot | Parquet below `parquet/domain={feed.domain}/category={kind.category}/type={kind.type}/` |
"""
