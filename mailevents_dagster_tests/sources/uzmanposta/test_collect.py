"""An hour from the simulated API into the store: everything, once, in order, and never asked for twice."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from mailevents_dagster.model.feed import Feed
from mailevents_dagster.sources.uzmanposta import collect as collect_module
from mailevents_dagster.sources.uzmanposta.api import UzmanPostaApi
from mailevents_dagster.sources.uzmanposta.collect import OutOfRetentionError, Progress
from mailevents_dagster.sources.uzmanposta.errors import Cause
from mailevents_dagster.sources.uzmanposta.feeds import FEED_KINDS, feed_of
from mailevents_dagster.sources.uzmanposta.simulator import Answer, Behaviour, FixedMail, Simulator
from mailevents_dagster.store.store import Store
from mailevents_dagster_tests.conftest import AUTHENTICATION, DOMAIN, INCOMING, NOON, START, MakeApi, mail
from mailevents_dagster_tests.sources.uzmanposta.fixed_hours import Clock, Collector, kept_below

NOW = START + 3 * 3600
DAY = 86_400
HOLD = feed_of(DOMAIN, "quarantine/hold")


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(collect_module, "time", clock)
    monkeypatch.setattr(UzmanPostaApi, "_compare_clocks", lambda *_: None)  # its answers carry the real time
    return clock


@pytest.fixture
def here(store: Store, simulator: Simulator, fixed: FixedMail, make_api: MakeApi, waits: list[float]) -> Collector:
    return Collector(store, simulator, fixed, make_api(simulator.base_url, max_attempts=2, max_parallel_details=4))


def same(one: list[Any], other: list[Any]) -> bool:
    """The same events in an order that only leaves open which of one second comes first."""

    def time(record: Any) -> int:
        return int(record["recipients"][0]["time"] if record.get("recipients") else record["time"])

    by_content = Counter(json.dumps(record) for record in one) == Counter(json.dumps(record) for record in other)
    return by_content and [time(record) for record in one] == [time(record) for record in other]


# --- everything, once


@pytest.mark.slow
@pytest.mark.parametrize("bounds", ["[s,e]", "[s,e)", "(s,e]", "(s,e)"])
@pytest.mark.parametrize("name", FEED_KINDS)
def test_three_hours_hold_the_truth_of_every_feed(name: str, bounds: str, store: Store, make_api: MakeApi) -> None:
    feed = feed_of(DOMAIN, name)
    behaviour = Behaviour(seed=5, events_per_hour=60, bounds=bounds, page_limit=25, shuffle_ties=True)  # type: ignore[arg-type]
    with Simulator(behaviour, domains=[DOMAIN], now=lambda: NOW + 3600) as simulator:
        here = Collector(store, simulator, FixedMail(), make_api(simulator.base_url, page_limit=25))
        for hour in (NOON, NOON.next, NOON.previous):
            manifest = here.collect(feed, hour).manifest
            assert manifest.complete
            assert here.truth(feed, hour)
            assert same(here.log(feed, hour), here.truth(feed, hour))
            here.collect(feed, hour)
            assert simulator.calls.count("detail") == 0
            assert same(here.log(feed, hour), here.truth(feed, hour))


def test_an_hour_without_mail_is_collected_too(here: Collector) -> None:
    commit = here.collect()
    assert (commit.manifest.events, commit.manifest.complete) == (0, True)
    assert here.log() == []


def test_events_on_the_edges_of_an_hour_belong_to_one_hour_each(here: Collector) -> None:
    here.add(*(mail(time) for time in (START - 1, START, NOON.end - 1, NOON.end)))
    for hour in (NOON.previous, NOON, NOON.next):
        here.collect(INCOMING, hour)
    logged = [[event["time"] for event in here.log(INCOMING, hour)] for hour in (NOON.previous, NOON, NOON.next)]
    assert logged == [[START - 1], [START, NOON.end - 1], [NOON.end]]


def test_equal_mails_are_two_events_for_one_detail_call(here: Collector) -> None:
    here.add(mail(START, "Q1"), mail(START, "Q1"))
    for calls in (["Q1"], []):
        assert here.collect().manifest.events == 2
        assert here.asked() == calls
        assert [event["queue_id"] for event in here.log()] == ["Q1", "Q1"]
        assert all("logs" in event for event in here.log())


def test_equal_sign_ins_are_as_many_events_as_they_were_each_time(here: Collector) -> None:
    sign_in = {"email": "a@example.com", "status": "failed", "time": START + 5}
    here.add(sign_in, sign_in, feed=AUTHENTICATION)
    here.collect(AUTHENTICATION)
    here.add(sign_in, feed=AUTHENTICATION)
    assert here.collect(AUTHENTICATION).added == 1
    assert here.collect(AUTHENTICATION).added == 0
    assert here.log(AUTHENTICATION) == [sign_in] * 3


def test_a_queue_id_used_again_in_the_hour_is_another_mail(here: Collector) -> None:
    here.add(mail(START, "Q1", subject="one"), mail(START + 1800, "Q1", subject="two"))
    here.collect()
    assert [event["subject"] for event in here.log()] == ["one", "two"]
    assert here.asked() == ["Q1", "Q1"]
    assert (here.collect().added, here.asked()) == (0, [])


def test_a_mail_does_not_take_the_place_of_another_that_had_its_queue_id_before(here: Collector) -> None:
    one, two = mail(START, "Q1", subject="one"), mail(START + 1800, "Q1", subject="two")
    here.add(one)
    here.collect()
    here.replace(one, two)
    commit = here.collect()
    assert (commit.added, commit.changed, commit.unseen) == (1, 0, 1)
    assert [event["subject"] for event in here.log()] == ["one", "two"]


@pytest.mark.parametrize("missing", ["queue_id", "recipients"])
@pytest.mark.parametrize("value", [None, "", [], "absent"])
def test_a_mail_without_queue_id_or_recipients_has_no_detail(missing: str, value: object, here: Collector) -> None:
    row = mail(START + 7, "Q1")
    row[missing] = value
    if value == "absent":
        del row[missing]
    here.add(row)
    assert here.collect().manifest.complete
    assert here.asked() == []
    assert here.log() == [row]


@pytest.mark.parametrize("queue_id", [17, "a/b?c", "Q ", "ışık", True])
def test_an_odd_queue_id_does_not_stop_the_hour(queue_id: object, here: Collector) -> None:
    here.add({**mail(START), "queue_id": queue_id}, mail(START + 1, "Q1"))
    here.collect()
    assert here.log() == here.truth()


@pytest.mark.parametrize("queue_id", ["\ud800", {"a": 1}, [1], 1.5])
def test_a_queue_id_that_can_be_no_address_leaves_its_row_and_stops_nothing(queue_id: object, here: Collector) -> None:
    here.add({**mail(START), "queue_id": queue_id}, mail(START + 1, "Q1"))
    here.collect()
    assert [event["queue_id"] for event in here.log()] == [queue_id, "Q1"]


# --- what is known is not asked for


def test_a_second_collection_makes_no_detail_call_and_changes_no_file(here: Collector, tmp_path: Path) -> None:
    here.add(*(mail(START + second) for second in range(0, 3600, 200)))
    here.collect()
    assert len(here.asked()) == 18
    data = {name: body for name, body in kept_below(tmp_path).items() if "manifests" not in name}
    commit = here.collect()
    assert here.asked() == []
    assert (commit.added, commit.changed, commit.unseen) == (0, 0, 0)
    assert here.found
    assert here.found.measures["details_reused"] == 18
    assert {name: body for name, body in kept_below(tmp_path).items() if "manifests" not in name} == data


def test_only_a_changed_row_has_its_detail_fetched_again(here: Collector) -> None:
    deferred, other = mail(START, "Q1", tag="deferred"), mail(START + 9, "Q2")
    here.add(deferred, other)
    here.collect()
    here.replace(deferred, {**deferred, "tag": "delivered"})
    commit = here.collect()
    assert here.asked() == ["Q1"]
    assert (commit.added, commit.changed) == (0, 1)
    assert here.log() == here.truth()
    assert [event["tag"] for event in here.log() if "tag" in event] == ["delivered"]


def test_a_row_that_vanished_stays(here: Collector) -> None:
    here.add(mail(START, "Q1"), mail(START + 9, "Q2"))
    here.collect()
    before = here.log()
    here.remove(mail(START, "Q1"))
    commit = here.collect()
    assert (commit.unseen, here.log()) == (1, before)


def test_an_hour_that_comes_back_empty_keeps_all_it_had(here: Collector) -> None:
    rows = [mail(START + second) for second in range(50)]
    here.add(*rows)
    here.collect()
    here.remove(*rows)
    assert here.collect().manifest.events == 50
    assert len(here.log()) == 50


def test_a_late_row_is_put_where_it_belongs(here: Collector) -> None:
    here.add(mail(START, "Q1"), mail(START + 9, "Q3"))
    here.collect()
    here.add(mail(START + 5, "Q2"))
    assert here.collect().added == 1
    assert here.asked() == ["Q2"]
    assert [event["queue_id"] for event in here.log()] == ["Q1", "Q2", "Q3"]


def test_rows_that_become_visible_after_the_first_listing_are_found_by_the_next(
    fixed: FixedMail, store: Store, make_api: MakeApi, clock: Clock
) -> None:
    fixed.add(DOMAIN, INCOMING.name, [mail(START + second) for second in range(0, 3600, 100)])
    clock.now = NOON.end + 1.0
    with Simulator(Behaviour(visible_after_seconds=900), source=fixed, now=lambda: clock.now) as simulator:
        here = Collector(store, simulator, fixed, make_api(simulator.base_url))
        first = here.collect()
        assert (first.manifest.events, first.manifest.closed) == (28, False)
        clock.now = NOON.end + 901.0
        second = here.collect()
    assert (second.added, second.manifest.events, second.manifest.closed) == (8, 36, True)
    assert len(here.asked()) == 8


# --- how far back the API answers


@pytest.mark.parametrize("feed", [HOLD, feed_of(DOMAIN, "quarantine/quarantine")])
def test_a_quarantine_out_of_reach_is_refused_and_no_file_is_touched(
    feed: Feed, here: Collector, clock: Clock, tmp_path: Path
) -> None:
    here.add({"queue_id": "Q1", "time": START}, feed=feed)
    here.collect(feed)
    before = kept_below(tmp_path)
    clock.now = START + 6 * DAY + 1.0
    with pytest.raises(OutOfRetentionError, match="nothing stored was changed") as raised:
        here.collect(feed)
    assert raised.value.cause is Cause.RETENTION
    assert len(here.simulator.calls) == 0
    assert kept_below(tmp_path) == before


def test_a_quarantine_is_asked_for_up_to_six_days_back(here: Collector, clock: Clock) -> None:
    here.add({"queue_id": "Q1", "time": START}, feed=HOLD)
    clock.now = START + 6.0 * DAY
    assert here.collect(HOLD).manifest.events == 1


@pytest.mark.parametrize("feed", [INCOMING, AUTHENTICATION])
def test_other_feeds_are_asked_for_however_old_the_hour(feed: Feed, here: Collector, clock: Clock) -> None:
    clock.now = START + 400.0 * DAY
    assert here.collect(feed).manifest.events == 0


# --- what is said about it


def test_an_hour_is_closed_once_it_is_listed_after_the_settling_time(here: Collector, clock: Clock) -> None:
    clock.now = NOON.end + 599.0
    assert not here.collect().manifest.closed
    clock.now = NOON.end + 600.0
    manifest = here.collect().manifest
    assert (manifest.closed, manifest.listed_at) == (True, NOON.end + 600.0)


def test_a_second_with_too_many_rows_makes_the_hour_incomplete(here: Collector, make_api: MakeApi) -> None:
    here.simulator.behaviour = Behaviour(page_limit=10)
    here.api = make_api(here.simulator.base_url, page_limit=10)
    here.add(*(mail(START + 60, f"Q{number}") for number in range(12)), mail(START + 99, "Z"))
    manifest = here.collect().manifest
    assert not manifest.complete
    assert [(gap.second, gap.seen) for gap in manifest.gaps] == [(START + 60, 10)]
    assert manifest.events == 11


def test_the_work_is_measured_and_told(here: Collector, waits: list[float]) -> None:
    here.add(*(mail(START + second) for second in range(10)))
    here.simulator.fail_next("/logs/mail/", Answer(500))
    here.simulator.fail_next("/logs/mail/", Answer(429, {"Retry-After": "30"}))
    told: list[Progress] = []
    here.collect(report=told.append)
    assert here.found
    measures = here.found.measures
    assert {name: measures[name] for name in ("list_calls", "detail_calls", "api_calls", "retries")} == {
        "list_calls": 3,
        "detail_calls": 10,
        "api_calls": 13,
        "retries": 1,
    }
    assert measures["details_reused"] == 0
    assert measures["throttle_seconds"] == pytest.approx(30, abs=0.1)
    assert told[-1] == Progress(listed=10, details_done=10, details_wanted=10, next_may_begin=True)
