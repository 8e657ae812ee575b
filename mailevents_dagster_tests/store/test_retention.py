"""Which hours have expired, by which rule, and what a legal hold keeps."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import SECONDS, Hour
from mailevents_dagster.sources.uzmanposta.feeds import FEED_KINDS, feed_of
from mailevents_dagster.store.retention import SECONDS_A_DAY, Expired, Hold, Retention, Rule
from mailevents_dagster_tests.conftest import AUTHENTICATION, INCOMING, NOON, START

NINETY = Retention({"mail": 90})
RULE = Rule("mail", 90)
EXPIRES = NOON.end + 90 * SECONDS_A_DAY
"""The last second at which noon is not older than ninety days."""


def expired(retention: Retention, now: float, *hours: Hour, feed: Feed = INCOMING) -> list[Expired]:
    return list(retention.expired(feed, hours or [NOON], now))


@pytest.mark.parametrize(
    ("now", "gone"),
    [
        (NOON.start, False),
        (NOON.start + 90 * SECONDS_A_DAY + 1, False),
        (EXPIRES - 1, False),
        (EXPIRES, False),
        (EXPIRES + 0.5, True),
        (EXPIRES + 10 * 366 * SECONDS_A_DAY, True),
    ],
)
def test_an_hour_expires_once_its_end_is_older_than_the_days(now: float, gone: bool) -> None:
    assert expired(NINETY, now) == ([Expired(NOON, RULE, None)] if gone else [])


def test_each_category_has_days_of_its_own_and_one_without_is_kept_for_ever() -> None:
    retention = Retention({"mail": 1, "quarantine": 2})
    gone = [
        name for name in FEED_KINDS if expired(retention, NOON.end + 1.5 * SECONDS_A_DAY, feed=feed_of("a.b", name))
    ]
    assert gone == ["mail/incominglog", "mail/outgoinglog"]
    assert expired(retention, EXPIRES * 2, feed=AUTHENTICATION) == []
    assert expired(Retention(), EXPIRES * 2) == []


@pytest.mark.parametrize("zone", ["UTC", "Europe/Istanbul", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"])
def test_days_are_of_24_hours_whatever_the_clocks_do_in_between(zone: str) -> None:
    hour = Hour.containing(datetime(2026, 10, 1, 12, tzinfo=ZoneInfo(zone)).timestamp(), zone)
    later = hour.end + 90 * SECONDS_A_DAY  # in December: some of these clocks have moved
    assert not expired(NINETY, later, hour)
    assert expired(NINETY, later + 1, hour)


def test_both_of_two_hours_that_the_clock_shows_alike_expire_each_at_its_time() -> None:
    first = Hour(int(datetime(2026, 11, 1, 5, tzinfo=UTC).timestamp()), "America/New_York")
    second = first.next
    assert (first.stamp("%H"), second.stamp("%H")) == ("01", "01-0500")
    between = first.end + 90 * SECONDS_A_DAY + 1
    assert [one.hour for one in expired(NINETY, between, first, second)] == [first]
    assert [one.hour for one in expired(NINETY, between + SECONDS, first, second)] == [first, second]


@pytest.mark.parametrize(
    ("feeds", "first", "until", "held"),
    [
        ("example.com *", None, None, True),
        ("*", None, None, True),
        ("EXAMPLE.com mail/*", None, None, True),
        ("example.com mail/outgoinglog", None, None, False),
        ("example.org *", None, None, False),
        ("example.com *", START, None, True),
        ("example.com *", START + SECONDS, None, False),
        ("example.com *", START + SECONDS - 1, None, True),
        ("example.com *", None, START, False),
        ("example.com *", None, START + 1, True),
        ("example.com *", START - 5 * SECONDS, START + 5 * SECONDS, True),
        ("example.com *", START - 5 * SECONDS, START, False),
    ],
)
def test_a_hold_keeps_the_hours_of_its_feeds_that_it_touches(
    feeds: str, first: int | None, until: int | None, held: bool
) -> None:
    hold = Hold(feeds, first, until, "case")
    [one] = expired(Retention({"mail": 90}, (hold,)), EXPIRES + 1)
    assert one == Expired(NOON, RULE, hold if held else None)


def test_of_several_holds_the_first_that_keeps_an_hour_is_named() -> None:
    holds = (Hold("b.com *", None, None, "other"), Hold("* mail/*", None, None, "one"), Hold("*", None, None, "two"))
    [one] = expired(Retention({"mail": 90}, holds), EXPIRES + 1)
    assert one.hold == holds[1]


def test_a_hold_may_name_a_domain_as_people_write_it() -> None:
    feed = feed_of("xn--bcher-kva.example", "authentication")
    for pattern in ("bücher.example *", "xn--bcher-kva.example auth*"):
        assert Hold(pattern, None, None, "").keeps(feed, NOON)
    assert Retention({}, (Hold("büher.example *", None, None, ""),)).meaningless_holds([feed])


def test_rules_are_said_as_the_settings_have_them() -> None:
    assert str(RULE) == "mail_days: 90"
