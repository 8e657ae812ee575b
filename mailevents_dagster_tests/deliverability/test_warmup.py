"""Warm-up: how many mails each sending address may send, and when to stop before harm is done."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from mailevents_dagster.deliverability.warmup.part import WARMUP
from mailevents_dagster.deliverability.warmup.plan import Sent, cap, next_cap
from mailevents_dagster.model.day import Day
from mailevents_dagster.model.outcome import Became, Outcome
from mailevents_dagster.sources.outcomes.settings.warmup import WarmupSettings
from mailevents_dagster_tests.deliverability.told import DAY, NOON, keep, make, said, settings_in

PLAN = WarmupSettings()


def deliveries(count: int, name: str = "m", **others: Any) -> list[Outcome]:
    return [said(NOON.start + n, Became.DELIVERED, mail=f"{name}{n}", **others) for n in range(count)]


def test_the_plan_begins_with_50_and_100_and_then_grows_by_a_fifth_a_day_until_it_is_warm() -> None:
    assert [cap(PLAN, day) for day in range(5)] == [50, 100, 120, 144, 172]
    assert cap(PLAN, 38) == 85056
    assert cap(PLAN, 39) is None
    assert cap(PLAN, 10**9) is None


def test_the_operators_own_table_counts_and_its_last_number_grows() -> None:
    own = WarmupSettings.model_validate({"plan": [10, 20, 40], "growth": 2})
    assert [cap(own, day) for day in range(5)] == [10, 20, 40, 80, 160]


def test_a_plan_that_does_not_grow_stays_as_it_is() -> None:
    assert cap(WarmupSettings.model_validate({"plan": [10], "growth": 1}), 10**6) == 10


@pytest.mark.parametrize(
    ("sent", "following"),
    [
        (Sent(100, 0, 0, 0), 120),
        (Sent(100, 3, 0, 0), 100),
        (Sent(100, 0, 6, 0), 100),
        (Sent(80, 0, 0, 1), 80),
        (Sent(49, 49, 0, 0), 120),
    ],
    ids=["all is well", "unknown addresses", "refused", "complaints", "too few to say"],
)
def test_the_next_day_has_no_more_mails_where_this_one_did_harm(sent: Sent, following: int) -> None:
    assert next_cap(PLAN, 1, sent) == following


def test_a_day_over_its_plan_is_an_error_that_names_the_sending_address(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, warmup={"begun": "2026-11-20T00:00"})
    keep(settings, *deliveries(51, sending_ip="192.0.2.1"))
    verdict = make(WARMUP, settings).verdicts["within_plan"]
    assert (verdict.passed, verdict.is_error) == (False, True)
    assert "192.0.2.1" in verdict.said


@pytest.mark.slow
def test_the_day_under_way_warns_before_its_plan_is_used_up(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, warmup={"begun": "2026-11-20T00:00"})
    keep(settings, *deliveries(41))
    going_on = make(WARMUP, settings).verdicts["within_plan"]
    assert (going_on.passed, going_on.is_error) == (False, False)
    keep(settings, hours=[hour for hour in DAY.hours if hour != NOON])
    assert make(WARMUP, settings).verdicts["within_plan"].passed, "the day is over, and stayed within its plan"


def test_a_mail_to_three_people_that_is_tried_twice_counts_three_times(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    people = ("a@dest.example", "b@dest.example", "B@dest.example", "c@dest.example")
    tries = [
        said(NOON.start + n, became, one)
        for n, became in enumerate((Became.DEFERRED, Became.DELIVERED))
        for one in people
    ]
    keep(settings, *tries, said(NOON.start + 9, Became.COMPLAINED, "a@dest.example"))
    (row,) = make(WARMUP, settings).rows.to_pylist()
    assert (row["mails"], row["delivered"], row["deferred"], row["complained"]) == (3, 3, 0, 1)


@pytest.mark.slow
def test_an_address_that_appears_a_month_after_others_has_a_plan_of_its_own(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    for ago in range(35, 0, -1):
        day = Day(DAY.date - timedelta(days=ago), "UTC")
        keep(settings, said(day.start, Became.DELIVERED, sending_ip="192.0.2.1"), hours=())
        make(WARMUP, settings, day)
    keep(settings, *deliveries(51, sending_ip="192.0.2.2"), *deliveries(500, "old", sending_ip="192.0.2.1"))
    made = make(WARMUP, settings)
    assert "192.0.2.2: more" in made.verdicts["within_plan"].said


def test_mails_that_people_wait_for_share_no_address_and_domain_with_marketing(tmp_path: Path) -> None:
    streams = [
        {"name": "news", "kind": "marketing", "senders": ["*@news.example.com"], "subjects": ["*İndirim*"]},
        {"name": "orders", "kind": "transactional", "senders": ["orders@*"]},
    ]
    settings = settings_in(tmp_path, warmup={"streams": streams})
    apart = [
        said(NOON.start, Became.DELIVERED, mail="m1", sender="x@news.example.com"),
        said(NOON.start, Became.DELIVERED, mail="m2", sender="orders@example.com"),
    ]
    keep(settings, *apart)
    assert make(WARMUP, settings).verdicts["streams_apart"].passed
    keep(settings, *apart, said(NOON.start, Became.DELIVERED, mail="m3", subject="Büyük İndirim!"))
    assert not make(WARMUP, settings).verdicts["streams_apart"].passed


def test_nothing_that_is_shown_names_a_person(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    keep(settings, *(said(NOON.start, Became.BOUNCED, f"r{n}@dest.example", code=550, text="no") for n in range(60)))
    made = make(WARMUP, settings)
    shown = f"{made.numbers}{made.verdicts}{made.said}"
    assert "r1@" not in shown
    assert "s@" not in shown
