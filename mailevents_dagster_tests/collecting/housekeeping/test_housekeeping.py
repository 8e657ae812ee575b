"""Expired hours in a whole project: what housekeeping destroys and shows, and that nothing collects it again."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from mailevents_dagster.collecting.housekeeping import destroy, expired_hours
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import hours_between
from mailevents_dagster.orchestration import destruction as destroyed
from mailevents_dagster.sharing.leases import Leases
from mailevents_dagster.sources.uzmanposta.feeds import feed_of
from mailevents_dagster.store import destruction
from mailevents_dagster_tests.collecting.housekeeping.expired import (
    DAY,
    EDGE,
    FIVE_DAYS,
    INCOMING,
    OLD,
    SIGN_INS,
    TIMEZONE,
    bear_out_the_clock,
    keep,
    observations,
    snapshots,
)
from mailevents_dagster_tests.projects import (
    NOW,
    RUNNING,
    TWO_FEEDS,
    Project,
    project,
)
from mailevents_dagster_tests.store.years import keep_hours

pytestmark = pytest.mark.slow


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


def test_a_hold_that_matches_no_feed_stops_all_destruction(tmp_path: Path, bucket: str) -> None:
    hold = '{{feeds: "exmaple.com *", reason: "case 2026/17"}}'
    settings = FIVE_DAYS.replace("./data", bucket).replace("mail_days: 5", f"mail_days: 5, legal_hold: [{hold}]")
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
        assert isinstance(here.store.locks, Leases)
        here.store.locks.close()  # else the run's is renewed for as long as this process lives, as that of a run is


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
