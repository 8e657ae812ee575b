"""What runs that ended came to, as alerts see it: which failed and why, and what the checks in them found."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

import dagster as dg

from mailevents_dagster.alerts.troubles import Kind, Ledger, Look, Sighting, Subject, Trouble
from mailevents_dagster.collecting.planning import FeedState
from mailevents_dagster.files.printable import printable
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.orchestration.internals import ASSET_JOB
from mailevents_dagster.orchestration.runs_in_flight import COLLECT_JOB, ENDED, FOLLOW_JOB, RECONCILE_JOB

OVERLAP: Final = 60.0
"""Seconds that are looked at again: a run may be written down a little later than it says."""
RUNS_A_LOOK: Final = 100
"""The rest is for the next tick: a tick has 60 seconds, a run with the checks of 100 feeds takes 0.1."""
CHECKS_A_RUN: Final = 10_000
SAID_CHARACTERS: Final = 300


def ended_runs(
    instance: dg.DagsterInstance, jobs: Collection[str], ledger: Ledger, now: float
) -> tuple[Sequence[dg.RunRecord], float]:
    """Return the runs that ended since the last look, oldest first, and until when; at first, of the last minute."""
    since = (now if ledger.until is None else ledger.until) - OVERLAP
    records = instance.get_run_records(
        dg.RunsFilter(statuses=ENDED, updated_after=datetime.fromtimestamp(since, UTC)),
        limit=RUNS_A_LOOK,
        order_by="update_timestamp",
        ascending=True,
    )
    # If there are more, the next look begins at the last of these and not before: else it would find them for ever.
    until = now if len(records) < RUNS_A_LOOK else records[-1].update_timestamp.timestamp() + OVERLAP
    ended = [run for run in records if run.dagster_run.job_name in jobs and _ended(run) >= since - OVERLAP]
    return ended, until


def look_at_runs(instance: dg.DagsterInstance, records: Sequence[dg.RunRecord], states: Sequence[FeedState]) -> Look:
    """Return what these runs came to, and what the checks in them found."""
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
    """Return whether a feed's cursor says why the run failed: people are told of the feed then, not of the run, too."""
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
    """Return why a run failed, in one word and in one line."""
    of_type = {dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.RUN_FAILURE}
    for record in instance.get_records_for_run(run_id, of_type=of_type, limit=1).records:
        event = record.event_log_entry.dagster_event
        error = event.step_failure_data.error if event and event.is_step_failure else None
        if event and error:
            root = error.cause or error
            said = event.step_failure_data.user_failure_data
            cause = root.cls_name if root.cls_name and not said else "failed run"
            return cause, _line(said.description if said else root.message)
        return "failed run", _line(event.message if event else None)
    return "failed run", f"run {run_id}"


def _checks(
    instance: dg.DagsterInstance, run_id: str, feeds: Mapping[dg.AssetKey, Feed]
) -> Iterator[tuple[Subject, float, bool, str]]:
    """Yield the checks of a run that passed, or failed as an error, in the order in which they were made."""
    evaluations = instance.get_records_for_run(
        run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION, limit=CHECKS_A_RUN
    )
    for record in evaluations.records:
        event = record.event_log_entry.dagster_event
        assert event  # noqa: S101 - it was asked for by its type
        found = event.asset_check_evaluation_data
        if found.passed or found.severity is dg.AssetCheckSeverity.ERROR:
            asset = feeds.get(found.asset_key) or "/".join(found.asset_key.path)
            said = f"{found.partition}: " if found.partition else ""
            subject = Subject(Kind.CHECK, f"{asset} {found.check_name}")
            yield subject, record.timestamp, found.passed, said + _line(found.description)


def _line(text: str | None) -> str:
    return printable(" ".join((text or "It does not say why.").split()), SAID_CHARACTERS)
