"""What tests of planning and cursors share: feeds, and the manifest of an hour that needs no files."""

from __future__ import annotations

from collections.abc import Iterator

from mailevents_dagster.collecting.planning import Ask, Rules
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import SECONDS, Hour
from mailevents_dagster.store.cursors import Cursor, Span
from mailevents_dagster.store.manifest import Manifest, StoredFile
from mailevents_dagster_tests.conftest import START

RULES = Rules("UTC", settle_seconds=600, hours_per_run=24, max_parallel_runs=4)
NO_FILE = StoredFile("", 0, "")


def hour_of(number: int) -> Hour:
    """So many hours after noon."""
    return Hour(START + number * SECONDS, "UTC")


def span(first: int, end: int) -> Span:
    """From so many hours after noon to so many hours after noon."""
    return hour_of(first).start, hour_of(end).start


def manifest_of(feed: Feed, hour: Hour, *, closed: bool = True, listed_at: float | None = None) -> Manifest:
    """The manifest of an empty hour."""
    return Manifest(
        domain=feed.domain,
        feed=feed.name,
        hour=hour.key,
        timezone=hour.timezone,
        start=hour.start,
        end=hour.end,
        events=0,
        details_owed=0,
        gaps=(),
        first_event=None,
        last_event=None,
        listed_at=hour.end + 600.0 if listed_at is None else listed_at,
        closed=closed,
        strays=(),
        log=NO_FILE,
        snapshot=NO_FILE,
    )


def hours_of(span: Span, timezone: str) -> Iterator[Hour]:
    """The hours of a span that is made of hours."""
    return (Hour(start, timezone) for start in range(span[0], span[1], SECONDS))


def executed(cursor: Cursor, ask: Ask, feed: Feed) -> Cursor:
    """The feed's cursor when the run is done."""
    for hour in hours_of((ask.first, ask.end), "UTC"):
        cursor = cursor.committed(manifest_of(feed, hour), hour.end)
    return cursor
