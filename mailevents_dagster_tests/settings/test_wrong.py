"""The settings file where it is wrong: each mistake is named with its mend."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from mailevents_dagster.settings import SettingsError
from mailevents_dagster.sources.uzmanposta.feeds import FEED_KINDS
from mailevents_dagster_tests.settings.documents import NOW, Complaints, Load, account, document


def test_all_problems_are_told_at_once_below_the_name_of_the_file(load: Load, tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        load(
            timezone="Europe/Istambul",
            startt=1,
            api={"page_limit": 5000},
            storage="/dev/null",
            accounts=[account(feeds=["mail/incoming"]), account(api_key="${GONE}")],
        )
    lines = str(caught.value).splitlines()
    assert lines[0] == f"{tmp_path / 'settings.yaml'}: 7 problems"
    assert [line.strip().partition(": ")[0] for line in lines[1:]] == [
        "accounts[0].feeds[0]",
        "accounts[1].api_key",
        "accounts[1].domain",
        "api.page_limit",
        "startt",
        "storage",
        "timezone",
    ]


@pytest.mark.parametrize(
    ("changes", "path", "message"),
    [
        ({"startt": 1}, "startt", "did you mean `start`?"),
        ({"base_url": "simulator"}, "base_url", "belongs below `api`"),
        ({"api": {"page_limits": 1}}, "api.page_limits", "did you mean `page_limit`?"),
        ({"zebra": 1}, "zebra", "here they are `timezone`, `start`"),
        ({"start": None}, "start", "is missing; write for example `start: 2026-11-01T00:00`"),
        ({"accounts": []}, "", "has no feed; write at least one of `accounts`"),
        ({"accounts": "acme.com"}, "accounts", "is not a list"),
        ({"accounts": ["acme.com"]}, "accounts[0]", "is not a mapping"),
        ({"accounts": [account(feeds=[])]}, "accounts[0].feeds", "is empty"),
        ({"accounts": [account(feeds=[3])]}, "accounts[0].feeds[0]", "write one of `mail/incominglog`"),
        ({"timezone": "Europe/Istambul"}, "timezone", "`Europe/Istanbul`"),
        ({"timezone": "Istanbul"}, "timezone", "`Europe/Istanbul`"),
        ({"timezone": "europe/istanbul"}, "timezone", "`Europe/Istanbul`"),
        ({"timezone": "../etc/passwd"}, "timezone", "is not an IANA time zone"),
        ({"timezone": "Europe"}, "timezone", "is not an IANA time zone"),
        ({"timezone": "localtime"}, "timezone", "is not an IANA time zone"),
        ({"timezone": 3}, "timezone", "'3' is not text; write for example `timezone: Europe/Istanbul`"),
        ({"api": None, "collect": {"details": 1}}, "collect.details", "is not true or false"),
    ],
)
def test_a_wrong_key_or_value_is_named_with_its_mend(
    complaints: Complaints, changes: dict[str, Any], path: str, message: str
) -> None:
    told = complaints(**changes)
    assert list(told) == [path]
    assert message in told[path]


@pytest.mark.parametrize(
    ("section", "key", "least", "most"),
    [
        ("api", "requests_per_second", 0.01, 1000),
        ("api", "max_parallel_details", 1, 64),
        ("api", "page_limit", 1, 1000),
        ("api", "timeout_seconds", 0.1, 3600),
        ("api", "max_attempts", 1, 100),
        ("collect", "settle_minutes", 0, 1440),
        ("collect", "lookback_hours", 0, 360),
        ("collect", "hours_per_run", 1, 744),
        ("collect", "memory_mb", 1, 4096),
        ("automation", "follow_minutes", 0.1, 60),
        ("automation", "max_parallel_runs", 1, 64),
        ("automation", "catch_up_days", 1, 3660),
        ("automation", "keep_follow_runs_days", 1, 365),
        ("operating_logs", "messages_kept", 1, 10000),
        ("operating_logs", "errors_kept", 1, 10000),
    ],
)
def test_every_number_has_bounds_and_the_error_says_them(
    load: Load, complaints: Complaints, section: str, key: str, least: float, most: float
) -> None:
    for good in (least, most):
        assert getattr(getattr(load(**{section: {key: good}}), section), key) == good
    for wrong in (least - 0.001, most + 1, -1, True, float("nan"), float("inf"), "many", [1], 10**400, "0x1"):
        told = complaints(**{section: {key: wrong}})
        assert f"number from {least} to {most}" in told[f"{section}.{key}"], wrong


def test_a_whole_number_may_not_have_a_fraction(complaints: Complaints) -> None:
    assert "whole number" in complaints(api={"max_attempts": 1.5})["api.max_attempts"]


@pytest.mark.parametrize(
    ("start", "message"),
    [
        ("2026-12-01T00:00", "lies in the future (it is 2026-11-21T12:00 in UTC)"),
        ("2026-11-21T13:00", "lies in the future"),
        ("2018-12-31T23:00", "not from 2019-01-01 on"),
        ("0001-01-01T00:00+14:00", "not from 2019-01-01 on"),
        ("9999-12-31T23:00-14:00", "not from 2019-01-01 on"),
        ("2026-11-01T00:30", "write `2026-11-01T00:00`"),
        ("2026-11-01T00:00:01", "write `2026-11-01T00:00`"),
        ("2026-13-01", "is not a date and time"),
        ("tomorrow", "is not a date and time"),
        (20261101, "write for example `start: 2026-11-01T00:00`"),
    ],
)
def test_a_start_that_begins_no_past_hour_is_refused(complaints: Complaints, start: object, message: str) -> None:
    assert message in complaints(start=start)["start"]
    assert message in complaints(accounts=[account(start=start)])["accounts[0].start"]


def test_the_hour_that_has_just_begun_can_be_the_start(load: Load) -> None:
    assert load(start="2026-11-21T12:00").start == NOW


def test_a_start_that_the_clock_skips_is_refused(complaints: Complaints) -> None:
    told = complaints(timezone="Europe/Berlin", start="2026-03-29T02:00")
    assert "the clock skips it" in told["start"]


def test_an_account_cannot_start_before_the_grid_of_hours(complaints: Complaints) -> None:
    told = complaints(accounts=[account(start="2026-10-31T23:00")])
    assert "lies before the general `start`" in told["accounts[0].start"]


def test_a_feed_unknown_or_there_twice_is_named(complaints: Complaints) -> None:
    told = complaints(accounts=[account(feeds=["mail/incominglog", "mail/incomminglog"])])
    assert "did you mean `mail/incominglog`?" in told["accounts[0].feeds[1]"]
    assert all(f"`{name}`" in told["accounts[0].feeds[1]"] for name in FEED_KINDS)
    twice = ["mail/incominglog", "authentication", "mail/incominglog"]
    assert "`mail/incominglog` more than once" in complaints(accounts=[account(feeds=twice)])["accounts[0].feeds"]


def test_domains_that_are_equal_or_meet_in_one_asset_name_are_named(complaints: Complaints) -> None:
    domains = ["a-b.com", "A-B.com", "a.b.com", "bücher.example", "xn--bcher-kva.example"]
    told = complaints(accounts=[account(domain=domain) for domain in domains])
    assert "is the domain of another account" in told["accounts[1].domain"]
    assert "both named a_b_com in Dagster" in told["accounts[2].domain"]
    assert "is the domain of another account" in told["accounts[4].domain"]


@pytest.mark.parametrize(
    "domain",
    [
        "../x", "a b.com", "a.b/c", "", " ", "acme", "acme.com.", ".acme.com", "a..com", "-a.com", "a-.com", "a_b.com",
        "a" * 64 + ".com", ".".join(["a" * 60] * 5) + ".com", "ü" * 63 + ".com", "ü" * 5000 + ".com", "127.0.0.1",
        "*.acme.com",
        "me@acme.com", "https://acme.com", "xn--a.com", "\u200f.com", "İstanbul.com", "ş-.com", "acme.com\\..",
    ],
)  # fmt: skip
def test_what_is_no_domain_is_refused(complaints: Complaints, domain: str) -> None:
    told = complaints(accounts=[account(domain=domain)])
    assert "is not a domain" in told["accounts[0].domain"]


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com", "http://localhost.example.com", "http://128.0.0.1", "http://127.1", "http://0.0.0.0",
        "http://[::2]", "ftp://example.com", "file:///etc/passwd", "example.com", "https://", "https:///v2", "",
        "https://a b.com", "https://example.com:99999", "https://example.com:0", "https://[::1", "https://example.com?",
        "https://example.com/#", "https://example.com\\@evil.com", "https://bücher.example", "Simulator",
        "https://user:hidden@example.com", "https://user@example.com", "https://ex<>.com",
    ],
)  # fmt: skip
def test_an_address_that_is_not_safe_for_a_key_is_refused(complaints: Complaints, url: str) -> None:
    assert list(complaints(api={"base_url": url})) == ["api.base_url"]
    assert list(complaints(accounts=[account(base_url=url)])) == ["accounts[0].base_url"]


@pytest.mark.parametrize(
    "storage", ["", "s3://", "s3:///", "gs://bucket/x", "s3://key:hidden@bucket/x", "/dev/null", "~nobody-at-all/x"]
)
def test_a_storage_that_cannot_be_one_is_refused(complaints: Complaints, storage: str) -> None:
    told = complaints(storage=storage)
    assert list(told) == ["storage"]
    assert "hidden" not in told["storage"]


def test_stored_data_in_another_time_zone_are_an_error_with_two_ways_out(
    load: Load, complaints: Complaints, tmp_path: Path
) -> None:
    (tmp_path / "data" / "manifests").mkdir(parents=True)
    file = tmp_path / "data" / "manifests" / "store.json"
    file.write_text('{"timezone": "Europe/Istanbul"}')
    assert load(timezone="Europe/Istanbul").timezone == "Europe/Istanbul"
    told = complaints()["timezone"]
    assert "is UTC" in told
    assert "write `timezone: Europe/Istanbul`" in told
    assert "choose another storage folder" in told


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"{}", b'{"timezone": 3}', b'{"timezone": "a\\nb"}', b"\xff", b"[" * 99999]
)
def test_a_damaged_description_of_the_store_is_a_problem(
    complaints: Complaints, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "data" / "manifests").mkdir(parents=True)
    (tmp_path / "data" / "manifests" / "store.json").write_bytes(content)
    assert "store.json" in complaints()["storage"]


def test_a_description_of_the_store_that_is_a_folder_is_a_problem(complaints: Complaints, tmp_path: Path) -> None:
    (tmp_path / "data" / "manifests" / "store.json").mkdir(parents=True)
    assert "cannot be read" in complaints()["storage"]


@pytest.mark.parametrize(
    "mode", ["0660", "0666", "0642", "0440", "0700", "0750", "64", "00640", "rw-r-----", "0o640", ""]
)
def test_a_mode_that_lets_others_write_or_the_owner_not_is_refused(complaints: Complaints, mode: str) -> None:
    told = complaints(log_file_mode=mode)["log_file_mode"]
    assert told.startswith(f"'{mode}' is not a mode for log files: their owner reads and writes, ")
    assert told.endswith("write `0640` to let the group read")


@pytest.mark.parametrize("mode", ["0660", "-640", "1640", "6.4", "[0640]", "true"])
def test_a_mode_without_quotes_that_is_wrong_is_told_too(complaints: Complaints, mode: str) -> None:
    told = complaints(f"{yaml.safe_dump(document())}log_file_mode: {mode}\n")["log_file_mode"]
    assert "is not a mode for log files" in told or "write for example `log_file_mode: 0640`" in told
