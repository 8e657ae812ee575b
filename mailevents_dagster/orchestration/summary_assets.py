"""The assets of the daily summaries: a few a domain or a server, and as many over all of them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Any, Final

import dagster as dg
import pyarrow as pa

from mailevents_dagster.model.day import DAY_FORMAT, Day
from mailevents_dagster.model.feed import Feed, readable_domain
from mailevents_dagster.model.hour import Hour, key_timezone
from mailevents_dagster.orchestration.io_manager import EventStore
from mailevents_dagster.orchestration.summary_io_manager import ALL
from mailevents_dagster.settings import Settings
from mailevents_dagster.summaries.counts import COUNTS, total
from mailevents_dagster.summaries.kinds import KINDS, SummaryKind
from mailevents_dagster.summaries.making import counts_of_day

PREFIX: Final = "summaries"
SENSOR: Final = "make_summaries"
EVERY_SECONDS: Final = 600
WAITS: Final = timedelta(days=8)
"""How long after its day an hour that is missing is waited for: quarantine is asked for 6 days."""

SCHEMA: Final = dg.TableSchema(
    [
        dg.TableColumn(field.name, str(field.type), description=field.metadata[b"description"].decode())
        for field in COUNTS
    ]
)
ONCE_A_DAY_CHANGED: Final = (
    dg.AutomationCondition.any_deps_updated().since_last_handled()
    & (~dg.AutomationCondition.any_deps_missing() | ~dg.AutomationCondition.in_latest_time_window(lookback_delta=WAITS))
    & ~dg.AutomationCondition.in_progress()
)
"""Once all of a day's hours are there, or will not come any more, and again when one of them changed."""


def build_summaries(settings: Settings) -> list[dg.AssetsDefinition]:
    """Return the summaries of each domain and server that its feeds allow, and of all if there are several."""
    if not settings.summaries.enabled:
        return []
    days, owners = daily_partitions(settings), settings.feeds_by_owner.values()
    return [asset for kind in KINDS.values() for asset in _of_kind(kind, owners, days)]


def daily_partitions(settings: Settings, end_offset: int = 0) -> dg.DailyPartitionsDefinition:
    """Return the days of all that is made of days, with so many that are not over."""
    return dg.DailyPartitionsDefinition(
        start_date=Hour(settings.start, settings.timezone).key[: len("2026-01-01")],
        timezone=key_timezone(settings.timezone),
        fmt=DAY_FORMAT,
        end_offset=end_offset,
    )


def summaries_sensor(
    settings: Settings, of_days: Sequence[dg.AssetsDefinition]
) -> list[dg.AutomationConditionSensorDefinition]:
    """Return the sensor that asks for days of these assets, if there are any."""
    if not of_days:
        return []
    running = dg.DefaultSensorStatus.RUNNING if settings.automation.enabled else dg.DefaultSensorStatus.STOPPED
    return [
        dg.AutomationConditionSensorDefinition(
            SENSOR,
            target=dg.AssetSelection.assets(*(key for asset in of_days for key in asset.keys)),
            default_status=running,
            minimum_interval_seconds=EVERY_SECONDS,
            description=f"Make a day's summaries. {ONCE_A_DAY_CHANGED.__doc__ or ''}".strip(),
        )
    ]


def _of_kind(
    kind: SummaryKind, feeds_by_owner: Iterable[Sequence[Feed]], days: dg.DailyPartitionsDefinition
) -> Iterator[dg.AssetsDefinition]:
    of_owners = [_of_owner(kind, feeds, days) for own in feeds_by_owner if (feeds := kind.feeds(own))]
    yield from of_owners
    if len(of_owners) > 1:
        yield _of_all(kind, [asset.key for asset in of_owners], days)


def _of_owner(kind: SummaryKind, feeds: Sequence[Feed], days: dg.DailyPartitionsDefinition) -> dg.AssetsDefinition:
    owner = feeds[0].domain
    # A day that begins or ends where no hour is defined, as the first and the last may, is one of fewer hours.
    hours = dg.TimeWindowPartitionMapping(allow_nonexistent_upstream_partitions=True)

    def summary(context: dg.AssetExecutionContext, event_store: dg.ResourceParam[EventStore]) -> pa.Table:
        store = event_store.store
        day = Day.from_key(context.partition_key, store.timezone)
        counts = counts_of_day(store, kind, feeds, day, context.log.warning)
        context.add_asset_metadata(_metadata(kind, counts))
        return counts

    return _asset(
        summary,
        kind,
        owner,
        feeds[0].group,
        f"{kind.owner.capitalize()} **{readable_domain(owner)}**.",
        days,
        deps=[dg.AssetDep(dg.AssetKey(feed.asset_key), partition_mapping=hours) for feed in feeds],
    )


def _of_all(kind: SummaryKind, keys: Sequence[dg.AssetKey], days: dg.DailyPartitionsDefinition) -> dg.AssetsDefinition:
    owners = f"{kind.owner}s"

    def summary(context: dg.AssetExecutionContext, **of_owners: pa.Table) -> pa.Table:
        counts = total(of_owners.values())
        made = sum(len(one) > 0 for one in of_owners.values())
        missing = len(keys) - made
        context.add_asset_metadata({**_metadata(kind, counts), owners: made, f"{owners}_missing": missing})
        return counts

    return _asset(
        summary,
        kind,
        ALL,
        f"all_{owners}",
        f"The {len(keys):,} {owners} that have it, together.",
        days,
        ins={f"{kind.owner}_{place}": dg.AssetIn(key) for place, key in enumerate(keys)},
    )


def _asset(
    function: Callable[..., pa.Table],
    kind: SummaryKind,
    owner: str,
    group: str,
    whose: str,
    days: dg.DailyPartitionsDefinition,
    **depends_on: Any,
) -> dg.AssetsDefinition:
    made: dg.AssetsDefinition = dg.asset(
        key=dg.AssetKey([PREFIX, owner, kind.name]),
        partitions_def=days,
        group_name=group,
        io_manager_key="summary_store",
        automation_condition=ONCE_A_DAY_CHANGED,
        kinds={"python", "parquet"},
        owners=["team:mail-operations"],
        tags={"domain": owner, "summary": kind.name},
        description=f"{kind.description} {whose} What each number means is in `docs/summaries.md`.",
        metadata={"dagster/column_schema": SCHEMA},
        **depends_on,
    )(function)
    return made


def _metadata(kind: SummaryKind, counts: pa.Table) -> dict[str, Any]:
    """Return the numbers and a chart, none of which names a person."""
    from mailevents_dagster.summaries.charts import CHARTS, data_uri, png  # takes half a second of every other run

    return {
        "dagster/partition_row_count": len(counts),
        **kind.numbers(counts),
        "chart": dg.MetadataValue.md(f"![{kind.description}]({data_uri(png(CHARTS[kind.name], counts), 'png')})"),
    }
