"""Queues: greylisting, throttling, and what still waits."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from mailevents_dagster.deliverability.queues.part import QUEUES
from mailevents_dagster.model.day import Day
from mailevents_dagster.model.outcome import Became, Outcome
from mailevents_dagster_tests.deliverability.told import DAY, NOON, keep, make, said, settings_in

GREYLISTED = "450 4.2.0 <r@dest.example>: Recipient address rejected: Greylisted"
THROTTLED = "421 4.7.0 Too many connections from your host"
_MADE = Day(DAY.date, "UTC")


def put_off(at: float, text: str = GREYLISTED, **others: str) -> Outcome:
    return said(at, Became.DEFERRED, code=int(text[:3]), enhanced_code=text[4:9], text=text, **others)


def test_the_wait_is_from_the_first_refusal_to_the_delivery_whatever_lies_between(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    keep(settings, put_off(NOON.start), put_off(NOON.start + 300), said(NOON.start + 900, Became.DELIVERED))
    made = make(QUEUES, settings)
    (row,) = made.rows.to_pylist()
    assert (row["receiver"], row["deferred"], row["greylisted"], row["delivered"]) == ("dest.example", 1, 1, 1)
    assert (row["wait_p50"], row["waiting"]) == (900, 0)
    assert made.verdicts["nothing_waits_long"].passed


def test_what_the_sending_server_puts_off_without_a_try_is_no_refusal_and_waits_all_the_same(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    untried = "retry time not reached"
    keep(
        settings,
        *(said(NOON.start + at, Became.DEFERRED, text=untried, is_tried=False) for at in (0, 60, 600)),
        put_off(NOON.start + 120),
        said(NOON.start + 720, Became.DELIVERED),
        said(NOON.start, Became.DEFERRED, mail="m2", text=untried, is_tried=False),
    )
    (row,) = make(QUEUES, settings).rows.to_pylist()
    assert (row["deferred"], row["greylisted"], row["delivered"], row["wait_p50"]) == (1, 1, 1, 600)
    assert row["waiting"] == 1


def test_a_mail_that_was_put_off_on_an_earlier_day_counts_where_it_was_delivered(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    before = DAY.start - 3 * 86_400
    keep(settings, put_off(before), said(NOON.start, Became.DELIVERED))
    (row,) = make(QUEUES, settings).rows.to_pylist()
    assert (row["deferred"], row["delivered"], row["wait_p50"]) == (0, 1, NOON.start - before)
    earlier = Day(DAY.date - timedelta(days=3), "UTC")
    (then,) = make(QUEUES, settings, earlier).rows.to_pylist()
    assert (then["deferred"], then["waiting"]) == (1, 1), "what came later is not known on that day"


def test_a_mail_that_was_taken_in_the_second_in_which_it_was_put_off_waits_no_more(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    keep(settings, put_off(NOON.start), said(NOON.start, Became.DELIVERED))
    (row,) = make(QUEUES, settings).rows.to_pylist()
    assert (row["delivered"], row["wait_p50"], row["waiting"]) == (1, 0, 0)


def test_what_waits_for_hours_fails_the_check_and_what_was_given_up_does_not(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    gone = said(NOON.start + 60, Became.BOUNCED, "gone@dest.example", code=550, text="550 no")
    keep(settings, put_off(NOON.start), put_off(NOON.start, recipient="gone@dest.example"), gone)
    made = make(QUEUES, settings)
    assert made.numbers["waiting"] == 1
    assert not made.verdicts["nothing_waits_long"].passed
    assert "@" not in made.verdicts["nothing_waits_long"].said


def test_receivers_that_say_that_mails_come_too_fast_are_named(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    keep(settings, put_off(NOON.start, THROTTLED), said(NOON.start + 60, Became.DELIVERED))
    verdict = make(QUEUES, settings).verdicts["not_throttled"]
    assert not verdict.passed
    assert "dest.example" in verdict.said


def test_two_mails_to_one_person_wait_each_for_itself(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    keep(
        settings,
        *(put_off(NOON.start, mail=mail) for mail in ("m1", "m2")),
        said(NOON.start + 100, Became.DELIVERED, mail="m1"),
    )
    (row,) = make(QUEUES, settings).rows.to_pylist()
    assert (row["deferred"], row["delivered"], row["waiting"]) == (2, 1, 1)


def test_a_day_without_any_mail_is_made_and_passes(tmp_path: Path) -> None:
    made = make(QUEUES, settings_in(tmp_path))
    assert len(made.rows) == 0
    assert all(verdict.passed for verdict in made.verdicts.values())
