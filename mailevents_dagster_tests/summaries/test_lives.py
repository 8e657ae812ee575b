"""Lives of mails by days: each where it ended or was seen last, with what the days before and other servers know."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mailevents_dagster.model.day import Day
from mailevents_dagster.store.store import Store
from mailevents_dagster.summaries.lives import LivesOfDay, Reading, lives_of_day, numbers
from mailevents_dagster_tests.summaries.days import DAY
from mailevents_dagster_tests.summaries.servers import Said, keep_log, log_of

ID = "3FA2B1C0"
THERE = "5D00000A"
MIDNIGHT = DAY.start
A_DAY = 86_400
MX1 = "mx1"


def arrival(at: int, queue_id: str = ID, server: str = MX1, message_id: str = "m@example.org") -> list[Said]:
    return [
        (server, at, f"postfix/smtpd[1]: {queue_id}: client=mail.example.org[192.0.2.205]"),
        (server, at, f"postfix/cleanup[2]: {queue_id}: message-id=<{message_id}>"),
        (server, at, f"postfix/qmgr[3]: {queue_id}: from=<s@example.org>, size=345, nrcpt=1 (queue active)"),
    ]


def attempt(
    at: int, status: str, answer: str, queue_id: str = ID, server: str = MX1, to: str = "r@example.com"
) -> list[Said]:
    words = f"to=<{to}>, relay=mx.example.com[192.0.2.1]:25, delay=1, dsn=2.0.0, status={status} ({answer})"
    return [(server, at, f"postfix/smtp[4]: {queue_id}: {words}")]


def removal(at: int, queue_id: str = ID, server: str = MX1) -> list[Said]:
    return [(server, at, f"postfix/qmgr[3]: {queue_id}: removed")]


def made(store: Store, day: Day = DAY, *servers: str) -> LivesOfDay:
    return lives_of_day(Reading(store, [log_of(server) for server in servers or (MX1,)], pytest.fail), day)


def rows(store: Store, day: Day = DAY, *servers: str) -> list[dict[str, Any]]:
    return list(made(store, day, *servers).lives.to_pylist())


def days(*by: int) -> list[Day]:
    return [Day.from_key(f"2026-11-{20 + one}", "UTC") for one in by]


def test_a_mail_that_was_tried_for_days_is_in_each_day_it_was_seen_on_and_whole_in_the_last(store: Store) -> None:
    came, ended = MIDNIGHT - 3 * A_DAY, MIDNIGHT + 60
    keep_log(
        store,
        *arrival(came),
        *attempt(came + 1, "deferred", "450 later"),
        *attempt(came + A_DAY, "deferred", "450 later"),
        *attempt(ended, "sent", "250 Ok"),
        *removal(ended),
    )

    found = {
        day.key: [(row["outcome"], row["attempts"]) for row in rows(store, day)] for day in days(-4, -3, -2, -1, 0)
    }

    assert list(found.values()) == [[], [("deferred", 1)], [("deferred", 2)], [], [("delivered", 3)]]
    assert numbers(made(store)) == {
        "mails": 1,
        "recipients": 1,
        "delivered": 1,
        **dict.fromkeys(("bounced", "expired", "rejected", "removed", "unknown", "deferred", "queued"), 0),
        "delivery_seconds_p50": float(ended - came),
        "delivery_seconds_p95": float(ended - came),
        "hours_kept": 1,
        "hours": 24,
        "complete": False,
    }


def test_what_ended_before_midnight_is_not_in_the_day_that_removed_it(store: Store) -> None:
    before = MIDNIGHT - 1
    keep_log(store, *arrival(before), *attempt(before, "sent", "250 Ok"), *removal(MIDNIGHT))

    assert rows(store) == []
    assert [row["outcome"] for day in days(-1) for row in rows(store, day)] == ["delivered"]


@pytest.mark.parametrize(("days_ago", "arrived"), [(7, True), (8, False)])
def test_days_are_read_as_far_back_as_a_server_may_retry(store: Store, days_ago: int, arrived: bool) -> None:
    keep_log(store, *arrival(MIDNIGHT - days_ago * A_DAY + 5), *attempt(MIDNIGHT, "bounced", "550 no"))

    [row] = rows(store)

    assert ((row["arrived"] is not None), row["outcome"]) == (arrived, "bounced")


def test_a_queue_id_that_comes_again_is_another_mail(store: Store) -> None:
    other = MIDNIGHT - 2 * A_DAY
    keep_log(
        store,
        *arrival(other, message_id="other@example.org"),
        *attempt(other, "deferred", "450 later", to="other@example.com"),
        *arrival(MIDNIGHT + 9),
        *attempt(MIDNIGHT + 9, "sent", "250 Ok"),
    )

    assert [(row["recipient"], row["message_id"]) for row in rows(store)] == [("r@example.com", "m@example.org")]


@pytest.mark.slow
def test_a_mail_that_another_server_delivered_days_later_has_its_end_on_both(store: Store) -> None:
    came, ended = MIDNIGHT - 2 * A_DAY, MIDNIGHT + 60
    there = (THERE, "mx2")
    keep_log(
        store,
        *arrival(came),
        *attempt(came + 1, "sent", f"250 2.0.0 Ok: queued as {THERE}"),
        *removal(came + 1),
        *arrival(came + 1, *there),
        *attempt(came + 2, "deferred", "450 later", *there),
        *attempt(ended, "bounced", "550 5.1.1 no", *there),
        *removal(ended, *there),
    )

    here, at_the_next = rows(store, DAY, "mx1", "mx2")

    assert (here["server"], here["outcome"], here["handed_to"]) == (
        "mx1",
        "bounced",
        {"server": "mx2", "queue_id": THERE},
    )
    assert (at_the_next["server"], at_the_next["outcome"], at_the_next["attempts"]) == ("mx2", "bounced", 2)
    counted = numbers(made(store, DAY, "mx1", "mx2"))
    assert (counted["mails"], counted["recipients"], counted["bounced"]) == (1, 1, 1), "once, where it came in"
    [before] = days(-2)
    assert [row["outcome"] for row in rows(store, before, "mx1", "mx2")] == ["deferred", "deferred"]


def test_hours_that_are_not_there_are_left_out_and_damaged_ones_are_named(store: Store) -> None:
    keep_log(store, *arrival(MIDNIGHT), *attempt(MIDNIGHT + 3600, "deferred", "450 later"))
    first, second, *_ = DAY.hours
    snapshot = Path(str(store.layout.snapshot(log_of(MX1), second)))
    snapshot.write_bytes(snapshot.read_bytes()[:40])
    said: set[str] = set()

    made = lives_of_day(Reading(store, [log_of(MX1), log_of("mx2")], said.add), DAY)

    [told] = said
    assert second.key in told
    assert first.key not in told
    assert (made.hours_kept, made.hours, made.lives["outcome"].to_pylist()) == (1, 48, ["queued"])


def test_a_day_of_nothing_and_a_day_of_rubbish_have_no_lives(store: Store) -> None:
    assert numbers(made(store))["mails"] == 0
    keep_log(store, (MX1, MIDNIGHT, "\x00 rubbish"), ("exim1", MIDNIGHT, "ü: rubbish"))
    assert rows(store, DAY, MX1, "exim1") == []
    assert "delivery_seconds_p50" not in numbers(made(store))


def test_half_of_the_deliveries_took_no_longer_than_the_median(store: Store) -> None:
    said: list[Said] = []
    for number, seconds in enumerate((1, 2, 3, 90)):
        queue_id, came = f"4FA2B1C{number}", MIDNIGHT + number
        said += arrival(came, queue_id, message_id=f"{number}@example.org")
        said += attempt(came + seconds, "sent", "250 Ok", queue_id)
    keep_log(store, *said)

    found = numbers(made(store))

    assert (found["delivery_seconds_p50"], found["delivery_seconds_p95"]) == (2.0, 90.0)


@pytest.mark.slow
@pytest.mark.parametrize("mails_at_once", [1, 2, 7])
def test_lives_are_the_same_however_many_mails_are_read_at_a_time(store: Store, mails_at_once: int) -> None:
    said: list[Said] = []
    for number in range(9):
        came, first, other = MIDNIGHT - 3600 * number, f"3FA2B1C{number}", f"5D00000{number}"
        message_id = f"{number % 4}@example.org"
        said += arrival(came, first, message_id=message_id)
        said += attempt(came, "sent", f"250 2.0.0 Ok: queued as {other}", first)
        said += arrival(came + 1, other, "mx2", message_id)
        said += attempt(MIDNIGHT + number, "bounced", "550 no", other, "mx2")
    keep_log(store, *said)
    reading = Reading(store, [log_of("mx1"), log_of("mx2")], pytest.fail)

    whole, parts = lives_of_day(reading, DAY), lives_of_day(reading, DAY, mails_at_once)

    assert [row["outcome"] for row in whole.lives.to_pylist()] == ["bounced"] * 18
    assert parts.lives.to_pylist() == whole.lives.to_pylist()
