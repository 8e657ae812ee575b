"""How long what is kept, and what is held whatever its age, as it is written in the settings."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from mailevents_dagster.store import agreement
from mailevents_dagster.store.layout import Layout
from mailevents_dagster.store.opening import retention_of
from mailevents_dagster.store.retention import Hold, Retention
from mailevents_dagster_tests.settings.documents import Complaints, Load, account


def held(**changes: Any) -> dict[str, Any]:
    return {"legal_hold": [{"feeds": "acme.com *", "reason": "case 2026/17", **changes}]}


def test_retention_is_off_until_it_is_asked_for(load: Load) -> None:
    assert retention_of(load()) == Retention()
    assert retention_of(load(retention={"mail_days": None, "legal_hold": []})) == Retention()


def test_retention_is_days_by_category_and_holds_with_their_hours_in_the_time_zone(load: Load) -> None:
    written = {"mail_days": 90, "quarantine_days": "30", **held(**{"from": "2026-03-01T00:00", "until": "2026-07-01"})}
    got = retention_of(load(timezone="Europe/Istanbul", retention=written))
    assert got.days == {"mail": 90, "quarantine": 30}
    first, until = (datetime(2026, month, 1, tzinfo=ZoneInfo("Europe/Istanbul")).timestamp() for month in (3, 7))
    assert got.holds == (Hold("acme.com *", int(first), int(until), "case 2026/17"),)


@pytest.mark.parametrize("key", ["mail_days", "quarantine_days", "authentication_days"])
def test_days_of_retention_have_bounds_and_the_error_says_them(load: Load, complaints: Complaints, key: str) -> None:
    for good in (2, 3660):
        assert getattr(load(retention={key: good}).retention, key) == good
    for wrong in (0, 3661, -1, True, 1.5, "many", [1]):
        assert "number from 1 to 3660" in complaints(retention={key: wrong})[f"retention.{key}"], wrong


@pytest.mark.parametrize(
    ("collect", "least"),
    [
        ({}, 2),
        ({"lookback_hours": 0}, 1),
        ({"lookback_hours": 0, "settle_minutes": 0}, 1),
        ({"lookback_hours": 22, "settle_minutes": 59}, 1),
        ({"lookback_hours": 22, "settle_minutes": 60}, 2),
        ({"lookback_hours": 48}, 3),
        ({"lookback_hours": "48", "settle_minutes": 10.0}, 3),
        ({"lookback_hours": 360, "settle_minutes": 1440}, 17),
    ],
)
def test_days_must_be_more_than_what_is_listed_again(
    load: Load, complaints: Complaints, collect: dict[str, Any], least: int
) -> None:
    assert load(collect=collect, retention={"mail_days": least}).retention.mail_days == least
    if least > 1:
        told = complaints(collect=collect, retention={"mail_days": least - 1})
        assert f"write {least} or more" in told["retention.mail_days"]


@pytest.mark.parametrize(
    ("changes", "path", "message"),
    [
        ({"feeds": "amce.com *"}, "feeds", "matches no feed of these settings or of the storage; feeds are written"),
        ({"feeds": "acme.com authentication"}, "feeds", "matches no feed"),
        ({"feeds": "acme.com"}, "feeds", "is not a pattern of feeds"),
        ({"feeds": ""}, "feeds", "is not a pattern of feeds"),
        ({"from": "yesterday"}, "from", "is not a date and time"),
        ({"from": "2026-03-01T00:30"}, "from", "write `2026-03-01T00:00`"),
        ({"from": "2026-03-01", "until": "2026-03-01"}, "until", "is not after `from`; nothing is held"),
        ({"from": "2026-03-02", "until": "2026-03-01"}, "until", "is not after `from`"),
        ({"reason": ""}, "reason", "is not a reason"),
        ({"reason": "x" * 201}, "reason", "is not a reason"),
        ({"to": "2026-03-01"}, "to", "is not a key of settings"),
        ({"form": "2026-03-01"}, "form", "did you mean `from`?"),
    ],
)
def test_a_hold_that_would_not_hold_what_is_meant_is_refused(
    complaints: Complaints, changes: dict[str, Any], path: str, message: str
) -> None:
    told = complaints(retention=held(**changes))
    assert list(told) == [f"retention.legal_hold[0].{path}"]
    assert message in told[f"retention.legal_hold[0].{path}"]


def test_a_hold_without_a_reason_is_refused(complaints: Complaints) -> None:
    told = complaints(retention={"legal_hold": [{"feeds": "*"}]})
    assert "is missing; write for example `reason: case 2026/17`" in told["retention.legal_hold[0].reason"]


@pytest.mark.parametrize("feeds", ["*", "acme.com mail/incominglog", "ACME.com mail/*", "*.com *", "bücher.example *"])
def test_a_hold_means_feeds_of_the_settings_however_they_are_written(load: Load, feeds: str) -> None:
    accounts = [account(), account(domain="bücher.example", api_key="${KEY_B}")]
    [hold] = retention_of(load(accounts=accounts, retention=held(feeds=feeds))).holds
    assert (hold.first, hold.until) == (None, None)


def test_a_hold_may_mean_a_feed_that_is_stored_and_no_longer_collected(
    load: Load, complaints: Complaints, tmp_path: Path
) -> None:
    pattern = "gone.example mail/*"
    assert "matches no feed" in complaints(retention=held(feeds=pattern))["retention.legal_hold[0].feeds"]
    (tmp_path / "data" / "manifests" / "gone.example" / "mail" / "outgoinglog").mkdir(parents=True)
    assert load(retention=held(feeds=pattern)).retention.legal_hold[0].feeds == pattern


def test_a_hold_on_an_object_store_is_looked_at_by_housekeeping(load: Load) -> None:
    assert load(storage="s3://bucket/prefix", retention=held(feeds="gone.example *")).retention.legal_hold


def test_days_are_judged_however_the_number_is_written(complaints: Complaints) -> None:
    for written in (1, 1.0, "1", "1.0"):
        assert "1 is too short" in complaints(retention={"mail_days": written})["retention.mail_days"]


def test_a_storage_that_cannot_be_looked_at_for_held_feeds_is_told(
    complaints: Complaints, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(layout: Layout, kinds: object) -> Any:
        raise PermissionError(13, "Permission denied", "output")

    monkeypatch.setattr(agreement, "stored_feeds", refuse)
    told = complaints(retention=held(feeds="gone.example *"))
    assert told == {"storage": "holds output, which cannot be read (Permission denied)"}


def test_a_wrong_account_is_not_told_a_second_time_by_the_holds(complaints: Complaints) -> None:
    told = complaints(accounts=[account(feeds=["mail/incoming"])], retention=held(feeds="acme.com mail/incominglog"))
    assert list(told) == ["accounts[0].feeds[0]"]
