"""The daily report by mail: a sensor that looks whether it is due, and the job that makes and sends it."""

import time
from typing import Any, Final

import dagster as dg
from pydantic import Field

from mailevents_dagster.collecting.feed_states import states_of
from mailevents_dagster.model.day import Day
from mailevents_dagster.orchestration.io_manager import EventStore
from mailevents_dagster.orchestration.runs_in_flight import REPORT_JOB, is_going_on
from mailevents_dagster.settings import Settings
from mailevents_dagster.sharing.locks import HeldError
from mailevents_dagster.store.store import Store
from mailevents_dagster.summaries.report_mail import due_day, read_sent, send_report

OP: Final = "send_report"
SENSOR: Final = "mail_reports"
EVERY_SECONDS: Final = 300


class OfDay(dg.Config):
    """The day whose report is sent."""

    day: str = Field(description="Such as 2026-11-20, in the settings' time zone.")


def report_mail_job(settings: Settings) -> list[dg.JobDefinition]:
    """Makes the report of a day and sends it by mail to those who have not got it."""
    if not settings.report.mail.to:
        return []

    @dg.op(name=OP, description=report_mail_job.__doc__)
    def send(context: dg.OpExecutionContext, config: OfDay, event_store: dg.ResourceParam[EventStore]) -> None:
        from mailevents_dagster.deliverability.report import blocks
        from mailevents_dagster.summaries.report_letter import letter_of  # with the charts it takes half a second
        from mailevents_dagster.summaries.reporting import report_of

        store, mail, now = event_store.store, settings.report.mail, time.time()
        day = Day.from_key(config.day, settings.timezone)
        report = report_of(store, settings.feeds_by_owner, day, context.log.warning, context.log.info)
        more = blocks(store.layout, report.domains, day, mail.language)
        letter = letter_of(report, mail.language, now, more)
        try:
            tried = send_report(letter, day, mail, store, now, context.log.warning)
        except HeldError as error:
            context.log.info(str(error))
            return
        said = f"Taken for {tried.taken:,} addresses, refused for {tried.refused:,}, to try again {tried.waiting:,}"
        context.add_output_metadata({"taken": tried.taken, "refused": tried.refused, "waiting": tried.waiting})
        if tried.is_failure:
            raise dg.Failure(f"The report of {day} was not taken as it should be: {tried.why}. {said}.")
        context.log.info(f"{said}{f': {tried.why}' if tried.why else ''}.")

    @dg.job(name=REPORT_JOB, description=report_mail_job.__doc__)
    def job() -> None:
        send()

    return [job]


def report_mail_sensor(settings: Settings, jobs: list[Any]) -> list[dg.SensorDefinition]:
    """Send the report of yesterday once that day is complete, as `report.mail` in the settings says."""
    if not jobs:
        return []

    @dg.sensor(
        name=SENSOR,
        job=jobs[0],
        minimum_interval_seconds=EVERY_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=report_mail_sensor.__doc__,
    )
    def sensor(
        context: dg.SensorEvaluationContext, event_store: dg.ResourceParam[EventStore]
    ) -> dg.RunRequest | dg.SkipReason:
        store, mail = event_store.store, settings.report.mail
        sent = read_sent(store, context.log.warning)
        day = due_day(sent, mail.at, settings.timezone, time.time(), lambda day: _is_complete(settings, store, day))
        if day is None:
            return dg.SkipReason(f"No report is due; the newest that was sent is of {sent.day if sent else 'no day'}.")
        if is_going_on(context.instance, REPORT_JOB):
            return dg.SkipReason("The report is being sent.")
        return dg.RunRequest(run_config={"ops": {OP: {"config": {"day": day.key}}}})

    return [sensor]


def _is_complete(settings: Settings, store: Store, day: Day) -> bool:
    """Return whether every feed has every hour of the day that it should have."""
    return all(
        state.cursor is not None and state.cursor.is_closed(hour.start)
        for state in states_of(settings, store)
        for hour in day.hours
        if hour.start >= state.start
    )
