"""The one place where everything is put together; tests build their own with other settings."""

import warnings
from collections.abc import Mapping

import dagster as dg

from mailevents_dagster.accesses import budgets_folder
from mailevents_dagster.alert_sensors import alert_sensor
from mailevents_dagster.assets import build_feed_asset, hourly_partitions
from mailevents_dagster.checks import HourChecks, check_job, feed_checks
from mailevents_dagster.code_links import with_code_links
from mailevents_dagster.collector import Collector, collector_of
from mailevents_dagster.io_manager import EventStore
from mailevents_dagster.jobs import collect_job, follow_job, housekeeping_job, reconcile_job
from mailevents_dagster.resources import AccountAccess, UzmanPosta
from mailevents_dagster.schedules import build_schedules
from mailevents_dagster.sensors import follow_sensor
from mailevents_dagster.settings import Settings
from mailevents_dagster.sources.uzmanposta.formats import ROW_FORMATS
from mailevents_dagster.summaries.assets import build_summaries, summaries_sensor
from mailevents_dagster.summaries.io_manager import SummaryStore


def build_defs(
    settings: Settings,
    loggers: Mapping[str, dg.LoggerDefinition] | None = None,
    collector: Collector | None = None,
) -> dg.Definitions:
    """All assets, resources and automation of these settings; `loggers` replace Dagster's console.

    Who hands in the collector can see by it what runs of this process are at.
    """
    # Backfill policies, pools and links to code are marked beta; what could change in them is covered by tests.
    warnings.filterwarnings("ignore", category=dg.BetaWarning)
    collector = collector or collector_of(settings)
    partitions = hourly_partitions(settings.start, settings.timezone)
    assets = [
        build_feed_asset(
            partitions,
            ROW_FORMATS[feed.kind.category],
            settings.collect.hours_per_run,
            collector,
            HourChecks(collector.store, feed, settings.collect.lookback_hours),
        )
        for feed in settings.feeds
    ]
    jobs = {
        "collect_hours": collect_job(assets),
        "follow": follow_job(settings, collector),
        "reconcile": reconcile_job(settings, collector),
        "housekeeping": housekeeping_job(settings),
        "check_feeds": check_job(settings),
    }
    return dg.Definitions(
        assets=with_code_links([*assets, *build_summaries(settings)], settings.source),
        asset_checks=[feed_checks(settings)],
        jobs=list(jobs.values()),
        sensors=[
            follow_sensor(settings, [jobs["follow"], jobs["collect_hours"]]),
            alert_sensor(settings, collector),
            *summaries_sensor(settings),
        ],
        schedules=build_schedules(settings, jobs),
        resources={
            "uzmanposta": _uzmanposta(settings),
            "event_store": EventStore(
                storage=settings.storage, timezone=settings.timezone, log_file_name=settings.log_file_name
            ),
            "summary_store": SummaryStore(
                storage=settings.storage, timezone=settings.timezone, log_file_name=settings.log_file_name
            ),
        },
        # Starting a process for each step costs seconds; parallelism is threads inside a run, and several runs.
        executor=dg.in_process_executor,
        loggers=loggers,
    )


def _uzmanposta(settings: Settings) -> UzmanPosta:
    api = settings.api
    return UzmanPosta(
        accounts=[
            AccountAccess(
                domain=account.domain,
                base_url=account.base_url,
                api_key_variable=account.api_key_variable,
                requests_per_second=account.requests_per_second,
                max_parallel_details=account.max_parallel_details,
            )
            for account in settings.accounts
        ],
        timeout_seconds=api.timeout_seconds,
        max_attempts=api.max_attempts,
        page_limit=api.page_limit,
        budgets=str(budgets_folder(settings.storage)),
    )
