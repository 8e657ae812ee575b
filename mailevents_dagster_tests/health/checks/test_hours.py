"""Checks of hours in real Dagster runs: what they say of hours made wrong on purpose."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

from mailevents_dagster.model.event import Origin
from mailevents_dagster.model.hour import SECONDS, Hour
from mailevents_dagster.sources.uzmanposta.feeds import FEED_KINDS
from mailevents_dagster.sources.uzmanposta.simulator import Answer, FixedMail
from mailevents_dagster.store.destruction import destroying
from mailevents_dagster.store.inventory import Inventory
from mailevents_dagster.store.manifest import write_manifest
from mailevents_dagster_tests.conftest import collection, event
from mailevents_dagster_tests.health.checks.checking import (
    ALL_PASS,
    FEED,
    FROM_NOON,
    HOURS,
    INCOMING,
    NAMES,
    NEWEST,
    NOW,
    SIGN_INS,
    detail_in,
    judged,
    numbers,
    passed,
    said,
    verdict,
    whole_mail,
)
from mailevents_dagster_tests.projects import DOMAIN, Project, project, range_tags


@pytest.mark.parametrize("hours", [NEWEST, HOURS[:1], HOURS], ids=["hour", "range of one", "range"])
def test_hours_that_are_as_they_should_be_pass_all_checks(here: Project, hours: Hour | list[Hour]) -> None:
    tags = {"partition_key": hours.key} if isinstance(hours, Hour) else {"tags": range_tags(hours)}
    assert here.run("collect_hours", **tags).success

    for feed in FEED_KINDS:
        assert passed(here, feed) == ALL_PASS
        assert numbers(verdict(here, "complete", feed))["hours"] == (1 if isinstance(hours, Hour) else len(hours))


def test_checks_that_the_ui_selects_say_the_same_as_those_that_are_logged(here: Project) -> None:
    assert here.materialize([INCOMING], HOURS).success

    assert passed(here) == ALL_PASS
    assert numbers(verdict(here, "complete"))["hours"] == 3


def test_a_detail_that_cannot_be_had_makes_the_hour_incomplete_and_later_ones_go_on_saying_so(one: Project) -> None:
    one.api.fail_next(detail_in(HOURS[0]), Answer(status=500), times=2)
    one.run("collect_hours", partition_key=HOURS[0].key)
    at_once = verdict(one, "complete")
    one.run("collect_hours", partition_key=HOURS[1].key)
    later = verdict(one, "complete")
    one.run("collect_hours", partition_key=HOURS[0].key)

    assert (at_once.passed, at_once.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert numbers(at_once)["details_owed"] == 1
    assert (later.passed, numbers(later)["failing_hours"]) == (False, HOURS[0].key)
    assert numbers(later)["earlier_hours_incomplete"] == 1
    assert verdict(one, "complete").passed, "it was had in the end"


def test_a_range_names_the_hours_that_are_incomplete(one: Project) -> None:
    one.api.fail_next(detail_in(HOURS[1]), Answer(status=500), times=None)

    assert one.run("collect_hours", tags=range_tags(HOURS)).success

    assert numbers(verdict(one, "complete"))["failing_hours"] == HOURS[1].key
    assert numbers(verdict(one, "complete"))["details_owed"] == 1


def test_a_second_with_more_events_than_the_api_shows_is_an_error(tmp_path: Path, fixed: FixedMail) -> None:
    fixed.add(DOMAIN, SIGN_INS, [{"email": f"u{n}@example.com", "time": NEWEST.start + 7} for n in range(1100)])
    with project(tmp_path, source=fixed, now=lambda: NOW) as here:
        here.materialize([SIGN_INS], NEWEST)

        assert not verdict(here, "complete", SIGN_INS).passed
        assert numbers(verdict(here, "complete", SIGN_INS))["truncated_seconds"] == 1


def test_new_and_retyped_fields_are_named_in_a_warning(one: Project, fixed: FixedMail) -> None:
    late = NEWEST.start + 1000
    fixed.add(
        DOMAIN, INCOMING, [whole_mail(late, "N1", dkim_result="pass"), whole_mail(late + 1, "N2", size={"kb": 3})]
    )

    one.run("collect_hours", tags=range_tags(HOURS))

    found = verdict(one, "schema_known")
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert "in no column: dkim_result." in str(found.description)
    assert "nested there: size." in str(found.description)
    assert numbers(found)["failing_hours"] == NEWEST.key


def test_a_field_that_every_event_had_and_none_has_now_is_named(tmp_path: Path, fixed: FixedMail) -> None:
    fixed.add(DOMAIN, INCOMING, [whole_mail(HOURS[1].start + n) for n in range(30)])
    fixed.add(DOMAIN, INCOMING, [whole_mail(NEWEST.start + n, size=None, subject=None) for n in range(30)])
    fixed.add(DOMAIN, INCOMING, [whole_mail(NEWEST.start + 40)])
    with project(tmp_path, source=fixed, settings=FROM_NOON, now=lambda: NOW) as here:
        here.run("collect_hours", tags=range_tags(HOURS[1:]))
        assert verdict(here, "schema_known").passed, "one event that has it is enough"
    with here.store.open_hour(FEED, NEWEST.next) as work:
        work.commit(collection([event(NEWEST.end + n) for n in range(30)]))

    found = judged(here, [NEWEST.next])["schema_known"]
    assert not found.passed
    assert "none has now: recipients, sender." in found.said


def test_a_mail_that_the_api_shows_twice_is_told(one: Project, fixed: FixedMail) -> None:
    fixed.add(DOMAIN, INCOMING, [whole_mail(NEWEST.start + 2000, "TWICE")] * 2)

    one.run("collect_hours", partition_key=NEWEST.key)

    found = verdict(one, "well_formed")
    assert (found.passed, found.severity, numbers(found)["mails_twice"]) == (False, dg.AssetCheckSeverity.WARN, 1)


def test_no_verdict_holds_anything_of_a_mail(one: Project, fixed: FixedMail) -> None:
    fixed.add(DOMAIN, INCOMING, [whole_mail(NEWEST.start + 2000, "TWICE", **{"veli@example.com": 1})] * 2)
    one.api.fail_next(detail_in(NEWEST), Answer(status=500), times=2)

    for result in (one.run("collect_hours", partition_key=NEWEST.key), one.run("check_feeds")):
        events = [entry for entry in one.instance.all_logs(result.run_id) if entry.is_dagster_event]
        shown = repr([event.get_dagster_event().event_specific_data for event in events])
        assert "geheim" not in shown
        assert "ali@" not in shown
        assert "veli" not in shown


# --- the volume


def with_weeks(here: Project, number: int, events: int) -> None:
    """Leaves so many earlier weeks of the newest hour in the store, as far as their manifests tell."""
    manifest = here.store.manifest(FEED, NEWEST)
    assert manifest
    for week in range(1, number + 1):
        hour = Hour(NEWEST.start - week * 7 * 24 * SECONDS, NEWEST.timezone)
        path = here.store.layout.manifest(FEED, hour)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_manifest(path, replace(manifest, hour=hour.key, start=hour.start, end=hour.end, events=events))


@pytest.mark.parametrize(("weeks", "events", "passes"), [(2, 900, True), (3, 900, False), (3, 40, True)])
def test_the_volume_is_compared_with_the_same_hour_of_three_weeks_at_least(
    one: Project, weeks: int, events: int, *, passes: bool
) -> None:
    one.run("collect_hours", partition_key=NEWEST.key)
    with_weeks(one, weeks, events)

    found = judged(one, [NEWEST])["volume_as_usual"]

    assert (found.passed, found.is_error) == (passes, False)
    assert found.numbers["hours_compared"] == (weeks >= 3)


# --- hours of other kinds


def test_an_empty_hour_passes(one: Project) -> None:
    one.api.fail_next(lambda request: request.kind == "list", Answer(status=200, body=b"[]"), times=None)

    one.run("collect_hours", partition_key=NEWEST.key)

    assert passed(one) == ALL_PASS


def test_hours_from_old_logs_do_not_fail_those_that_are_collected_after_them(one: Project) -> None:
    one.run("collect_hours", tags=range_tags(HOURS[:2]))
    manifest = one.store.manifest(FEED, HOURS[0])
    assert manifest
    write_manifest(one.store.layout.manifest(FEED, HOURS[0]), replace(manifest, origin=Origin.LOGS))

    one.run("collect_hours", partition_key=NEWEST.key)

    assert verdict(one, "complete").passed
    assert numbers(verdict(one, "complete"))["hours_from_old_logs"] == 1


def test_an_hour_that_was_destroyed_is_not_spoken_of(one: Project) -> None:
    one.api.fail_next(detail_in(HOURS[0]), Answer(status=500), times=None)
    one.run("collect_hours", tags=range_tags(HOURS))
    before = judged(one, HOURS[1:])["complete"]
    inventory = Inventory(one.store.layout, one.store.timezone, NOW)
    files = inventory.files(FEED, HOURS[0].end + 1)[HOURS[0]]
    with destroying(one.store, FEED, HOURS[0], files, "mail_days: 1", lambda _: None):
        pass

    assert before.hours == [HOURS[0].key]
    assert judged(one, HOURS[1:])["complete"].passed


# --- runs that fail


def test_of_a_run_that_fails_half_way_the_hours_done_are_judged_and_the_failed_ones_named(one: Project) -> None:
    middle = lambda request: request.kind == "list" and request.params["endtime"] == str(HOURS[1].end)  # noqa: E731
    one.api.fail_next(middle, Answer(status=404), times=None)

    result = one.run("collect_hours", tags=range_tags(HOURS))

    assert not result.success
    assert one.materialized(INCOMING) == {HOURS[0].key, HOURS[2].key}
    assert passed(one) == {**ALL_PASS, "complete": False}
    found = verdict(one, "complete")
    assert (found.severity, numbers(found)["failing_hours"]) == (dg.AssetCheckSeverity.ERROR, HOURS[1].key)
    assert (numbers(found)["hours"], numbers(found)["hours_failed"]) == (2, 1)


def test_of_a_run_that_got_no_hour_only_completeness_is_judged(one: Project) -> None:
    one.api.fail_next("/", Answer(status=404), times=None)

    assert not one.run("collect_hours", partition_key=NEWEST.key).success

    assert not verdict(one, "complete").passed
    assert [said(one, name) for name in NAMES[1:]] == [None, None, None]
