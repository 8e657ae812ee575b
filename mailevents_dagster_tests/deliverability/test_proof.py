"""Proof: the last word on each mail and recipient, and whether a receiving server said it."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailevents_dagster.deliverability.proof.part import PROOF
from mailevents_dagster.model.outcome import Became
from mailevents_dagster_tests.deliverability.told import DAY, NOON, keep, make, said, settings_in

ANSWER = {"code": 250, "text": "250 2.0.0 Ok: queued as 4F", "relay_host": "mx.dest.example"}


def test_a_delivery_is_proven_by_an_answer_of_a_host_that_is_named(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    keep(
        settings,
        said(NOON.start, Became.DELIVERED, mail="m1", **ANSWER),
        said(NOON.start, Became.DELIVERED, mail="m2", code=250),
        said(NOON.start, Became.DELIVERED, mail="m3", **{**ANSWER, "relay_host": None}),
        said(NOON.start, Became.BOUNCED, mail="m4", code=550, text="550 no"),
        said(NOON.start, Became.DEFERRED, mail="m5", code=450, text="450 later"),
        said(NOON.start, Became.ACCEPTED, mail="m6"),
        said(NOON.start, Became.OPENED, mail="m7"),
    )
    made = make(PROOF, settings)
    states = dict(zip(made.rows["queue_id"].to_pylist(), made.rows["state"].to_pylist(), strict=True))
    assert states == {
        "M1": "proven",
        "M2": "unproven",
        "M3": "unproven",
        "M4": "failed",
        "M5": "waiting",
        "M6": "unknown",
        "M7": "afterwards",
    }
    assert made.numbers["proven_share"] == 0.3333


def test_the_last_word_counts_and_not_what_was_said_before_or_after_it(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    keep(
        settings,
        said(NOON.start, Became.ACCEPTED),
        said(NOON.start + 1, Became.DEFERRED, code=450, text="450 later"),
        said(NOON.start + 2, Became.DELIVERED, **ANSWER),
        said(NOON.start + 3, Became.OPENED),
        said(NOON.start + 4, Became.ACCEPTED),
    )
    (row,) = make(PROOF, settings).rows.to_pylist()
    assert (row["state"], row["attempts"]) == ("proven", 2)
    assert (row["last_at"] - row["first_at"]).total_seconds() == 4


def test_a_bounce_that_comes_after_the_delivery_is_the_last_word(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    keep(settings, said(NOON.start, Became.DELIVERED, **ANSWER), said(NOON.end + 9, Became.BOUNCED, "R@dest.example"))
    (row,) = make(PROOF, settings).rows.to_pylist()
    assert row["state"] == "failed"


@pytest.mark.slow
def test_many_deliveries_without_an_answer_fail_the_check(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    keep(settings, *(said(NOON.start, Became.DELIVERED, mail=f"m{n}") for n in range(60)), hours=DAY.hours)
    made = make(PROOF, settings)
    assert not made.verdicts["proven"].passed
    assert made.numbers["complete"] is True
    assert made.chart is not None


def test_what_was_put_off_without_a_try_is_no_attempt_and_not_the_last_word(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    untried = {"text": "delivery temporarily suspended: no route to host", "is_tried": False}
    keep(
        settings,
        said(NOON.start, Became.DEFERRED, code=450, text="450 later"),
        said(NOON.start + 60, Became.DEFERRED, **untried),
        said(NOON.start + 60, Became.DEFERRED, mail="m2", **untried),
    )
    rows = {row["message_id"][:2]: row for row in make(PROOF, settings).rows.to_pylist()}
    assert (rows["m1"]["attempts"], rows["m1"]["code"], rows["m1"]["state"]) == (1, 450, "waiting")
    assert (rows["m2"]["attempts"], rows["m2"]["state"]) == (0, "waiting")
