"""The jobs beside the assets: real runs of follow, reconcile and housekeeping against the simulated API."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from mailevents_dagster.collecting.pace import Pace, pace_of
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.orchestration import hour_outcomes
from mailevents_dagster.sources.uzmanposta.feeds import FEED_KINDS, feed_of
from mailevents_dagster.sources.uzmanposta.rate import SharedBudget
from mailevents_dagster.sources.uzmanposta.simulator import Answer, FixedMail
from mailevents_dagster.store.cursor_file import write_cursor
from mailevents_dagster.store.cursors import Cursor
from mailevents_dagster_tests.collecting_process import listings
from mailevents_dagster_tests.conftest import mail
from mailevents_dagster_tests.projects import (
    DOMAIN,
    KEY,
    NOW,
    ONE_FEED,
    RUNNING,
    Project,
    project,
    same_events,
)

INCOMING, SIGN_INS = "mail/incominglog", "authentication"
ALL_FEEDS = list(FEED_KINDS)
CLOSED = [RUNNING.previous.previous.previous, RUNNING.previous.previous, RUNNING.previous]


@pytest.fixture
def sparse(tmp_path: Path, fixed: FixedMail) -> Iterator[Project]:
    """A project whose events a test puts there itself: three an hour."""
    for hour in (*CLOSED, RUNNING):
        fixed.add(DOMAIN, INCOMING, [mail(hour.start + n, f"Q{hour.start + n}") for n in range(3)])
    with project(tmp_path, source=fixed, settings=ONE_FEED, now=lambda: NOW) as made:
        yield made


def lists_type(name: str) -> object:
    return lambda request: request.kind == "list" and request.params.get("type") == name


def asset_events(here: Project, result: dg.ExecuteInProcessResult) -> list[str]:
    return [
        entry.message
        for entry in here.instance.all_logs(result.run_id)
        if entry.is_dagster_event and "ASSET" in entry.get_dagster_event().event_type_value
    ]


# --- follow


def test_a_feed_that_begins_later_is_not_followed_before(here: Project) -> None:
    later = feed_of(DOMAIN, INCOMING)
    write_cursor(here.store.layout.cursor(later), Cursor(first=RUNNING.end), here.settings.timezone)
    assert here.run("follow").success
    assert here.store.manifest(later, RUNNING) is None
    assert here.store.manifest(feed_of(DOMAIN, SIGN_INS), RUNNING)


def test_a_follow_run_collects_the_hour_now_running_and_neither_closes_nor_materializes_it(here: Project) -> None:
    result = here.run("follow")

    assert result.success
    for feed in ALL_FEEDS:
        so_far = here.api.truth(DOMAIN, feed, RUNNING.start, int(NOW) + 1)
        assert so_far
        assert same_events(here.logged(feed, RUNNING), so_far)
        cursor = here.store.cursor(feed_of(DOMAIN, feed))
        assert list(cursor.open) == [RUNNING.start]
        assert not cursor.closed
    assert asset_events(here, result) == []
    assert here.materialized(INCOMING) == set()


def test_the_rows_of_a_follow_run_are_a_handful_whatever_the_number_of_feeds(here: Project, tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    with project(tmp_path / "one", settings=ONE_FEED, now=lambda: NOW) as one:
        of_one = len(one.instance.all_logs(one.run("follow").run_id))

    assert len(here.instance.all_logs(here.run("follow").run_id)) == of_one < 20


def test_a_feed_that_fails_is_told_and_the_others_are_followed(here: Project) -> None:
    here.api.fail_next(lists_type("outgoinglog"), Answer(status=404), times=None)

    result = here.run("follow")

    assert result.success
    [told] = [line for line in here.said(result) if "answered 404" in line]
    assert told.startswith(f"{DOMAIN} mail/outgoinglog {RUNNING}: ")
    assert any("1 feeds failed" in line for line in here.said(result))
    for feed in set(ALL_FEEDS) - {"mail/outgoinglog"}:
        assert here.store.cursor(feed_of(DOMAIN, feed)).open


def test_a_round_of_which_nothing_could_be_collected_is_a_failed_run(here: Project) -> None:
    here.api.fail_next("/", Answer(status=401), times=None)

    result = here.run("follow")

    assert not result.success
    [failure] = result.get_step_failure_events()
    assert "None of 5 feeds could be collected" in str(failure.step_failure_data.error)
    assert not any(KEY in line for line in here.said(result))


def test_a_hundred_failures_are_not_a_hundred_rows(here: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hour_outcomes, "FAILURES_NAMED", 2)
    here.api.fail_next("/", Answer(status=401), times=None)

    said = here.said(here.run("follow"))

    assert len([line for line in said if "answered 401" in line]) == 2
    assert any("5 feeds failed" in line for line in said)


def test_feeds_that_are_left_out_are_left_alone(here: Project) -> None:
    config = {"ops": {"follow_feeds": {"config": {"leave_out": [f"{DOMAIN} {feed}" for feed in ALL_FEEDS[1:]]}}}}

    assert here.run("follow", run_config=config).success

    assert {call.params.get("type") for call in here.api.calls if call.kind == "list"} == {"incominglog"}


# --- the pace of accounts


def test_an_account_at_which_more_arrives_than_it_may_ask_for_is_warned_of_with_both_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SharedBudget, "acquire", lambda *_: None)  # at the pace in question this took hours
    with project(tmp_path, settings=limited(0.01), now=lambda: NOW) as here:
        here.run("collect_hours", partition_key=CLOSED[0].key)
        said = here.said(here.run("follow"))

    events = len(here.truth(INCOMING, CLOSED[0]))
    needed = (1 + events) / 3600
    [warned] = [line for line in said if "are allowed" in line]
    assert warned.startswith(f"{DOMAIN}: what arrives needs {needed:.2f} calls a second, and 0.01 are allowed")
    assert "falls further and further behind" in warned


def limited(rate: float) -> str:
    return ONE_FEED.replace("requests_per_second: null", f"requests_per_second: {rate}")


@pytest.mark.parametrize(
    ("arriving", "allowed", "behind", "said"),
    [
        (0.5, 10.0, 0.0, None),
        (0.5, 10.0, 9.5 * 86_400, None),
        (0.5, 10.0, 9.5 * 86_400 * 2.5, "caught up in 2.5 days"),
        (10.0, 10.0, 0.0, "further and further behind"),
        (12.3, 10.0, 5.0, "needs 12.30 calls a second, and 10 are allowed"),
        (0.0, 0.5, 0.0, None),
    ],
)
def test_what_is_said_of_an_accounts_pace(arriving: float, allowed: float, behind: float, said: str | None) -> None:
    sentence = Pace(arriving, allowed, behind).sentence(DOMAIN)

    assert (sentence is None) == (said is None)
    assert said is None or said in str(sentence)


@pytest.mark.parametrize(
    ("feed", "events", "details", "calls"),
    [
        (INCOMING, 3599, True, 3600),
        (INCOMING, 3599, False, 4),
        (SIGN_INS, 3599, True, 4),
        ("quarantine/hold", 0, True, 1),
    ],
)
def test_the_calls_that_an_hour_of_a_feed_takes(feed: str, events: int, details: bool, calls: int) -> None:
    pace = pace_of(feed_of(DOMAIN, feed), events, 10, 2.0, details=details)

    assert (pace.arriving, pace.behind) == (calls / 3600, calls * 10)


def test_the_feeds_of_an_account_share_what_it_is_allowed() -> None:
    assert Pace(1.0, 5.0, 10.0) + Pace(2.0, 5.0, 30.0) == Pace(3.0, 5.0, 40.0)
    assert (Pace(1.0, 5.0, 10.0) + Pace(2.0, 5.0, 30.0)).seconds_to_catch_up == 20.0


# --- reconcile


def test_reconcile_asks_for_listings_alone_and_records_nothing_where_nothing_changed(sparse: Project) -> None:
    assert sparse.run("collect_hours", tags=tags_of(CLOSED)).success
    sparse.api.calls.clear()

    result = sparse.run("reconcile")

    assert result.success
    assert (listings(sparse.api.calls, *CLOSED), sparse.api.calls.count("detail")) == (3, 0)
    assert asset_events(sparse, result) == []


def test_reconcile_materializes_the_hour_that_an_event_came_late_to(sparse: Project, fixed: FixedMail) -> None:
    sparse.run("collect_hours", tags=tags_of(CLOSED))
    sparse.run("follow")
    fixed.add(DOMAIN, INCOMING, [mail(CLOSED[1].start + 77, "late")])
    fixed.add(DOMAIN, INCOMING, [mail(RUNNING.start + 77, "in-time")])

    result = sparse.run("reconcile")

    recorded = [event for event in result.all_events if event.is_step_materialization]
    assert [event.partition for event in recorded] == [CLOSED[1].key]
    metadata = recorded[0].step_materialization_data.materialization.metadata
    assert (metadata["dagster/partition_row_count"].value, metadata["events_added"].value) == (4, 1)
    assert len(sparse.logged(INCOMING, CLOSED[1])) == 4
    assert len(sparse.logged(INCOMING, RUNNING)) == 3, "an hour that is not closed is none of its business"


def test_reconcile_goes_on_past_a_feed_that_fails(here: Project) -> None:
    here.materialize([INCOMING, SIGN_INS], CLOSED[-1])
    here.api.fail_next(lists_type("incominglog"), Answer(status=404), times=None)

    result = here.run("reconcile")

    assert result.success
    assert [line for line in here.said(result) if line.startswith(f"{DOMAIN} {INCOMING} {CLOSED[-1]}: ")]
    answered = [call for call in here.api.calls if call.status == 200]
    assert listings(answered, CLOSED[-1]) == 3, "the two of the assets, and the one that did not fail"


def tags_of(hours: list[Hour]) -> dict[str, str]:
    return {
        "dagster/asset_partition_range_start": hours[0].key,
        "dagster/asset_partition_range_end": hours[-1].key,
    }
