"""Closed hours that are listed once more each day: by cron alone, by the daemon alone, and by neither twice."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.test_utils import create_run_for_test

from mailevents_dagster.collecting import lookback
from mailevents_dagster.collecting.lookback import last_passed
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.sources.uzmanposta.feeds import feed_of
from mailevents_dagster.sources.uzmanposta.simulator import Answer, Behaviour, FixedMail, Simulator
from mailevents_dagster.store.cursor_file import write_cursor
from mailevents_dagster_tests.collecting_process import listings
from mailevents_dagster_tests.commands import SETTINGS, Place, hours_ago, set_up, written
from mailevents_dagster_tests.conftest import mail
from mailevents_dagster_tests.homes import in_files
from mailevents_dagster_tests.projects import DOMAIN, NOW, ONE_FEED, RUNNING, Project, project, stop_the_clock

pytestmark = pytest.mark.slow

FEED = feed_of("a.example", "mail/incominglog")
CLOSED = [RUNNING.previous.previous, RUNNING.previous]
DAY = 86_400
TOMORROW = NOW + 14 * 3600
"""Half past four in the morning."""


@pytest.mark.parametrize(
    ("time_of_day", "timezone", "now", "passed"),
    [
        ("03:30", "UTC", "2026-11-20T03:29:59+00:00", "2026-11-19T03:30:00+00:00"),
        ("03:30", "UTC", "2026-11-20T03:30:00+00:00", "2026-11-20T03:30:00+00:00"),
        ("00:00", "Europe/Istanbul", "2026-11-19T21:00:00+00:00", "2026-11-19T21:00:00+00:00"),
        ("23:59", "Europe/Istanbul", "2026-11-20T20:58:59+00:00", "2026-11-19T20:59:00+00:00"),
        ("03:30", "Europe/Berlin", "2026-10-25T12:00:00+00:00", "2026-10-25T02:30:00+00:00"),
        ("02:30", "Europe/Berlin", "2026-03-29T12:00:00+00:00", "2026-03-29T01:30:00+00:00"),
    ],
)
def test_when_it_was_this_time_of_day_last(time_of_day: str, timezone: str, now: str, passed: str) -> None:
    at = datetime.fromisoformat(now).timestamp()

    assert last_passed(time_of_day, timezone, at) == datetime.fromisoformat(passed).timestamp()


# --- cron alone


class Clock:
    """The API's, as far behind as a test says."""

    behind = 0.0

    def __call__(self) -> float:
        return time.time() - self.behind


def listings_of(place: Place, hour: Hour) -> int:
    return listings(place.api.calls, hour)


def test_what_appears_a_day_late_is_found_by_the_cron_line_alone_and_once(tmp_path: Path) -> None:
    fixed, clock, old = FixedMail(), Clock(), hours_ago(30)
    fixed.add("a.example", "mail/incominglog", [mail(old.start + n, f"Q{n}") for n in range(3)])
    with Simulator(source=fixed, domains=["a.example", "b.example"], now=clock) as api:
        place = set_up(tmp_path, api, hours=31, text=SETTINGS.replace("{{hours", "{{lookback_hours: 48, hours"))
        clock.behind = DAY
        assert place.run("collect", "--hour", written(old), "--feed", "a.example mail/*").returncode == 0
        clock.behind = 0
        fixed.add("a.example", "mail/incominglog", [mail(old.start + 77, "late")])

        done = place.run("collect", "--feed", "a.example mail/*")

        assert done.returncode == 0, done.stderr
        manifest = place.store.manifest(FEED, old)
        assert manifest
        assert manifest.events == 4
        with dg.DagsterInstance.from_config(str(tmp_path / ".dagster")) as instance:
            shown = instance.fetch_materializations(
                dg.AssetRecordsFilter(dg.AssetKey(FEED.asset_key), asset_partitions=[old.key]), limit=5
            ).records
        assert len(shown) == 2, "the hour is shown again, as it changed"
        listed = listings_of(place, old)
        assert place.run("collect", "--feed", "a.example mail/*").returncode == 0
        assert listings_of(place, old) == listed, "once a day"


# --- Dagster's side


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, from_this_autumn_on: None) -> Iterator[Project]:
    """One feed with two closed hours, a day after they were listed."""
    stop_the_clock(monkeypatch, NOW)
    with project(tmp_path, Behaviour(), settings=ONE_FEED, now=lambda: NOW, instance=in_files) as made:
        assert made.materialize(["mail/incominglog"], CLOSED).success
        yield made


def due(here: Project, at: float) -> list[Feed]:
    return lookback.due(here.settings, here.store, at)


def tick(here: Project) -> Any:
    repository = here.defs.get_repository_def()
    resources = {"event_store": here.defs.resources["event_store"]}
    at = datetime.fromtimestamp(NOW, UTC)
    with dg.build_schedule_context(here.instance, at, repository_def=repository, resources=resources) as context:
        return repository.get_schedule_def("reconcile").evaluate_tick(context)


ONLY = feed_of(DOMAIN, "mail/incominglog")


def test_a_feed_is_due_once_the_time_has_passed_and_not_again_until_the_next_day(
    here: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert due(here, NOW) == [], "what was listed today needs no second look yet"
    assert due(here, TOMORROW) == [ONLY]

    stop_the_clock(monkeypatch, TOMORROW)
    assert here.run("reconcile").success

    assert here.store.cursor(ONLY).looked_back_at == TOMORROW
    assert due(here, TOMORROW + 60) == []


def test_the_schedule_leaves_out_what_a_command_has_looked_back_at(
    here: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_the_clock(monkeypatch, TOMORROW)
    assert [request.run_config for request in tick(here).run_requests] == [{}]

    cursor = replace(here.store.cursor(ONLY), looked_back_at=TOMORROW)
    write_cursor(here.store.layout.cursor(ONLY), cursor, here.settings.timezone)

    assert "has looked back" in tick(here).skip_message


def test_the_schedule_leaves_it_to_a_command_that_looks_back_right_now(
    here: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_the_clock(monkeypatch, TOMORROW)
    create_run_for_test(here.instance, "reconcile", status=dg.DagsterRunStatus.STARTED)

    assert "does so right now" in tick(here).skip_message


def test_a_feed_of_which_nothing_could_be_listed_stays_due(here: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    stop_the_clock(monkeypatch, TOMORROW)
    here.api.fail_next("/", Answer(404), times=None)

    assert not here.run("reconcile").success

    assert due(here, TOMORROW) == [ONLY]
