"""Asset checks in real Dagster runs: what they say of hours made wrong on purpose, and what they cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

from mailevents_dagster.assets import freshness
from mailevents_dagster.checks import OF_FEEDS, OF_HOURS, HourChecks
from mailevents_dagster.events import Origin
from mailevents_dagster.feeds import FEED_KINDS, Feed
from mailevents_dagster.hours import SECONDS, Hour
from mailevents_dagster.planning import Ask
from mailevents_dagster.sensors import ask_request
from mailevents_dagster.sources.uzmanposta.rate import SharedBudget
from mailevents_dagster.sources.uzmanposta.simulator import Answer, FixedMail
from mailevents_dagster.store.destruction import destroying
from mailevents_dagster.store.inventory import Inventory
from mailevents_dagster.store.manifest import write_manifest
from mailevents_dagster.verdicts import Verdict
from mailevents_dagster_tests.conftest import collection, event, mail
from mailevents_dagster_tests.projects import (
    DOMAIN,
    ONE_FEED,
    SETTINGS,
    Project,
    project,
    range_tags,
    stop_the_clock,
)

INCOMING, SIGN_INS = "mail/incominglog", "authentication"
FEED = Feed(DOMAIN, INCOMING)
NEWEST = Hour.from_key("2026-11-17-13:00", "Europe/Istanbul")
HOURS = [NEWEST.previous.previous, NEWEST.previous, NEWEST]
NOW = NEWEST.end + 1500.0
"""The hour has closed a quarter of an hour ago."""
FROM_NOON = ONE_FEED.replace("2026-11-01T00:00", "2026-11-17T11:00")
NAMES = [check.__name__ for check in OF_HOURS]


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    stop_the_clock(monkeypatch, NOW)


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Project]:
    """Five feeds of generated mail."""
    with project(tmp_path, now=lambda: NOW) as made:
        yield made


@pytest.fixture
def one(tmp_path: Path, fixed: FixedMail) -> Iterator[Project]:
    """One feed whose first hour is the first of three with thirty mails each, which a test may add to."""
    for hour in HOURS:
        fixed.add(DOMAIN, INCOMING, [whole_mail(hour.start + 10 * n) for n in range(30)])
    with project(tmp_path, source=fixed, settings=FROM_NOON, now=lambda: NOW) as made:
        yield made


def detail_in(hour: Hour) -> object:
    """The detail of one mail of the hour."""
    return lambda request: request.kind == "detail" and f"Q{hour.start + 50}" in request.path


def whole_mail(time: int, queue_id: str = "", **fields: object) -> dict[str, object]:
    return mail(time, queue_id, **{"subject": "geheim", "sender": "ali@example.com", "size": 5, **fields})


def said(here: Project, name: str, feed: str = INCOMING) -> dg.AssetCheckEvaluation | None:
    """The newest verdict of a check that Dagster keeps."""
    key = dg.AssetCheckKey(dg.AssetKey(Feed(DOMAIN, feed).asset_key), name)
    history = here.instance.event_log_storage.get_asset_check_execution_history(key, limit=1)
    return history[0].evaluation if history else None


def verdict(here: Project, name: str, feed: str = INCOMING) -> dg.AssetCheckEvaluation:
    found = said(here, name, feed)
    assert found, f"{name} was not evaluated"
    return found


def numbers(evaluation: dg.AssetCheckEvaluation) -> dict[str, object]:
    return {name: value.value for name, value in evaluation.metadata.items()}


def passed(here: Project, feed: str = INCOMING) -> dict[str, bool]:
    return {name: verdict(here, name, feed).passed for name in NAMES}


def rows(here: Project, result: dg.ExecuteInProcessResult) -> Counter[str]:
    events = here.instance.all_logs(result.run_id)
    return Counter(one.get_dagster_event().event_type_value if one.is_dagster_event else "LOG" for one in events)


ALL_PASS = dict.fromkeys(NAMES, True)


# --- in the step of the asset


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


# --- hours damaged on disk, one way at a time


def flip_line(store: dict[str, Path]) -> None:
    store["log"].write_bytes(store["log"].read_bytes().replace(b"geheim", b"GEHEIM", 1))


def swap_lines(store: dict[str, Path]) -> None:
    lines = store["log"].read_bytes().splitlines(keepends=True)
    store["log"].write_bytes(b"".join([*lines[1::-1], *lines[2:]]))


def cut_log(store: dict[str, Path]) -> None:
    store["log"].write_bytes(store["log"].read_bytes()[:-20])


def cut_snapshot(store: dict[str, Path]) -> None:
    store["snapshot"].write_bytes(store["snapshot"].read_bytes()[:-20])


@pytest.mark.parametrize(
    ("damage", "number"),
    [
        (flip_line, "logs_not_as_snapshot"),
        (swap_lines, "logs_not_as_snapshot"),
        (cut_log, "logs_not_as_snapshot"),
        (lambda store: store["log"].unlink(), "logs_not_as_snapshot"),
        (cut_snapshot, "snapshots_damaged"),
        (lambda store: store["snapshot"].unlink(), "snapshots_damaged"),
        (lambda store: store["manifest"].write_text("{}"), "manifests_damaged"),
    ],
)
def test_damage_of_a_file_is_counted_where_it_is(
    one: Project, damage: Callable[[dict[str, Path]], None], number: str
) -> None:
    one.run("collect_hours", tags=range_tags(HOURS))
    layout = one.store.layout
    paths = {"log": layout.log, "snapshot": layout.snapshot, "manifest": layout.manifest}
    damage({name: Path(str(path(FEED, NEWEST))) for name, path in paths.items()})

    found = judged(one, HOURS)["well_formed"]

    assert (found.passed, found.is_error, found.hours) == (False, True, [NEWEST.key])
    assert found.numbers[number] == 1


def judged(here: Project, hours: list[Hour]) -> dict[str, Verdict]:
    return dict(HourChecks(here.store, FEED, 24).judge(hours))


def test_a_check_that_is_executed_by_itself_looks_at_the_newest_hour_and_asks_the_api_for_nothing(one: Project) -> None:
    one.run("collect_hours", tags=range_tags(HOURS))
    Path(str(one.store.layout.log(FEED, NEWEST))).unlink()
    one.api.calls.clear()
    selection = dg.AssetSelection.checks(dg.AssetCheckKey(dg.AssetKey(FEED.asset_key), "well_formed"))

    result = dg.materialize(
        one.defs.assets, selection=selection, resources=one.defs.resources, instance=one.instance, raise_on_error=False
    )

    assert result.success
    assert one.api.calls.count() == 0
    assert numbers(verdict(one, "well_formed"))["failing_hours"] == NEWEST.key
    assert verdict(one, "complete").passed, "it was not asked for"


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
    middle = lambda request: request.kind == "list" and request.params["starttime"] == str(HOURS[1].start - 1)  # noqa: E731
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


# --- feeds as wholes


def test_the_hourly_run_says_of_every_feed_whether_it_is_current(here: Project) -> None:
    here.materialize([INCOMING], NEWEST)

    assert here.run("check_feeds").success

    for feed in FEED_KINDS:
        found = verdict(here, "current", feed)
        assert (found.passed, found.severity is dg.AssetCheckSeverity.ERROR) == (False, feed != INCOMING)
        assert verdict(here, "keeping_up", feed).passed


def test_a_feed_that_has_all_hours_is_current_until_the_next_one_is_due(
    one: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    one.run("collect_hours", tags=range_tags(HOURS))
    one.run("check_feeds")
    in_time = verdict(one, "current")
    stop_the_clock(monkeypatch, NEWEST.end + SECONDS + 10 * 60 + 4 * 60)
    one.run("check_feeds")
    still_closing = verdict(one, "current")
    stop_the_clock(monkeypatch, NEWEST.end + SECONDS + 10 * 60 + 6 * 60)
    one.run("check_feeds")

    assert in_time.passed
    assert still_closing.passed, "the run that closes the hour has some minutes"
    assert verdict(one, "current").severity is dg.AssetCheckSeverity.ERROR
    assert numbers(verdict(one, "current"))["failing_hours"] == NEWEST.next.key


def test_a_backfill_of_an_old_hour_does_not_make_a_feed_current(here: Project) -> None:
    here.run("check_feeds")
    before = numbers(verdict(here, "current"))["hours_missing"]

    here.materialize([INCOMING], Hour.from_key("2026-11-03-10:00", "Europe/Istanbul"))
    here.run("check_feeds")

    found = verdict(here, "current")
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert numbers(found)["hours_missing"] == int(str(before)) - 1
    assert f"{NEWEST}, the newest hour that should be closed, is not" in str(found.description)


def test_a_gap_that_was_left_behind_is_named_in_a_warning(one: Project) -> None:
    for hour in (HOURS[0], HOURS[2]):
        one.run("collect_hours", partition_key=hour.key)

    one.run("check_feeds")

    found = verdict(one, "current")
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert numbers(found)["failing_hours"] == HOURS[1].key


def test_an_account_whose_budget_is_too_small_is_told_of_at_all_its_feeds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SharedBudget, "acquire", lambda budget: None)  # at the pace in question this took hours
    limited = SETTINGS.replace("requests_per_second: null", "requests_per_second: 0.01")
    with project(tmp_path, settings=limited, now=lambda: NOW) as here:
        here.run("collect_hours", partition_key=NEWEST.key)
        assert here.run("check_feeds").success

        found = verdict(here, "keeping_up")
        assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.WARN)
        assert numbers(found)["calls_allowed_per_second"] == 0.01
        assert not verdict(here, "keeping_up", SIGN_INS).passed


# --- what it costs


def test_checks_of_hours_that_are_collected_by_themselves_cost_a_row_each(here: Project) -> None:
    counted = rows(here, here.run("collect_hours", tags=range_tags(HOURS)))

    feeds = len(FEED_KINDS)
    assert counted["ASSET_CHECK_EVALUATION"] == 4 * feeds
    assert counted["ASSET_CHECK_EVALUATION_PLANNED"] == 0
    assert counted["STEP_OUTPUT"] == counted["STEP_START"] == feeds


def test_a_feed_adds_eleven_rows_to_the_run_of_an_hour_four_of_them_for_checks(here: Project) -> None:
    keys = [dg.AssetKey(Feed(DOMAIN, feed).asset_key) for feed in FEED_KINDS]
    of_all = rows(here, here.run("collect_hours", partition_key=NEWEST.key, asset_selection=keys))
    of_one = rows(here, here.run("collect_hours", partition_key=NEWEST.key, asset_selection=keys[:1]))

    assert of_all.total() - of_one.total() == 11 * (len(FEED_KINDS) - 1)
    assert of_one["ASSET_CHECK_EVALUATION"] == 4


def test_the_hourly_run_costs_two_rows_a_feed(here: Project, tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    with project(tmp_path / "one", settings=ONE_FEED, now=lambda: NOW) as small:
        of_one = rows(small, small.run("check_feeds")).total()

    assert rows(here, here.run("check_feeds")).total() == of_one + 2 * (len(FEED_KINDS) - 1)
    assert of_one < 15


def test_what_is_asked_for_by_itself_selects_no_check() -> None:
    for hours in (1, 5):
        request = ask_request(Ask(NEWEST.start, NEWEST.start + hours * SECONDS, (FEED,)), NEWEST.timezone)

        assert request.asset_check_keys == []


def test_what_checks_said_outlives_the_records_of_their_runs(here: Project) -> None:
    run = here.run("check_feeds").run_id

    here.instance.delete_run(run)

    assert not here.instance.all_logs(run)
    assert verdict(here, "current").passed is False


# --- definitions


def test_every_feed_has_six_checks_that_say_what_they_mean(here: Project) -> None:
    graph = here.defs.get_repository_def().asset_graph
    for feed in FEED_KINDS:
        keys = graph.get_check_keys_for_assets({dg.AssetKey(Feed(DOMAIN, feed).asset_key)})
        assert {key.name for key in keys} == {check.__name__ for check in (*OF_HOURS, *OF_FEEDS)}
        assert all(graph.get_check_spec(key).description for key in keys)


def test_feeds_are_checked_after_hours_have_closed(here: Project) -> None:
    [schedule] = [one for one in here.defs.schedules or () if one.name == "check_feeds"]
    assert isinstance(schedule, dg.ScheduleDefinition)
    assert schedule.cron_schedule == "20 * * * *"
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING


def test_a_feed_is_stale_three_hours_after_an_hour_should_have_closed() -> None:
    policy = freshness(settle_seconds=600)

    assert policy == dg.FreshnessPolicy.time_window(timedelta(hours=4, minutes=10), timedelta(hours=2, minutes=10))
