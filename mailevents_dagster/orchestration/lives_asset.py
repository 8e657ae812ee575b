"""The asset of the lives of mails: a day of all mail servers together."""

from typing import Final

import dagster as dg
import pyarrow as pa

from mailevents_dagster.model.day import Day
from mailevents_dagster.orchestration.io_manager import EventStore
from mailevents_dagster.orchestration.metadata import column_schema
from mailevents_dagster.orchestration.summary_assets import ONCE_A_DAY_CHANGED, daily_partitions
from mailevents_dagster.orchestration.summary_io_manager import ALL
from mailevents_dagster.settings import Settings
from mailevents_dagster.sources.maillog.feeds import SOURCE
from mailevents_dagster.sources.maillog.lives import COLUMNS
from mailevents_dagster.summaries.lives import DAYS_BEFORE, Reading, lives_of_day, numbers

KEY: Final = dg.AssetKey([SOURCE, "lives"])


def build_lives(settings: Settings) -> list[dg.AssetsDefinition]:
    """Return the lives of mails, where there are mail servers."""
    feeds = [feed for feed in settings.feeds if feed.kind.is_in_lives]
    if not feeds or not settings.summaries.enabled:
        return []
    # Days before the first hour have nothing to be read.
    hours = dg.TimeWindowPartitionMapping(start_offset=-DAYS_BEFORE, allow_nonexistent_upstream_partitions=True)

    @dg.asset(
        key=KEY,
        deps=[dg.AssetDep(dg.AssetKey(feed.asset_key), partition_mapping=hours) for feed in feeds],
        partitions_def=daily_partitions(settings),
        group_name="all_servers",
        io_manager_key="lives_store",
        automation_condition=ONCE_A_DAY_CHANGED,
        kinds={"python", "parquet"},
        owners=["team:mail-operations"],
        tags={"domain": ALL},
        description=_description(len(feeds)),
        metadata={"dagster/column_schema": column_schema(COLUMNS)},
    )
    def lives(context: dg.AssetExecutionContext, event_store: dg.ResourceParam[EventStore]) -> pa.Table:
        store = event_store.store
        unreadable: set[str] = set()
        made = lives_of_day(Reading(store, feeds, unreadable.add), Day.from_key(context.partition_key, store.timezone))
        for said in sorted(unreadable):
            context.log.warning(said)
        context.add_asset_metadata({"dagster/partition_row_count": len(made.lives), **numbers(made)})
        return made.lives

    return [lives]


def _description(servers: int) -> str:
    whose = "The mail server that there is" if servers == 1 else f"All {servers:,} mail servers together"
    return f"""What became of each mail for each recipient, across hours, retries and servers.

{whose}. A day has the lives that ended on it, and those that are not over and were seen on it. Made of
the lines of the day and, of the same mails, of the {DAYS_BEFORE} days before. What each number means is in
`docs/mail-logs.md`.
"""
