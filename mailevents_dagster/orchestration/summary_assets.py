"""The factory of the daily summaries: a few assets a domain, and as many over all domains."""

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from itertools import groupby
from typing import Any, Final

import dagster as dg
import pyarrow as pa

from mailevents_dagster.model.feed import Feed, readable_domain
from mailevents_dagster.model.hour import Hour, key_timezone
from mailevents_dagster.orchestration.io_manager import EventStore
from mailevents_dagster.orchestration.summary_io_manager import ALL
from mailevents_dagster.settings import Settings
from mailevents_dagster.summaries.counts import COUNTS, total
from mailevents_dagster.summaries.days import DAY_FORMAT, Day
from mailevents_dagster.summaries.kinds import KINDS, SummaryKind
from mailevents_dagster.summaries.making import counts_of_day

PREFIX: Final = "summaries"
GROUP_OF_ALL: Final = "all_domains"
SENSOR: Final = "make_summaries"
EVERY_SECONDS: Final = 600
WAITS: Final = timedelta(days=8)
"""An hour that nobody has collected so long after its day is waited for no more: quarantine is asked for 6 days."""

ONCE_A_DAY_CHANGED: Final = (
    dg.AutomationCondition.any_deps_updated().since_last_handled()
    & (~dg.AutomationCondition.any_deps_missing() | ~dg.AutomationCondition.in_latest_time_window(lookback_delta=WAITS))
    & ~dg.AutomationCondition.in_progress()
)
"""Once all of a day's hours are there, or will not come any more, and again when one of them changed."""


def build_summaries(settings: Settings) -> list[dg.AssetsDefinition]:
    """The summaries of each domain by what feeds it has; those of all domains where there are several."""
    if not settings.summaries.enabled:
        return []
    days = dg.DailyPartitionsDefinition(
        start_date=Hour(settings.start, settings.timezone).key[: len("2026-01-01")],
        timezone=key_timezone(settings.timezone),
        fmt=DAY_FORMAT,
    )
    of_domains = list(_of_domains(settings, days))
    return [asset for _, asset in of_domains] + list(_of_all(of_domains, days))


def summaries_sensor(settings: Settings) -> list[dg.AutomationConditionSensorDefinition]:
    """What asks for days; none where there are no summaries."""
    if not settings.summaries.enabled:
        return []
    running = dg.DefaultSensorStatus.RUNNING if settings.automation.enabled else dg.DefaultSensorStatus.STOPPED
    return [
        dg.AutomationConditionSensorDefinition(
            SENSOR,
            target=dg.AssetSelection.key_prefixes([PREFIX]),
            default_status=running,
            minimum_interval_seconds=EVERY_SECONDS,
            description=f"Makes a day's summaries. {ONCE_A_DAY_CHANGED.__doc__ or ''}".strip(),
        )
    ]


def _of_domains(
    settings: Settings, days: dg.DailyPartitionsDefinition
) -> Iterator[tuple[SummaryKind, dg.AssetsDefinition]]:
    for of_owner in settings.feeds_by_owner.values():
        for kind in KINDS.values():
            if feeds := kind.feeds(of_owner):
                yield kind, _of_domain(kind, feeds, days)


def _of_domain(kind: SummaryKind, feeds: Sequence[Feed], days: dg.DailyPartitionsDefinition) -> dg.AssetsDefinition:
    domain = feeds[0].domain
    # A day that begins or ends where no hour is defined, as the first and the last may, is one of fewer hours.
    hours = dg.TimeWindowPartitionMapping(allow_nonexistent_upstream_partitions=True)

    def summary(context: dg.AssetExecutionContext, event_store: dg.ResourceParam[EventStore]) -> pa.Table:
        store = event_store.store
        day = Day.from_key(context.partition_key, store.timezone)
        counts = counts_of_day(store, kind, feeds, day, context.log.warning)
        context.add_asset_metadata(_shown(kind, counts))
        return counts

    return _asset(
        summary,
        kind,
        domain,
        feeds[0].group,
        f"Domain **{readable_domain(domain)}**.",
        days,
        deps=[dg.AssetDep(dg.AssetKey(feed.asset_key), partition_mapping=hours) for feed in feeds],
    )


def _of_all(
    of_domains: Sequence[tuple[SummaryKind, dg.AssetsDefinition]], days: dg.DailyPartitionsDefinition
) -> Iterator[dg.AssetsDefinition]:
    by_kind = sorted(of_domains, key=lambda pair: list(KINDS.values()).index(pair[0]))
    for kind, pairs in groupby(by_kind, key=lambda pair: pair[0]):
        keys = [asset.key for _, asset in pairs]
        if len(keys) > 1:
            yield _of_several(kind, keys, days)


def _of_several(
    kind: SummaryKind, keys: Sequence[dg.AssetKey], days: dg.DailyPartitionsDefinition
) -> dg.AssetsDefinition:
    def summary(context: dg.AssetExecutionContext, **domains: pa.Table) -> pa.Table:
        counts = total(domains.values())
        made = sum(map(bool, map(len, domains.values())))
        context.add_asset_metadata({**_shown(kind, counts), "domains": made, "domains_missing": len(keys) - made})
        return counts

    return _asset(
        summary,
        kind,
        ALL,
        GROUP_OF_ALL,
        f"The {len(keys):,} domains that have it, together.",
        days,
        ins={f"domain_{place}": dg.AssetIn(key) for place, key in enumerate(keys)},
    )


def _asset(
    function: Callable[..., pa.Table],
    kind: SummaryKind,
    domain: str,
    group: str,
    whose: str,
    days: dg.DailyPartitionsDefinition,
    **depends_on: Any,
) -> dg.AssetsDefinition:
    made: dg.AssetsDefinition = dg.asset(
        key=dg.AssetKey([PREFIX, domain, kind.name]),
        partitions_def=days,
        group_name=group,
        io_manager_key="summary_store",
        automation_condition=ONCE_A_DAY_CHANGED,
        kinds={"python", "parquet"},
        owners=["team:mail-operations"],
        tags={"domain": domain, "summary": kind.name},
        description=f"{kind.description} {whose} What each number means is in `docs/summaries.md`.",
        metadata={"dagster/column_schema": _schema()},
        **depends_on,
    )(function)
    return made


def _schema() -> dg.TableSchema:
    return dg.TableSchema(
        [
            dg.TableColumn(field.name, str(field.type), description=field.metadata[b"description"].decode())
            for field in COUNTS
        ]
    )


def _shown(kind: SummaryKind, counts: pa.Table) -> dict[str, Any]:
    """The numbers and a chart: nothing of these names a person."""
    from mailevents_dagster.summaries.charts import CHARTS, data_uri, png  # takes half a second, of every other run

    return {
        "dagster/partition_row_count": len(counts),
        **kind.numbers(counts),
        "chart": dg.MetadataValue.md(f"![{kind.description}]({data_uri(png(CHARTS[kind.name], counts), 'png')})"),
    }
