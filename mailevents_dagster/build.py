"""The one place where everything is put together; tests build their own with other settings."""

import dagster as dg

from mailevents_dagster.collecting.collector import collector_of
from mailevents_dagster.orchestration.alert_sensor import alert_sensor
from mailevents_dagster.orchestration.catch_up_sensor import catch_up_sensor
from mailevents_dagster.orchestration.checks import check_job, feed_checks
from mailevents_dagster.orchestration.code_links import with_code_links
from mailevents_dagster.orchestration.deliverability_assets import build_deliverability
from mailevents_dagster.orchestration.feed_definitions import feed_assets, resources
from mailevents_dagster.orchestration.jobs import collect_job, follow_job, housekeeping_job, reconcile_job
from mailevents_dagster.orchestration.lives_asset import build_lives
from mailevents_dagster.orchestration.report_mail import report_mail_job, report_mail_sensor
from mailevents_dagster.orchestration.runs_in_flight import COLLECT_JOB, FOLLOW_JOB
from mailevents_dagster.orchestration.schedules import build_schedules
from mailevents_dagster.orchestration.sensor import follow_sensor, gone_sensor
from mailevents_dagster.orchestration.summary_assets import build_summaries, summaries_sensor
from mailevents_dagster.orchestration.summary_io_manager import LivesStore, SummaryStore
from mailevents_dagster.settings import Settings


def build_defs(settings: Settings) -> dg.Definitions:
    """Return all assets, resources and automation of these settings."""
    collector = collector_of(settings)
    assets = feed_assets(settings, collector, with_checks=True)
    of_days = [*build_summaries(settings), *build_lives(settings), *build_deliverability(settings)]
    jobs = [
        collect_job(assets),
        follow_job(settings, collector),
        reconcile_job(settings, collector),
        housekeeping_job(settings),
        check_job(settings),
    ]
    mailing = report_mail_job(settings)
    by_name = {job.name: job for job in jobs}
    return dg.Definitions(
        assets=with_code_links([*assets, *of_days], settings.source),
        asset_checks=[feed_checks(settings)],
        jobs=[*jobs, *mailing],
        sensors=[
            follow_sensor(settings, [by_name[FOLLOW_JOB], by_name[COLLECT_JOB]]),
            catch_up_sensor(settings, by_name[COLLECT_JOB]),
            gone_sensor(),
            alert_sensor(settings, collector),
            *summaries_sensor(settings, of_days),
            *report_mail_sensor(settings, mailing),
        ],
        schedules=build_schedules(settings, by_name),
        resources={
            **resources(settings),
            "summary_store": SummaryStore(settings),
            "lives_store": LivesStore(settings),
        },
        # Starting a process for each step costs seconds; parallelism is threads inside a run, and several runs.
        executor=dg.in_process_executor,
    )
