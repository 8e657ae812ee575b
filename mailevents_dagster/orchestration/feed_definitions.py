"""What collects: the feeds as assets, the jobs that work on them, and the resources of both.

The command line runs these alone; the UI and the daemon get them from build.py, with checks, summaries and automation.
"""

import warnings
from collections.abc import Mapping
from typing import Any

import dagster as dg

from mailevents_dagster.collecting.collector import Collector
from mailevents_dagster.orchestration.assets import build_feed_asset, hourly_partitions
from mailevents_dagster.orchestration.checks import HourChecks
from mailevents_dagster.orchestration.clients import clients_of
from mailevents_dagster.orchestration.io_manager import event_store
from mailevents_dagster.orchestration.jobs import collect_job, follow_job, housekeeping_job, reconcile_job
from mailevents_dagster.orchestration.lanes import COLLECTING_AHEAD, collecting_ahead
from mailevents_dagster.settings import Settings


def collecting_defs(
    settings: Settings, collector: Collector, loggers: Mapping[str, dg.LoggerDefinition]
) -> dg.Definitions:
    """Return what the command line runs; `loggers` replace Dagster's console.

    Its assets have no checks to select: a run in this process that names its assets would select all of theirs, at
    three rows each. Their steps log what checks say all the same.
    """
    assets = feed_assets(settings, collector, with_checks=False)
    return dg.Definitions(
        assets=assets,
        jobs=[
            collect_job(assets),
            follow_job(settings, collector),
            reconcile_job(settings, collector),
            housekeeping_job(settings),
        ],
        resources=resources(settings),
        executor=dg.in_process_executor,
        loggers=loggers,
    )


def feed_assets(settings: Settings, collector: Collector, *, with_checks: bool) -> list[dg.AssetsDefinition]:
    """Return the asset of each feed, with the checks of its hours or without."""
    # Backfill policies, pools and links to code are marked beta; what could change in them is covered by tests.
    warnings.filterwarnings("ignore", category=dg.BetaWarning)
    partitions = hourly_partitions(settings.start, settings.timezone)
    feeds = {feed.asset_key: feed for feed in settings.feeds}
    return [
        build_feed_asset(
            settings,
            partitions,
            collector,
            feeds,
            HourChecks(collector.store, one.feed, settings.collect.lookback_hours),
            made_of=one.made_of,
            with_checks=with_checks,
        )
        for one in settings.configured
    ]


def resources(settings: Settings) -> dict[str, Any]:
    """Return what assets and jobs of feeds work with."""
    return {
        **{source.name: clients_of(source, settings) for source in settings.sources},
        COLLECTING_AHEAD: collecting_ahead(source.name for source in settings.sources),
        "event_store": event_store(settings),
    }
