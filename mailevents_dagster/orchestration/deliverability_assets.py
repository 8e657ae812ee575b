"""The daily assets of deliverability: each part of each domain."""

import time
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, Final

import dagster as dg

from mailevents_dagster.deliverability.part import Made, Part, Work
from mailevents_dagster.deliverability.stored import read_part, write_part
from mailevents_dagster.model.day import Day
from mailevents_dagster.model.feed import readable_domain
from mailevents_dagster.model.hour import key_timezone
from mailevents_dagster.orchestration.checks import shown
from mailevents_dagster.orchestration.internals import CheckSpec
from mailevents_dagster.orchestration.io_manager import EventStore
from mailevents_dagster.orchestration.metadata import column_schema
from mailevents_dagster.orchestration.summary_assets import ONCE_A_DAY_CHANGED, daily_partitions
from mailevents_dagster.settings import Settings
from mailevents_dagster.sources.outcomes.feeds import SOURCE, outcomes_of
from mailevents_dagster.sources.outcomes.settings.section import DeliverabilitySettings, DomainSettings
from mailevents_dagster.store.layout import Layout

LOOK_AT: Final = "0 6 * * *"
"""When the world is looked at each day, in the time zone of the settings: before people come to work."""
EACH_HOUR: Final = "12 * * * *"
"""When the day under way is made anew: once the hour before has closed."""


def build_deliverability(settings: Settings) -> list[dg.AssetsDefinition]:
    """Return the asset of each part that a domain of the settings wants."""
    domains = settings.section(DeliverabilitySettings).deliverability
    if not domains:
        return []
    from mailevents_dagster.deliverability import parts  # which nobody else needs to load

    return [_asset(settings, domain, part) for domain in domains for part in parts.PARTS if part.is_wanted(domain)]


def _asset(settings: Settings, domain: DomainSettings, part: Part) -> dg.AssetsDefinition:
    own, key = outcomes_of(domain.domain), dg.AssetKey([SOURCE, domain.domain, part.name])
    is_of_now = part.looks_at_the_world(settings, domain)
    # The day under way is a partition, too, where what counts is what is there now.
    days = daily_partitions(settings, end_offset=1 if is_of_now or part.is_made_hourly else 0)
    hours = dg.TimeWindowPartitionMapping(allow_nonexistent_upstream_partitions=True)

    @dg.asset(
        key=key,
        # Not `deps`, which would name its inputs by keys that hold an address.
        ins={
            f"feed_{place}": dg.AssetIn(dg.AssetKey(feed.asset_key), partition_mapping=hours, dagster_type=dg.Nothing)
            for place, feed in enumerate(part.made_of(settings, domain))
        },
        partitions_def=days,
        group_name=own.group,
        automation_condition=_condition(settings, part, is_of_now=is_of_now),
        check_specs=[CheckSpec(name, asset=key, description=asks) for name, asks in part.checks.items()],
        kinds={"python", "parquet"},
        owners=["team:mail-operations"],
        tags={"domain": own.tag, "part": part.name},
        description=_description(domain, part, is_of_now=is_of_now),
        metadata={"dagster/column_schema": column_schema(part.columns)},
    )
    def make(context: dg.AssetExecutionContext, event_store: dg.ResourceParam[EventStore]) -> Iterator[Any]:
        store = event_store.store
        day = Day.from_key(context.partition_key, store.timezone)
        if is_of_now:
            _check_is_today(part, day)
        stored = partial(read_part, store.layout, domain.domain)
        work = Work(settings, domain, store, day, stored, context.log.info)
        made = part.make(work)
        write_part(store.layout, domain.domain, part, day, made)
        part.hand_over(work)
        yield dg.MaterializeResult(
            metadata=_metadata(store.layout, domain, part, day, made), check_results=_results(key, made)
        )

    return make


def _condition(settings: Settings, part: Part, *, is_of_now: bool) -> dg.AutomationCondition[Any]:
    """Return when a day is made: the day under way by the clock, others once all of their hours are there."""
    ticked: dg.AutomationCondition[Any] = dg.AutomationCondition.cron_tick_passed(
        LOOK_AT if is_of_now else EACH_HOUR, key_timezone(settings.timezone)
    )
    is_idle = dg.AutomationCondition.in_latest_time_window() & ~dg.AutomationCondition.in_progress()
    by_clock = ticked.since_last_handled() & is_idle
    if is_of_now:
        return by_clock
    return ONCE_A_DAY_CHANGED | by_clock if part.is_made_hourly else ONCE_A_DAY_CHANGED


def _check_is_today(part: Part, day: Day) -> None:
    """Refuse a day that is over: what is there now says nothing of it."""
    today = Day.containing(time.time(), day.timezone)
    if day != today:
        raise dg.Failure(
            f"{part.name} looks at what is there now, so only {today} can be made, and not {day}. What was stored of "
            f"{day} stays as it is.",
            allow_retries=False,
        )


def _results(key: dg.AssetKey, made: Made) -> Sequence[dg.AssetCheckResult]:
    return [dg.AssetCheckResult(asset_key=key, check_name=name, **shown(one)) for name, one in made.verdicts.items()]


def _metadata(layout: Layout, domain: DomainSettings, part: Part, day: Day, made: Made) -> dict[str, Any]:
    chart = {"chart": _picture(part.name, made.chart)} if made.chart else {}
    said = {"said": dg.MetadataValue.md(made.said)} if made.said else {}
    file = dg.MetadataValue.path(str(layout.part(domain.domain, part.name, day.key)))
    return {"dagster/partition_row_count": len(made.rows), **made.numbers, **said, **chart, "parquet_file": file}


def _picture(name: str, chart: bytes) -> dg.MarkdownMetadataValue:
    from mailevents_dagster.summaries.charts import data_uri  # takes half a second of every other run

    return dg.MetadataValue.md(f"![{name}]({data_uri(chart, 'png')})")


def _description(domain: DomainSettings, part: Part, *, is_of_now: bool) -> str:
    when = "Looked at once a day; a day that is over cannot be made." if is_of_now else "Made of the hours of the day."
    return f"{part.summary} Domain **{readable_domain(domain.domain)}**. {when} `docs/deliverability.md` says more."
