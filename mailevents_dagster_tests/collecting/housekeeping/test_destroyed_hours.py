"""Hours that were destroyed: nothing collects, reads or asks for them again, and they stay shown."""

from __future__ import annotations

import itertools

import dagster as dg
import pandas as pd
import pytest

from mailevents_dagster.collecting.feed_states import rules_of, states_of
from mailevents_dagster.collecting.planning import UnderWay, plan
from mailevents_dagster.health.status import rebuild_cursors, status_of
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.orchestration import unreported_hours as shown
from mailevents_dagster.orchestration.assets import hourly_partitions
from mailevents_dagster_tests.collecting.housekeeping.expired import (
    EDGE,
    INCOMING,
    OLD,
    TIMEZONE,
    key_of,
    observations,
)
from mailevents_dagster_tests.homes import in_files
from mailevents_dagster_tests.projects import NOW, RUNNING, Project, range_tags

pytestmark = pytest.mark.slow


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
    assert not emptied.run("collect_hours", tags=range_tags(OLD), asset_selection=[key_of(INCOMING)]).success
    assert emptied.api.calls.count() == 0


def test_an_asset_that_loads_a_destroyed_hour_is_told_that_it_was_destroyed(emptied: Project) -> None:
    partitions = next(asset.partitions_def for asset in emptied.defs.assets if isinstance(asset, dg.AssetsDefinition))

    def read(events) -> None:  # type: ignore[no-untyped-def]
        pytest.fail("it was loaded")

    read.__annotations__["events"] = pd.DataFrame
    asset = dg.asset(ins={"events": dg.AssetIn(key_of(INCOMING))}, partitions_def=partitions)(read)

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
    with in_files() as instance:
        states = states_of(emptied.settings, emptied.store)
        assert shown.report_hours(instance, emptied.store, states, 0, lambda: 0.0) == (len(OLD), 0)
        assert instance.get_materialized_partitions(key_of(INCOMING)) == {hour.key for hour in OLD}
        assert len(instance.fetch_observations(key_of(INCOMING), limit=100).records) == len(OLD)


def test_hours_that_are_not_shown_before_a_look_must_end_are_shown_by_the_next(emptied: Project) -> None:
    with in_files() as instance:
        states = states_of(emptied.settings, emptied.store)
        clock, place = itertools.count(step=2.0), 0
        for shown_by_now in range(2, len(OLD) + 1, 2):  # the clock is read once before the first hour and after each
            _, place = shown.report_hours(instance, emptied.store, states, place, lambda: next(clock))
            assert len(instance.get_materialized_partitions(key_of(INCOMING))) == shown_by_now


def test_assets_on_a_feed_are_not_asked_for_because_an_hour_was_destroyed(here: Project) -> None:
    @dg.asset(
        deps=[key_of(INCOMING)],
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
