"""Outcomes of lines of Postfix that say less than one would like."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailevents_dagster.settings import Settings
from mailevents_dagster_tests.sources.maillog.mail_server import NOON, bounced, delivered, stamp
from mailevents_dagster_tests.sources.outcomes.two_servers import arrival, collect, rows, write

LATER = "deferred (host mx.dest.example[192.0.2.7] said: 450 4.2.0 Greylisted (in reply to RCPT TO command))"
OTHER = "5jdFMk25cKz6mCx"


def put_off(at: int, recipient: str, queue_id: str = "4jdFMk25cKz6mCx") -> str:
    return delivered(at, recipient, queue_id, LATER).replace("dsn=5.1.1", "dsn=4.2.0")


def expired(at: int, queue_id: str = "4jdFMk25cKz6mCx") -> str:
    return f"{stamp(at)} mx1 postfix/qmgr[3]: {queue_id}: from=<s@example.com>, status=expired, returned to sender"


def active(at: int, sender: str = "s@example.com", queue_id: str = "4jdFMk25cKz6mCx") -> str:
    """Return the line with which the sender is named at each try."""
    return f"{stamp(at)} mx1 postfix/qmgr[3]: {queue_id}: from=<{sender}>, size=345, nrcpt=1 (queue active)"


def test_a_mail_that_is_tried_again_in_another_hour_is_the_same_mail(settings: Settings, tmp_path: Path) -> None:
    first = NOON.previous.previous
    write(tmp_path, "one.log", *arrival(first.start, "s@example.com"), put_off(first.start + 1, "r@dest.example"))
    write(tmp_path, "one.log", active(NOON.start), delivered(NOON.start + 1, "r@dest.example"))
    collect(settings, [first, NOON.previous, NOON])
    (put, taken) = (*rows(settings, first), *rows(settings))
    assert taken["message_id"] == put["message_id"] == "m.4jdFMk25cKz6mCx@example.com"
    assert taken["accepted_at"] == put["accepted_at"]
    assert taken["accepted_at"].timestamp() == first.start


def test_a_mail_that_had_the_same_queue_id_before_lends_it_nothing(settings: Settings, tmp_path: Path) -> None:
    write(
        tmp_path,
        "one.log",
        *arrival(NOON.previous.start, "other@example.com"),
        f"{stamp(NOON.previous.start + 1)} mx1 postfix/qmgr[3]: 4jdFMk25cKz6mCx: removed",
        active(NOON.start),
        delivered(NOON.start + 1, "r@dest.example"),
    )
    collect(settings, [NOON.previous, NOON])
    (row,) = rows(settings)
    assert (row["sender"], row["message_id"], row["accepted_at"]) == ("s@example.com", None, None)


def test_a_mail_that_was_given_up_bounced_for_each_whom_it_waited_for(settings: Settings, tmp_path: Path) -> None:
    before = NOON.previous.end - 1
    write(
        tmp_path,
        "one.log",
        *arrival(NOON.start - 7000, "s@example.com"),
        put_off(NOON.start - 6000, "taken@dest.example"),
        put_off(NOON.start - 6000, "gone@dest.example"),
        *(put_off(before, f"{name}@dest.example") for name in ("slow", "taken")),
        put_off(NOON.start + 1, "quick@dest.example"),
        delivered(NOON.start + 2, "taken@dest.example"),
        bounced(NOON.start + 2, "gone@dest.example"),
        *arrival(NOON.start + 3, "s@example.com", OTHER),
        put_off(NOON.start + 4, "of.another.mail@dest.example", OTHER),
        expired(NOON.start + 5),
        put_off(NOON.start + 6, "of.a.mail.with.the.same.id@dest.example"),
    )
    collect(settings, [NOON.previous.previous, NOON.previous, NOON])
    given_up = [row for row in rows(settings) if row["text"] == "expired, returned to sender"]
    assert {row["recipient"] for row in given_up} == {"slow@dest.example", "quick@dest.example"}
    assert {(row["outcome"], row["class"], row["message_id"]) for row in given_up} == {
        ("bounced", "soft", "m.4jdFMk25cKz6mCx@example.com")
    }
    assert len({row["event_id"] for row in rows(settings)}) == len(rows(settings))


def test_those_who_wait_are_looked_for_in_the_days_before(settings: Settings, tmp_path: Path) -> None:
    hours = [NOON]
    while len(hours) < 5:
        hours.append(hours[-1].previous)
    write(tmp_path, "one.log", *arrival(hours[-1].start, "s@example.com"), put_off(hours[-1].start, "r@dest.example"))
    write(tmp_path, "one.log", expired(NOON.start))
    collect(settings, hours[::-1])
    (row,) = rows(settings)
    assert (row["recipient"], row["outcome"]) == ("r@dest.example", "bounced")


def test_one_who_is_not_found_is_not_made_up(settings: Settings, tmp_path: Path) -> None:
    write(tmp_path, "one.log", *arrival(NOON.start, "s@example.com"), expired(NOON.start + 1))
    collect(settings)
    (row,) = rows(settings)
    assert (row["recipient"], row["outcome"]) == (None, "bounced")


@pytest.mark.parametrize(
    ("written", "is_encrypted"),
    [
        ("", None),
        ("tls=may, ", True),
        ("tls=dane/requiretls, ", True),
        ("tls=none, ", False),
        ("tls=may:none, ", False),
        ("tls=dane:encrypt, ", True),
        ("tls=encrypt!, ", None),
        ("tls=dane?, ", None),
    ],
)
def test_what_is_not_said_of_tls_is_not_known(
    settings: Settings, tmp_path: Path, written: str, is_encrypted: bool | None
) -> None:
    attempts = [one(NOON.start + 1, "r@dest.example") for one in (delivered, bounced, put_off)]
    write(tmp_path, "one.log", *arrival(NOON.start, "s@example.com"))
    write(tmp_path, "one.log", *(one.replace("dsn=", f"{written}dsn=") for one in attempts))
    collect(settings)
    found = rows(settings)
    assert [(row["tls"], row["relay_ip"]) for row in found] == [(is_encrypted, "192.0.2.7")] * 3


def test_the_last_word_comes_after_being_put_off_in_the_same_second(settings: Settings, tmp_path: Path) -> None:
    write(tmp_path, "one.log", *arrival(NOON.start, "s@example.com"))
    write(tmp_path, "one.log", *(one(NOON.start + 1, "r@dest.example") for one in (put_off, delivered)))
    collect(settings)
    assert [row["outcome"] for row in rows(settings)] == ["deferred", "delivered"]


def test_a_suspended_delivery_is_no_try(settings: Settings, tmp_path: Path) -> None:
    suspended = "deferred (delivery temporarily suspended: connect to mx.dest.example[192.0.2.7]:25: refused)"
    said_so = LATER.replace("450 4.2.0 Greylisted", "450 4.2.0 delivery temporarily suspended")
    write(
        tmp_path,
        "one.log",
        *arrival(NOON.start, "s@example.com"),
        put_off(NOON.start + 1, "r@dest.example"),
        delivered(NOON.start + 2, "r@dest.example", status=suspended).replace("smtp[7]", "error[8]"),
        delivered(NOON.start + 3, "other@dest.example", status=said_so),
    )
    collect(settings)
    assert [row["tried"] for row in rows(settings)] == [None, False, None]
