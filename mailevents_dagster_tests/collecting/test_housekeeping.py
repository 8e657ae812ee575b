"""Expired hours in a whole project: what housekeeping destroys and shows, and that nothing collects it again."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
import pytest

from mailevents_dagster.collecting.configuration import rules_of, states_of
from mailevents_dagster.collecting.housekeeping import destroy, expired_hours
from mailevents_dagster.collecting.planning import UnderWay, plan
from mailevents_dagster.health.status import rebuild_cursors, status_of
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour, hours_between
from mailevents_dagster.orchestration import destruction as destroyed
from mailevents_dagster.orchestration import unreported_hours as shown
from mailevents_dagster.orchestration.assets import hourly_partitions
from mailevents_dagster.sources.uzmanposta.feeds import feed_of
from mailevents_dagster.store import destruction
from mailevents_dagster.store.cursor_file import write_cursor
from mailevents_dagster.store.cursors import Cursor
from mailevents_dagster_tests.conftest import collection, event
from mailevents_dagster_tests.projects import (
    DOMAIN,
    NOW,
    RUNNING,
    TWO_FEEDS,
    Project,
    project,
    range_tags,
    stop_the_clock,
)
from mailevents_dagster_tests.store.kept import commit
from mailevents_dagster_tests.store.years import keep_hours

INCOMING = feed_of(DOMAIN, "mail/incominglog")
SIGN_INS = feed_of(DOMAIN, "authentication")
TIMEZONE = "Europe/Istanbul"
DAY = 86_400
OLD = list(hours_between(RUNNING.start - 10 * DAY, RUNNING.start - 10 * DAY + 5 * 3600, TIMEZONE))
"""Five hours of ten days ago."""
EDGE = Hour.containing(NOW - 5 * DAY, TIMEZONE)
"""The hour of which a half is older than five days."""
FIVE_DAYS = TWO_FEEDS + "retention: {{mail_days: 5}}\n"


@pytest.fixture(autouse=True)
def _at_half_past(monkeypatch: pytest.MonkeyPatch) -> None:
    stop_the_clock(monkeypatch, NOW)


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Project]:
    with project(tmp_path, settings=FIVE_DAYS, now=lambda: NOW) as made:
        bear_out_the_clock(made)
        yield made


def bear_out_the_clock(here: Project) -> None:
    """The API said what time it is when something was collected last."""
    write_cursor(here.store.layout.cursor(SIGN_INS), Cursor(witnessed=NOW - 300), TIMEZONE)


def keep(here: Project, hours: Sequence[Hour], feed: Feed = INCOMING) -> None:
    for hour in hours:
        commit(here.store, collection([event(hour.start)]), feed, hour)


def observations(here: Project, feed: Feed = INCOMING) -> dict[str, dict[str, Any]]:
    """What hours of the feed were observed with, by partition."""
    found: dict[str, dict[str, Any]] = {}
    for record in here.instance.fetch_observations(dg.AssetKey(feed.asset_key), limit=1000).records:
        observation = record.asset_observation
        assert observation
        assert str(observation.partition) not in found
        found[str(observation.partition)] = {name: value.value for name, value in observation.metadata.items()}
    return found


def snapshots(here: Project, feed: Feed = INCOMING) -> int:
    return len(list(Path(str(here.store.layout.snapshots(feed))).rglob("*.parquet")))


# --- what housekeeping does


def test_expired_hours_are_destroyed_and_each_stays_materialized_and_is_observed_as_destroyed(here: Project) -> None:
    assert here.materialize([INCOMING.name], OLD).success

    result = here.run("housekeeping")

    assert result.success
    assert here.materialized(INCOMING.name) == {hour.key for hour in OLD}
    seen = observations(here)
    assert set(seen) == {hour.key for hour in OLD}
    for hour in OLD:
        assert set(seen[hour.key]) == {"destroyed_at", "rule", "record"}, "and nothing personal"
        assert seen[hour.key]["rule"] == "mail_days: 5"
        assert Path(seen[hour.key]["record"]).exists()
    assert snapshots(here) == 0
    assert any(line.startswith("5 expired hours destroyed, ") for line in here.said(result))


def test_only_hours_whose_end_is_older_than_the_days_of_their_category_go(here: Project) -> None:
    keep(here, [OLD[0], EDGE.previous, EDGE, RUNNING.previous])
    keep(here, OLD, SIGN_INS)

    here.run("housekeeping")

    assert set(observations(here)) == {OLD[0].key, EDGE.previous.key}
    assert observations(here, SIGN_INS) == {}
    assert (snapshots(here), snapshots(here, SIGN_INS)) == (2, 5)
    here.run("housekeeping")
    assert len(observations(here)) == 2, "what is destroyed is done"


def test_without_the_setting_nothing_ever_goes(tmp_path: Path) -> None:
    with project(tmp_path, settings=TWO_FEEDS, now=lambda: NOW) as here:
        keep(here, OLD)
        result = here.run("housekeeping")
        assert snapshots(here) == 5
        assert any("names no days" in line for line in here.said(result))


def test_what_a_legal_hold_names_stays_and_the_run_says_how_much(tmp_path: Path) -> None:
    first, until = (f"{hour.key[:10]}T{hour.key[11:]}" for hour in (OLD[1], OLD[4]))
    hold = f'{{{{feeds: "example.com mail/*", from: {first}, until: {until}, reason: "case 2026/17"}}}}'
    settings = FIVE_DAYS.replace("mail_days: 5", f"mail_days: 5, legal_hold: [{hold}]")
    with project(tmp_path, settings=settings, now=lambda: NOW) as here:
        bear_out_the_clock(here)
        keep(here, OLD)

        result = here.run("housekeeping")

        assert set(observations(here)) == {OLD[0].key, OLD[4].key}
        assert len(here.store.dataset(INCOMING, OLD[1:4]).files) == 3
        assert any("3 more are kept by legal holds" in line for line in here.said(result))


def test_hours_of_feeds_that_are_no_longer_collected_expire_too(here: Project) -> None:
    removed = feed_of("removed.example", "mail/outgoinglog")
    keep(here, OLD[:2], removed)

    assert here.run("housekeeping").success

    assert set(observations(here, removed)) == {OLD[0].key, OLD[1].key}
    assert snapshots(here, removed) == 0


def test_a_run_takes_a_portion_of_each_feed_and_says_what_is_left(
    here: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(destroyed, "HOURS_A_FEED", 2)
    monkeypatch.setattr(destroyed, "SAY_EVERY", 0.0)
    keep(here, OLD)

    said = here.said(here.run("housekeeping"))

    assert set(observations(here)) == {OLD[0].key, OLD[1].key}, "the oldest go first"
    assert any("3 hours are left to the next housekeeping" in line for line in said)
    assert [line for line in said if "destroyed so far" in line] == [
        f"1 hours destroyed so far, now at {INCOMING} {OLD[0]}",
        f"2 hours destroyed so far, now at {INCOMING} {OLD[1]}",
    ]
    here.run("housekeeping")
    assert len(observations(here)) == 4


def test_a_run_ends_in_time_whatever_is_left(here: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(destroyed, "SECONDS_A_RUN", 0.0)
    keep(here, OLD)
    result = here.run("housekeeping")
    assert result.success
    assert any("5 hours are left" in line for line in here.said(result))
    assert snapshots(here) == 5


def test_a_hold_that_matches_no_feed_stops_all_destruction(tmp_path: Path) -> None:
    hold = '{{feeds: "exmaple.com *", reason: "case 2026/17"}}'
    settings = FIVE_DAYS.replace("./data", "memory://held-by-nobody").replace(
        "mail_days: 5", f"mail_days: 5, legal_hold: [{hold}]"
    )
    with project(tmp_path, settings=settings, now=lambda: NOW) as here:
        bear_out_the_clock(here)
        keep(here, OLD[:1])

        result = here.run("housekeeping")

        assert not result.success
        [failure] = result.get_step_failure_events()
        said = str(failure.step_failure_data.error)
        assert "MeaninglessHoldError" in said
        assert "retention.legal_hold: `exmaple.com *` (case 2026/17)" in said
        assert here.store.layout.snapshot(INCOMING, OLD[0]).exists()
        assert [event for event in result.all_events if event.is_step_success], "old runs were deleted all the same"


def test_an_hour_that_cannot_be_destroyed_fails_the_run_and_the_others_go(
    here: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(here, OLD)
    real = destruction._delete

    def refusing(layout: Any, feed: Feed, files: Any) -> None:
        if any(OLD[1].stamp("%Y-%m-%d_%H") in file.name for file in files):
            raise PermissionError(13, "Permission denied", "the.log")
        real(layout, feed, files)

    with monkeypatch.context() as patched:
        patched.setattr(destruction, "_delete", refusing)
        result = here.run("housekeeping")

    assert not result.success
    assert any(line.startswith(f"{INCOMING} {OLD[1]}: ") and "Permission" in line for line in here.said(result))
    assert len(observations(here)) == 4
    assert here.run("housekeeping").success
    assert len(observations(here)) == 5


def test_a_hold_that_is_added_while_an_hour_is_being_destroyed_spares_what_is_left(
    here: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(here, OLD[:1])
    with monkeypatch.context() as patched:
        patched.setattr(destruction, "_delete", lambda *_: 1 / 0)
        assert not here.run("housekeeping").success
    hold = '{{feeds: "*", reason: "case 2026/17"}}'
    settings = FIVE_DAYS.replace("mail_days: 5", f"mail_days: 5, legal_hold: [{hold}]")
    with project(tmp_path, settings=settings, now=lambda: NOW) as held:
        bear_out_the_clock(held)
        result = held.run("housekeeping")
        assert result.success
        assert any("0 expired hours destroyed" in line and "1 more are kept" in line for line in held.said(result))
        assert snapshots(held) == 1


def test_a_run_that_was_killed_before_it_told_of_an_hour_is_made_up_for(
    here: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(here, OLD[:2])
    with monkeypatch.context() as patched:
        patched.setattr(destroyed, "observation", lambda *_: 1 / 0)
        assert not here.run("housekeeping").success
    assert observations(here) == {}

    assert here.run("housekeeping").success

    assert set(observations(here)) == {OLD[0].key, OLD[1].key}


# --- nothing collects or reads it again


@pytest.fixture
def emptied(here: Project) -> Project:
    """A project whose old hours were collected and destroyed."""
    assert here.materialize([INCOMING.name], OLD).success
    assert here.run("housekeeping").success
    here.api.calls.clear()
    return here


def test_materializing_a_destroyed_hour_by_hand_fails_with_when_and_why_and_the_others_are_collected(
    emptied: Project,
) -> None:
    cursor = emptied.store.cursor(INCOMING)

    result = emptied.materialize([INCOMING.name], [OLD[-1], OLD[-1].next])

    assert not result.success
    [failure] = result.get_step_failure_events()
    said = str(failure.step_failure_data.error)
    assert "1 of 2 hours could not be collected (destroyed)" in said
    assert "by the rule retention.mail_days: 5" in said
    assert emptied.logged(INCOMING.name, OLD[-1].next)
    after = emptied.store.cursor(INCOMING)
    assert (after.failed, after.failures_in_a_row) == ({}, 0)
    assert after.is_closed(OLD[-1].start)
    assert cursor.is_closed(OLD[-1].start)
    assert not emptied.store.layout.snapshot(INCOMING, OLD[-1]).exists()


def test_a_run_over_destroyed_hours_makes_no_call(emptied: Project) -> None:
    assert not emptied.run("collect_hours", tags=range_tags(OLD), asset_selection=[_key(INCOMING)]).success
    assert emptied.api.calls.count() == 0


def test_an_asset_that_loads_a_destroyed_hour_is_told_that_it_was_destroyed(emptied: Project) -> None:
    partitions = next(asset.partitions_def for asset in emptied.defs.assets if isinstance(asset, dg.AssetsDefinition))

    def read(events) -> None:  # type: ignore[no-untyped-def]
        pytest.fail("it was loaded")

    read.__annotations__["events"] = pd.DataFrame
    asset = dg.asset(ins={"events": dg.AssetIn(_key(INCOMING))}, partitions_def=partitions)(read)

    result = emptied.materialize([], OLD[0], extra=[asset])

    [failure] = result.get_step_failure_events()
    assert f"{INCOMING} {OLD[0]} was destroyed at" in str(failure.step_failure_data.error)


@pytest.mark.parametrize("cursors_are_lost", [False, True])
def test_automation_asks_for_no_hour_that_has_expired_whether_it_was_ever_collected(
    cursors_are_lost: bool, emptied: Project
) -> None:
    if cursors_are_lost:
        rebuild_cursors(emptied.settings)
    [state] = [state for state in states_of(emptied.settings, emptied.store) if state.feed == INCOMING]

    made = plan([state], UnderWay(), NOW, rules_of(emptied.settings))

    asked = sum((ask.end - ask.first) // 3600 for ask in made.asks)
    assert asked + made.behind == (RUNNING.start - EDGE.end) // 3600
    assert min(ask.first for ask in made.asks) >= EDGE.end


def test_expired_hours_are_not_missing_nor_forgotten(emptied: Project) -> None:
    [incoming, sign_ins] = status_of(emptied.settings, NOW).feeds
    assert incoming.gaps[0][0] == EDGE.next.key
    assert incoming.missing_hours == (RUNNING.start - EDGE.end) // 3600
    assert incoming.closed_hours == len(OLD)
    assert (incoming.failing_hours, incoming.forgotten_hours) == (0, 0)
    assert sign_ins.gaps[0][0] == Hour(emptied.settings.start, TIMEZONE).key


def test_a_cursor_made_anew_has_destroyed_hours_closed(emptied: Project) -> None:
    before = emptied.store.cursor(INCOMING)
    rebuild_cursors(emptied.settings)
    assert emptied.store.cursor(INCOMING).closed == before.closed != ()


def test_a_new_home_of_dagster_shows_hours_that_were_destroyed_as_it_shows_all(emptied: Project) -> None:
    with dg.instance_for_test() as instance:
        states = states_of(emptied.settings, emptied.store)
        assert shown.report_hours(instance, emptied.store, states, 0, lambda: 0.0) == (len(OLD), 0)
        assert instance.get_materialized_partitions(_key(INCOMING)) == {hour.key for hour in OLD}
        assert len(instance.fetch_observations(_key(INCOMING), limit=100).records) == len(OLD)


def test_hours_that_are_not_shown_before_a_look_must_end_are_shown_by_the_next(emptied: Project) -> None:
    with dg.instance_for_test() as instance:
        states = states_of(emptied.settings, emptied.store)
        clock, place = itertools.count(step=2.0), 0
        for shown_by_now in range(2, len(OLD) + 1, 2):  # the clock is read once before the first hour and after each
            _, place = shown.report_hours(instance, emptied.store, states, place, lambda: next(clock))
            assert len(instance.get_materialized_partitions(_key(INCOMING))) == shown_by_now


def test_assets_on_a_feed_are_not_asked_for_because_an_hour_was_destroyed(here: Project) -> None:
    @dg.asset(
        deps=[_key(INCOMING)],
        partitions_def=hourly_partitions(here.settings.start, TIMEZONE),
        automation_condition=dg.AutomationCondition.any_deps_updated().since_last_handled(),
    )
    def report() -> None: ...

    defs = dg.Definitions([*(here.defs.assets or ()), report], resources=here.defs.resources)
    nothing = dg.evaluate_automation_conditions(defs, here.instance)
    here.materialize([INCOMING.name], OLD)
    before = dg.evaluate_automation_conditions(defs, here.instance, cursor=nothing.cursor)
    assert before.get_num_requested(report.key) == len(OLD)

    assert here.run("housekeeping").success

    assert len(observations(here)) == len(OLD)
    after = dg.evaluate_automation_conditions(defs, here.instance, cursor=before.cursor)
    assert after.get_num_requested(report.key) == 0


# --- a year


def test_of_a_year_of_hours_a_portion_goes_and_the_rest_is_found_as_it_was(here: Project) -> None:
    year = list(hours_between(RUNNING.start - 365 * DAY, RUNNING.start, TIMEZONE))
    keep_hours(here.store, INCOMING, year)
    [found] = expired_hours(here.settings, here.store, NOW)
    assert list(found.due) == year[: year.index(EDGE)]
    assert {len(files) for files in found.due.values()} == {2}

    assert len(list(destroy(here.store, found, 48, time.monotonic() + 600))) == 48

    [left] = expired_hours(here.settings, here.store, NOW)
    assert list(left.due) == list(found.due)[48:]
    assert here.store.feed_cursor(INCOMING).rebuilt().closed == here.store.cursor(INCOMING).closed
    assert here.store.cursor(INCOMING).closed == ((year[0].start, RUNNING.start),)


def _key(feed: Feed) -> dg.AssetKey:
    return dg.AssetKey(feed.asset_key)
