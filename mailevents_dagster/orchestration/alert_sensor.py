"""The sensor that tells people of feeds that keep failing, runs that failed and checks that did not pass.

One sensor that looks at what is stored, not a call for each failed run: only the whole shows what was told already and
what is good again.
"""

import time
from typing import Final

import dagster as dg

from mailevents_dagster.alerts.channels import channels_of
from mailevents_dagster.alerts.notification import Notifier
from mailevents_dagster.alerts.troubles import Ledger, Look, look_at_feeds, look_of
from mailevents_dagster.collecting.collector import Collector
from mailevents_dagster.collecting.feed_states import states_of
from mailevents_dagster.health.status import hour_at_work
from mailevents_dagster.orchestration.internals import ASSET_JOB
from mailevents_dagster.orchestration.run_outcomes import ended_runs, look_at_runs
from mailevents_dagster.settings import Settings
from mailevents_dagster.sharing.locks import HeldError

ALERT_SENSOR: Final = "tell_troubles"
EVERY_SECONDS: Final = 60


def alert_sensor(settings: Settings, collector: Collector) -> dg.SensorDefinition:
    """Tell people by webhook or mail what is wrong and what is good again, as `alerts` in the settings says."""
    running = dg.DefaultSensorStatus.RUNNING if settings.alerts.are_on else dg.DefaultSensorStatus.STOPPED
    store = collector.store
    notifier = Notifier(store, settings.alerts.repeat_hours * 3600.0)

    @dg.sensor(
        name=ALERT_SENSOR,
        minimum_interval_seconds=EVERY_SECONDS,
        default_status=running,
        description=alert_sensor.__doc__,
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        if not settings.alerts.are_on:
            return dg.SkipReason("The settings name nobody to tell; see `alerts` there.")
        now = time.time()
        assert context.repository_def  # noqa: S101 - Dagster gives it to every sensor of a code location
        jobs = frozenset(context.repository_def.job_names) | {ASSET_JOB}

        def look(ledger: Ledger) -> Look:
            # Before the cursors are read: those then know of the hours of these runs.
            runs, until = ended_runs(context.instance, jobs, ledger, now)
            states = states_of(settings, store)
            busy = {feed for feed in settings.feeds if hour_at_work(collector.heartbeats, feed, now)}
            new = [run for run in runs if run.dagster_run.run_id not in ledger.runs]
            return look_of(
                look_at_feeds(states, busy, settings.timezone, now),
                look_at_runs(context.instance, new, states),
                Look(runs=frozenset(run.dagster_run.run_id for run in runs), until=until),
            )

        try:
            return dg.SkipReason(notifier.notify(look, channels_of(settings.alerts), now, context.log.warning))
        except HeldError as error:
            return dg.SkipReason(str(error))

    return sensor
