"""Mails and entries that change after they were first listed: one record each, in its latest state."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from mailevents_dagster.model.columns import Marks
from mailevents_dagster.model.event import Detail
from mailevents_dagster.sources.uzmanposta import collect as collect_module
from mailevents_dagster.sources.uzmanposta.api import UzmanPostaApi
from mailevents_dagster.sources.uzmanposta.feeds import feed_of
from mailevents_dagster.sources.uzmanposta.simulator import Answer, Behaviour, FixedMail, Simulator
from mailevents_dagster.store.hour.merge import later_states
from mailevents_dagster.store.store import Store
from mailevents_dagster_tests.conftest import DOMAIN, INCOMING, NOON, START, MakeApi, mail
from mailevents_dagster_tests.sources.uzmanposta.fixed_hours import Clock, Collector

HOLD = feed_of(DOMAIN, "quarantine/hold")
LOOKED_AT_AGAIN = 1e9
"""Seconds, so that every hour is."""


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collect_module, "time", Clock())
    monkeypatch.setattr(UzmanPostaApi, "_compare_clocks", lambda *_: None)  # its answers carry the real time


@pytest.fixture
def here(store: Store, make_api: MakeApi) -> Iterator[Collector]:
    fixed = FixedMail()
    with Simulator(source=fixed, now=lambda: START + 3 * 3600) as simulator:
        yield Collector(store, simulator, fixed, make_api(simulator.base_url, max_attempts=1))


def deferred(time: int, **fields: object) -> dict[str, Any]:
    return mail(time, "Q1", subject="hello", tag="deferred", **fields)


# --- listed at another time since


def test_a_mail_whose_time_moved_is_one_mail_in_its_later_state(here: Collector) -> None:
    sent = {**mail(START + 900, "Q1"), "subject": "hello", "tag": "sent"}
    here.add(deferred(START + 60), mail(START + 300, "Q2"))
    here.collect()
    here.replace(deferred(START + 60), sent)
    commit = here.collect()
    assert (commit.added, commit.changed, commit.unseen) == (0, 1, 0)
    assert here.log() == here.truth()
    assert [event["queue_id"] for event in here.log()] == ["Q2", "Q1"], "in the order of the times they have now"
    assert (here.collect().changed, here.asked()) == (0, [])


def test_a_mail_that_moves_again_and_again_stays_one(here: Collector) -> None:
    row = deferred(START)
    here.add(row)
    here.collect()
    for minute in range(1, 5):
        later = deferred(START + 60 * minute)
        here.replace(row, later)
        row = later
        assert here.collect().manifest.events == 1
    assert here.log() == here.truth()


def test_a_mail_whose_time_moved_and_whose_new_detail_fails_keeps_what_there_was_until_it_is_there(
    here: Collector,
) -> None:
    here.add(deferred(START + 60))
    here.collect()
    here.replace(deferred(START + 60), deferred(START + 900, size=7))
    here.simulator.fail_next("/logs/mail/", Answer(500))
    assert here.collect().manifest.details_owed == 1
    assert [event["recipients"][0]["time"] for event in here.log()] == [START + 60]
    assert here.collect().manifest.complete
    assert here.log() == here.truth()


def test_a_mail_of_another_sender_with_the_same_queue_id_is_another_mail(here: Collector) -> None:
    first, second = mail(START, "Q1", mailfrom="a@example.com"), mail(START + 900, "Q1", mailfrom="b@example.com")
    here.add(first)
    here.collect()
    here.replace(first, second)
    assert (here.collect().added, len(here.log())) == (1, 2)


def test_an_entry_that_is_released_is_one_entry_in_its_later_state(here: Collector) -> None:
    kept = {"queue_id": "Q1", "mailto": "a@example.com", "time": START + 5, "reason": "spam"}
    other = {**kept, "mailto": "b@example.com"}
    here.add(kept, other, feed=HOLD)
    here.collect(HOLD)
    here.fixed.remove(HOLD.domain, HOLD.name, [kept])
    here.add({**kept, "released": True}, feed=HOLD)
    assert here.collect(HOLD).changed == 1
    assert sorted(here.log(HOLD), key=lambda one: one["mailto"]) == [{**kept, "released": True}, other]


def test_later_states_are_told_by_the_id_and_by_nothing_that_contradicts() -> None:
    known = [Marks("1", {"subject": "a"}), None, Marks("1", {"subject": "b"}), Marks("2", {})]
    found = [Marks("1", {"subject": "b"}), Marks("1", {"size": 1}), Marks("1", {}), Marks("2", {"x": 1}), None]
    assert later_states(known, found) == [2, 0, -1, 3, -1]


# --- several rows of one mail, and what only a row says


def test_three_rows_of_one_mail_take_one_detail(here: Collector) -> None:
    rows = [mail(START, "Q1", part=number) for number in range(3)]
    here.add(*rows)
    assert here.collect().manifest.events == 3
    assert here.asked() == ["Q1"]
    assert sorted(event["part"] for event in here.log()) == [2, 2, 2], "as the detail says"
    assert (here.collect().changed, here.asked()) == (0, [])


def test_what_only_the_row_says_is_kept_beside_the_detail(here: Collector) -> None:
    here.add(mail(START, "Q1", score=7, subject="of the row"))
    here.simulator.fail_next("/logs/mail/", Answer(200, body=b'{"queue_id":"Q1","subject":"of the detail","logs":[]}'))
    here.collect()
    (event,) = here.log()
    assert (event["subject"], event["score"], event["logs"]) == ("of the detail", 7, [])
    assert event["recipients"], "which the detail lacks too"


# --- details that are not there


def test_a_detail_that_is_not_there_yet_is_asked_for_again_while_the_hour_is_looked_at_again(here: Collector) -> None:
    here.add(mail(START, "Q1"))
    here.simulator.fail_next("/logs/mail/", Answer(404))
    first = here.collect(lookback_seconds=LOOKED_AT_AGAIN).manifest
    assert (first.details_purged, here.details()) == (1, {"Q1": Detail.PURGED})
    second = here.collect(lookback_seconds=LOOKED_AT_AGAIN).manifest
    assert (second.details_purged, here.log()) == (0, here.truth())


def test_a_detail_that_stays_away_is_settled_once_the_hour_is_looked_at_no_more(here: Collector) -> None:
    here.add(mail(START, "Q1"))
    here.simulator.fail_next("/logs/mail/", Answer(404), times=2)
    for lookback, asked in ((LOOKED_AT_AGAIN, ["Q1"]), (LOOKED_AT_AGAIN, ["Q1"]), (0, [])):
        manifest = here.collect(lookback_seconds=lookback).manifest
        assert (manifest.complete, manifest.details_purged, here.asked()) == (True, 1, asked)


@pytest.mark.parametrize(
    ("answer", "owed", "detail"),
    [(Answer(404), 0, Detail.PURGED), (Answer(500), 1, Detail.MISSING)],
    ids=["the API no longer has it", "it fails again"],
)
def test_a_mail_that_vanished_while_its_detail_was_owed_is_asked_for_once_more(
    answer: Answer, owed: int, detail: Detail, here: Collector
) -> None:
    here.add(mail(START, "Q1"), mail(START + 9, "Q2"))
    here.simulator.fail_next("/logs/mail/Q1", Answer(500))
    assert here.collect().manifest.details_owed == 1
    here.remove(mail(START, "Q1"))
    here.simulator.fail_next("/logs/mail/Q1", answer)
    manifest = here.collect().manifest
    assert here.asked() == ["Q1"]
    assert (manifest.details_owed, here.details()["Q1"]) == (owed, detail)


def test_a_mail_that_vanished_and_whose_detail_is_still_there_is_whole(here: Collector) -> None:
    row = mail(START, "Q1")
    here.add(row, mail(START + 9, "Q2"))
    here.simulator.fail_next("/logs/mail/Q1", Answer(500))
    here.collect()
    here.remove(row)
    body = b'{"queue_id":"Q1","recipients":[{"time":%d}],"logs":["sent"]}' % START
    here.simulator.fail_next("/logs/mail/Q1", Answer(200, body=body))
    assert here.collect().manifest.complete
    assert here.log()[0]["logs"] == ["sent"]
    assert (here.collect().manifest.complete, here.asked()) == (True, [])


def test_a_mail_that_was_owed_and_is_listed_at_another_time_since_is_asked_for_as_it_is_now(here: Collector) -> None:
    here.add(deferred(START + 60))
    here.simulator.fail_next("/logs/mail/", Answer(500))
    here.collect()
    here.replace(deferred(START + 60), deferred(START + 900))
    manifest = here.collect().manifest
    assert (manifest.events, manifest.complete, here.asked()) == (1, True, ["Q1"])
    assert here.log() == here.truth()


# --- answers cut below the limit


def test_an_hour_of_more_rows_than_the_api_shows_is_whole_and_says_how_many_that_are(here: Collector) -> None:
    here.simulator.behaviour = Behaviour(page_limit=50)
    here.add(*(mail(START + second) for second in range(0, 3600, 20)))
    assert here.collect(details=False).manifest.events == 180
    assert here.found
    assert [note for note in here.found.notes if "at most 50 rows" in note]
    calls = here.simulator.calls.count("list")
    assert here.collect(details=False).manifest.events == 180
    assert here.found.notes == ()
    assert here.simulator.calls.count("list") < calls
    assert here.collect(INCOMING, NOON.next, details=False).manifest.complete
