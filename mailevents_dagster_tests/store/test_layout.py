"""Paths, exactly as they are fixed: people and programs rely on them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from mailevents_dagster.files.stored_path import stored_at
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.sources.uzmanposta.feeds import FEED_KINDS, feed_of
from mailevents_dagster.store.layout import Layout
from mailevents_dagster_tests.conftest import INCOMING, LOG_FILE_NAME, NOON

LOGS = {
    "mail/incominglog": "output/example.com/mail/incominglog/example.com_incominglog_2026-11-20_12.log",
    "mail/outgoinglog": "output/example.com/mail/outgoinglog/example.com_outgoinglog_2026-11-20_12.log",
    "quarantine/quarantine": "output/example.com/quarantine/example.com_quarantine_2026-11-20_12.log",
    "quarantine/hold": "output/example.com/quarantine/hold/example.com_hold_2026-11-20_12.log",
    "authentication": "output/example.com/authentication/example.com_auth_2026-11-20_12.log",
}
FOLDERS = {
    "mail/incominglog": "parquet/domain=example.com/category=mail/type=incominglog",
    "mail/outgoinglog": "parquet/domain=example.com/category=mail/type=outgoinglog",
    "quarantine/quarantine": "parquet/domain=example.com/category=quarantine/type=quarantine",
    "quarantine/hold": "parquet/domain=example.com/category=quarantine/type=hold",
    "authentication": "parquet/domain=example.com/category=authentication/type=auth",
}


@pytest.fixture
def layout() -> Layout:
    return Layout(Path("/data"), Path("/scratch"), LOG_FILE_NAME)


@pytest.mark.parametrize("name", FEED_KINDS)
def test_logs_and_snapshots_lie_where_it_is_fixed(name: str, layout: Layout) -> None:
    feed = feed_of("example.com", name)
    assert layout.relative(layout.log(feed, NOON)) == LOGS[name]
    assert layout.relative(layout.snapshot(feed, NOON)) == f"{FOLDERS[name]}/date=2026-11-20/12.parquet"


def test_the_hour_in_a_name_is_that_of_the_configured_time_zone(layout: Layout) -> None:
    hour = Hour(NOON.start, "Europe/Istanbul")
    assert layout.log(INCOMING, hour).name == "example.com_incominglog_2026-11-20_15.log"
    late = Hour(NOON.start + 10 * 3600, "Europe/Istanbul")
    assert str(layout.snapshot(INCOMING, late)).endswith("date=2026-11-21/01.parquet")


@pytest.mark.parametrize(
    ("zone", "first", "suffix"),
    [
        ("America/New_York", datetime(2026, 11, 1, 5, tzinfo=UTC), "-0500"),
        ("Australia/Lord_Howe", datetime(2026, 4, 4, 14, tzinfo=UTC), "+1030"),
        ("Europe/London", datetime(2026, 10, 25, 0, tzinfo=UTC), "+0000"),
    ],
)
def test_the_second_of_two_hours_named_alike_has_its_offset_in_every_path(
    zone: str, first: datetime, suffix: str, layout: Layout
) -> None:
    one = Hour(int(first.timestamp()), zone)
    for path in (layout.log, layout.snapshot, layout.manifest, layout.journal):
        before, after = Path(str(path(INCOMING, one))), Path(str(path(INCOMING, one.next)))
        assert after == before.with_name(before.stem + suffix + before.suffix)


@pytest.mark.parametrize("zone", ["America/New_York", "Australia/Lord_Howe", "Antarctica/Troll", "Asia/Kolkata"])
@pytest.mark.parametrize("middle", [datetime(2026, 4, 4, tzinfo=UTC), datetime(2026, 10, 25, tzinfo=UTC)])
def test_no_two_hours_and_feeds_share_a_path(zone: str, middle: datetime, layout: Layout) -> None:
    hours = [Hour.containing(middle.timestamp() + offset * 3600, zone) for offset in range(-48, 48)]
    feeds = [feed_of("example.com", name) for name in FEED_KINDS]
    for path in (layout.log, layout.snapshot, layout.manifest, layout.journal):
        assert len({str(path(feed, hour)) for feed in feeds for hour in hours}) == len(feeds) * len(hours)


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("{type}-%Y%m%dT%H", "incominglog-20261120T12"),
        ("%H/%d", "12/20"),
        ("100%%_{domain}_%Y-%m-%d_%H.json.log", "100%_example.com_2026-11-20_12.json.log"),
        ("%Y-%m-%d_%H.{x}".replace(".{x}", ".jsonl"), "2026-11-20_12.jsonl"),
    ],
)
def test_a_log_may_be_named_otherwise(pattern: str, name: str) -> None:
    layout = Layout(Path("/data"), Path("/scratch"), pattern)
    assert str(layout.log(INCOMING, NOON)) == f"/data/output/example.com/mail/incominglog/{name}"


def test_journals_are_local_where_the_storage_is_not() -> None:
    layout = Layout(stored_at("s3://bucket/prefix"), Path("/scratch"), LOG_FILE_NAME)
    assert layout.journal(INCOMING, NOON) == Path("/scratch/journal/example.com/mail/incominglog/2026-11-20_12.journal")
    assert layout.relative(layout.log(INCOMING, NOON)) == LOGS["mail/incominglog"]
