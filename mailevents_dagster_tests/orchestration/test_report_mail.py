"""The sensor asks for the report once it is due; the job makes it of what is stored and sends it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from mailevents_dagster.model.day import Day
from mailevents_dagster.orchestration import report_mail
from mailevents_dagster.orchestration.io_manager import EventStore
from mailevents_dagster.sources.uzmanposta.feeds import feed_of
from mailevents_dagster.store.cursor_file import write_cursor
from mailevents_dagster.store.cursors import Cursor
from mailevents_dagster.summaries.report_mail import WAITS
from mailevents_dagster_tests.deliveries.mail.post_office import HERE, USER, PostOffice, open_post_office
from mailevents_dagster_tests.projects import DOMAIN, TWO_FEEDS, Project, project

ZONE = ZoneInfo("Europe/Istanbul")
TODAY = datetime.now(ZONE).date()
DAY = Day(TODAY - timedelta(days=1), "Europe/Istanbul")
SEVEN = datetime.combine(TODAY, datetime.min.time(), ZONE).timestamp() + 7 * 3600
MAIL = """
report:
  mail: {{to: [a@example.com], from: {user}, smtp_host: {host}, smtp_port: {port}, starttls: false, language: tr}}
"""


@pytest.fixture
def office() -> Iterator[PostOffice]:
    with open_post_office() as opened:
        yield opened


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    made = SimpleNamespace(now=SEVEN)
    monkeypatch.setattr(report_mail, "time", SimpleNamespace(time=lambda: made.now))
    return made


@pytest.fixture
def here(tmp_path: Path, office: PostOffice, clock: SimpleNamespace) -> Iterator[Project]:
    mail = MAIL.format(user=USER, host=HERE, port=office.port).replace("{", "{{").replace("}", "}}")
    with project(tmp_path, settings=TWO_FEEDS.replace("2026-11-01", DAY.key) + mail) as made:
        yield made


def tick(here: Project) -> dg.RunRequest | str:
    """Return what the sensor asks for, or why it asks for nothing."""
    repository = here.defs.get_repository_def()
    resources = {"event_store": EventStore(here.settings)}
    with dg.build_sensor_context(here.instance, repository_def=repository, resources=resources) as context:
        made: Any = repository.get_sensor_def("mail_reports").evaluate_tick(context)
    return made.run_requests[0] if made.run_requests else str(made.skip_message)


def complete(here: Project, *feeds: str) -> None:
    for feed in feeds:
        cursor = Cursor(closed=((DAY.start, DAY.end),), committed_at=time.time())
        write_cursor(here.store.layout.cursor(feed_of(DOMAIN, feed)), cursor, here.store.timezone)


def run(here: Project, request: dg.RunRequest | str) -> dg.ExecuteInProcessResult:
    assert isinstance(request, dg.RunRequest)
    return here.run("mail_report", run_config=request.run_config)


def test_the_report_is_asked_for_when_each_feed_has_its_day_and_is_sent_once(here: Project, office: PostOffice) -> None:
    complete(here, "mail/incominglog")
    assert "No report is due" in str(tick(here))
    complete(here, "authentication")
    assert run(here, tick(here)).success
    [mail] = office.mails
    assert mail["Subject"] == f"E-posta olayları: {DAY}"
    body = mail.get_body(("plain",))
    assert body is not None
    assert DOMAIN in body.get_content()
    assert f"the newest that was sent is of {DAY}" in str(tick(here))


def test_a_day_that_is_never_complete_is_sent_hours_later(
    here: Project, office: PostOffice, clock: SimpleNamespace
) -> None:
    assert "no day" in str(tick(here))
    clock.now = SEVEN + WAITS
    assert run(here, tick(here)).success
    assert len(office.mails) == 1


def test_greylisting_fails_no_run_and_a_refusal_does(here: Project, office: PostOffice, clock: SimpleNamespace) -> None:
    complete(here, "mail/incominglog", "authentication")
    office.refuses = {"a@example.com": "451 4.7.1 greylisted"}
    assert run(here, tick(here)).success
    assert "No report is due" in str(tick(here))
    office.refuses = {"a@example.com": "550 5.1.1 who?"}
    clock.now += 600
    failed = run(here, tick(here))
    assert not failed.success
    why = failed.failure_data_for_node("send_report")
    assert why
    assert why.user_failure_data
    assert "report.mail.to" in str(why.user_failure_data.description)
    assert "a@example.com" not in str(why)
    office.refuses = {}
    clock.now += 3600
    assert run(here, tick(here)).success
    assert len(office.mails) == 1


def test_a_report_that_is_being_sent_is_not_asked_for_again(here: Project) -> None:
    complete(here, "mail/incominglog", "authentication")
    run_of = dg.DagsterRun(job_name="mail_report", status=dg.DagsterRunStatus.STARTED)
    here.instance.add_run(run_of)
    assert tick(here) == "The report is being sent."


def test_without_addresses_there_is_neither_job_nor_sensor(tmp_path: Path) -> None:
    with project(tmp_path, settings=TWO_FEEDS) as made:
        repository = made.defs.get_repository_def()
        assert not repository.has_job("mail_report")
        assert "mail_reports" not in {one.name for one in repository.sensor_defs}
