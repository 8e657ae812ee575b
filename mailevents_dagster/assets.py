"""The factory of the hourly assets: one feed, one asset."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import dagster as dg

from mailevents_dagster.columns import RowFormat
from mailevents_dagster.events import Collection
from mailevents_dagster.feeds import Feed, dagster_name, readable_domain
from mailevents_dagster.hours import KEY_FORMAT, Hour, key_timezone
from mailevents_dagster.metadata import table_schema
from mailevents_dagster.resources import EventStore, UzmanPosta
from mailevents_dagster.settings import CollectSettings
from mailevents_dagster.sources.uzmanposta.api import UzmanPostaApi
from mailevents_dagster.sources.uzmanposta.collect import Progress, collect_hour
from mailevents_dagster.sources.uzmanposta.errors import ApiError, Cause
from mailevents_dagster.store.store import OpenHour, Store

SAY_EVERY: Final = 5.0
"""Seconds between two lines of progress in a run's log, where each line is a row for ever."""


def hourly_partitions(start: int, timezone: str) -> dg.HourlyPartitionsDefinition:
    """The hours of all feeds: one definition, so that one backfill can span them."""
    return dg.HourlyPartitionsDefinition(
        start_date=Hour(start, timezone).key, timezone=key_timezone(timezone), fmt=KEY_FORMAT
    )


@dataclass(frozen=True, slots=True)
class CollectedHours:
    """Hours that are collected while they are iterated over, each still open to be committed by whoever iterates.

    An hour that cannot be collected does not hold up the others: what failed is raised after the last.
    """

    store: Store
    api: UzmanPostaApi
    feed: Feed
    hours: Sequence[Hour]
    rules: CollectSettings
    context: dg.AssetExecutionContext
    """Takes each hour's metadata, which Dagster lets only the asset itself give."""

    def __iter__(self) -> Iterator[tuple[OpenHour, Collection]]:
        failures: dict[str, ApiError] = {}
        for hour in self.hours:
            try:
                with self.store.open_hour(self.feed, hour) as work:
                    yield work, self._collect(work)
            except ApiError as error:
                failures[hour.key] = error
                self.context.log.error(f"{self.feed} {hour}: {error}")
                if error.cause is Cause.PERMISSION:  # the other hours would be answered alike
                    break
        if failures:
            raise _failure(self.feed, failures, len(self.hours))

    def _collect(self, work: OpenHour) -> Collection:
        said = time.monotonic()

        def tell(progress: Progress) -> None:
            nonlocal said
            if time.monotonic() - said >= SAY_EVERY:
                said = time.monotonic()
                self.context.log.info(
                    f"{work.feed} {work.hour}: {progress.details_done:,} of {progress.details_wanted:,} details"
                )

        return collect_hour(
            self.api,
            work,
            settle_seconds=self.rules.settle_minutes * 60,
            details=self.rules.details,
            tell=tell,
        )


def build_feed_asset(
    feed: Feed, partitions: dg.HourlyPartitionsDefinition, rows: RowFormat, rules: CollectSettings
) -> dg.AssetsDefinition:
    """The asset of one feed."""

    @dg.asset(
        key=dg.AssetKey(feed.asset_key),
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.multi_run(rules.hours_per_run),
        io_manager_key="hourly_events",
        pool=f"uzmanposta_{dagster_name(feed.domain)}",
        group_name=feed.group,
        kinds={"python", "parquet", "json"},
        owners=["team:mail-operations"],
        tags={"domain": feed.domain, "category": feed.kind.category, "type": feed.kind.type},
        description=_description(feed),
        metadata={"dagster/column_schema": table_schema(rows), "endpoint": feed.kind.endpoint},
    )
    def hours(context: dg.AssetExecutionContext, uzmanposta: UzmanPosta, event_store: EventStore) -> CollectedHours:
        store = event_store.store
        return CollectedHours(
            store=store,
            api=uzmanposta.client(feed.domain),
            feed=feed,
            hours=[Hour.from_key(key, store.timezone) for key in context.partition_keys],
            rules=rules,
            context=context,
        )

    return hours


def _failure(feed: Feed, failures: dict[str, ApiError], asked: int) -> dg.Failure:
    reasons = sorted({error.cause.value for error in failures.values()})
    first_hour, first = next(iter(failures.items()))
    return dg.Failure(
        description=f"{feed}: {len(failures)} of {asked} hours could not be collected ({', '.join(reasons)}). "
        f"First, {first_hour}: {first} The other hours are kept; materialize the failed ones again.",
        metadata={"failed_hours": len(failures), "failed_partitions": dg.MetadataValue.json(list(failures)[:100])},
        allow_retries=False,
    )


def _description(feed: Feed) -> str:
    kind = feed.kind
    kept = f"{kind.kept_days} days" if kind.kept_days else "about 15 days, by the vendor's panel"
    details = "one call more for the details of each mail" if kind.has_details else "no further call"
    return f"""{kind.summary}

Domain **{readable_domain(feed.domain)}**, feed `{feed.name}`, one partition an hour, each event in the hour of its
own time.

| | |
| --- | --- |
| endpoint | `GET {kind.endpoint}`, at most 1,000 rows a call; {details} |
| kept by the API | {kept} |
| log | one JSON object a line, oldest first, below `output/{feed.domain}/` |
| snapshot | Parquet below `parquet/domain={feed.domain}/category={kind.category}/type={kind.type}/` |
"""
