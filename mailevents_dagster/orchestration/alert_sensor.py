"""The sensor that tells people: of feeds that keep failing, runs that failed and checks that did not pass.

One sensor that looks at what is stored, not a call for each failed run: what was told already and what is good again
is seen from the whole alone.
"""

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

import dagster as dg
from dagster._core.events import DagsterEventType
from dagster._core.execution.plan.objects import StepFailureData

from mailevents_dagster.alerts.channels import channels_of
from mailevents_dagster.alerts.notification import Teller
from mailevents_dagster.alerts.troubles import Kind, Ledger, Look, Sighting, Subject, Trouble, look_at_feeds, look_of
from mailevents_dagster.collecting.collector import Collector
from mailevents_dagster.collecting.configuration import states_of
from mailevents_dagster.collecting.planning import FeedState
from mailevents_dagster.health.status import hour_at_work
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.orchestration.runs_in_flight import COLLECT_JOB, FOLLOW_JOB, RECONCILE_JOB
from mailevents_dagster.settings import Settings
from mailevents_dagster.sources.uzmanposta.errors import foreign
from mailevents_dagster.store.store import HeldError

ALERT_SENSOR: Final = "tell_troubles"
EVERY_SECONDS: Final = 60
OVERLAP: Final = 60.0
"""Seconds that are looked at again: a run may be written down a little later than it says."""
RUNS_A_LOOK: Final = 100
"""The rest is for the next tick: a tick has 60 seconds, a run with the checks of 100 feeds takes 0.1."""
CHECKS_A_RUN: Final = 10_000
ENDED: Final = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)
SAID_CHARACTERS: Final = 300
ASSET_JOB: Final = "__ASSET_JOB"
"""Dagster's name of what backfills and the Materialize button start."""


def alert_sensor(settings: Settings, collector: Collector) -> dg.SensorDefinition:
    """Tells people by webhook or mail what is wrong and what is good again, as `alerts` in the settings says."""
    running = dg.DefaultSensorStatus.RUNNING if settings.alerts.are_on else dg.DefaultSensorStatus.STOPPED
    store = collector.store
    teller = Teller(store, settings.alerts.repeat_hours * 3600.0)

    @dg.sensor(
        name=ALERT_SENSOR,
        minimum_interval_seconds=EVERY_SECONDS,
        default_status=running,
        description=alert_sensor.__doc__,
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        if not settings.alerts.are_on:
            return dg.SkipReason("The settings say nobody who is to be told; see `alerts` there.")
        now = time.time()
        assert context.repository_def  # noqa: S101 - Dagster gives it to every sensor of a code location
        jobs = frozenset(context.repository_def.job_names) | {ASSET_JOB}

        def look(ledger: Ledger) -> Look:
            # Before the cursors are read: those then know of the hours of these runs.
            runs, until = ended_runs(context.instance, jobs, ledger, now)
            states = states_of(settings, store)
            busy = {feed for feed in settings.feeds if hour_at_work(collector.heartbeats, feed, now)}
            cursors = look_at_feeds(states, busy, settings.timezone, now)
            ran = look_at_runs(
                context.instance, [run for run in runs if run.dagster_run.run_id not in ledger.runs], states
            )
            return look_of(cursors, ran, Look(runs=frozenset(run.dagster_run.run_id for run in runs), until=until))

        try:
            return dg.SkipReason(teller.tell(look, channels_of(settings.alerts), now, context.log.warning))
        except HeldError as error:
            return dg.SkipReason(str(error))

    return sensor


def ended_runs(
    instance: dg.DagsterInstance, jobs: Collection[str], ledger: Ledger, now: float
) -> tuple[Sequence[dg.RunRecord], float]:
    """Runs of these jobs that ended since the last look, oldest first, and until when; at first, of the last minute."""
    since = (now if ledger.until is None else ledger.until) - OVERLAP
    records = instance.get_run_records(
        dg.RunsFilter(statuses=list(ENDED), updated_after=datetime.fromtimestamp(since, UTC)),
        limit=RUNS_A_LOOK,
        order_by="update_timestamp",
        ascending=True,
    )
    # Where there are more, the next look begins at the last of these and not before: else it would find them for ever.
    until = now if len(records) < RUNS_A_LOOK else records[-1].update_timestamp.timestamp() + OVERLAP
    ended = [run for run in records if run.dagster_run.job_name in jobs and _ended(run) >= since - OVERLAP]
    return ended, until


def look_at_runs(
    instance: dg.DagsterInstance,
    records: Sequence[dg.RunRecord],
    states: Sequence[FeedState],
) -> Look:
    """What these runs came to, and what the checks in them found."""
    troubles: list[Sighting] = []
    good: dict[Subject, float] = {}
    feeds = {dg.AssetKey(state.feed.asset_key): state.feed for state in states}
    for record in records:
        run = record.dagster_run
        subject = Subject(Kind.JOB, "materialization" if run.job_name == ASSET_JOB else run.job_name)
        if run.status is dg.DagsterRunStatus.SUCCESS:
            good[subject] = _ended(record)
        elif run.status is dg.DagsterRunStatus.FAILURE and not _known_from_cursors(record, states):
            cause, said = _failure(instance, run.run_id)
            troubles.append(Sighting(Trouble(subject, cause), _ended(record), said))
        for check, at, passed, said in _checks(instance, run.run_id, feeds):
            if passed:
                good[check] = at
            else:
                troubles.append(Sighting(Trouble(check, "failed check"), at, said))
    return Look(troubles, good)


def _ended(record: dg.RunRecord) -> float:
    return record.end_time or record.update_timestamp.timestamp()


def _known_from_cursors(record: dg.RunRecord, states: Sequence[FeedState]) -> bool:
    """Whether a feed's cursor says why the run failed: the feed is told of then, and the run would say it again."""
    run = record.dagster_run
    if not run.asset_selection and run.job_name not in (FOLLOW_JOB, COLLECT_JOB, RECONCILE_JOB):
        return False
    began = record.start_time or record.create_timestamp.timestamp()
    return any(
        failure.at >= began
        for state in states
        if not run.asset_selection or dg.AssetKey(state.feed.asset_key) in run.asset_selection
        for failure in (state.cursor.failed.values() if state.cursor else ())
    )


def _failure(instance: dg.DagsterInstance, run_id: str) -> tuple[str, str]:
    """Why a run failed, in one word and in one line."""
    of_type = {DagsterEventType.STEP_FAILURE, DagsterEventType.RUN_FAILURE}
    for record in instance.get_records_for_run(run_id, of_type=of_type, limit=1).records:
        event = record.event_log_entry.dagster_event
        data = event.event_specific_data if event else None
        if isinstance(data, StepFailureData) and data.error:
            root = data.error.cause or data.error
            said = data.user_failure_data
            cause = root.cls_name if root.cls_name and not said else "failed run"
            return cause, foreign(_line(said.description if said else root.message), SAID_CHARACTERS)
        return "failed run", foreign(_line(event.message if event else None), SAID_CHARACTERS)
    return "failed run", f"run {run_id}"


def _checks(
    instance: dg.DagsterInstance, run_id: str, feeds: Mapping[dg.AssetKey, Feed]
) -> Iterator[tuple[Subject, float, bool, str]]:
    """Each check of a run that passed, or failed as an error, in the order in which they were made."""
    evaluations = instance.get_records_for_run(
        run_id, of_type=DagsterEventType.ASSET_CHECK_EVALUATION, limit=CHECKS_A_RUN
    )
    for record in evaluations.records:
        event = record.event_log_entry.dagster_event
        assert event  # noqa: S101 - it was asked for by its type
        found = event.asset_check_evaluation_data
        if found.passed or found.severity is dg.AssetCheckSeverity.ERROR:
            asset = feeds.get(found.asset_key) or "/".join(found.asset_key.path)
            said = f"{found.partition}: " if found.partition else ""
            described = foreign(_line(found.description), SAID_CHARACTERS)
            yield Subject(Kind.CHECK, f"{asset} {found.check_name}"), record.timestamp, found.passed, said + described


def _line(text: str | None) -> str:
    return " ".join((text or "It does not say why.").split())
