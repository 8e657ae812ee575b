"""What each feed has, from the stored cursors: how far it is, what is missing, what keeps failing. Loads no Dagster."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mailevents_dagster.feeds import Feed
from mailevents_dagster.hours import SECONDS, Hour, last_ended
from mailevents_dagster.settings import Settings
from mailevents_dagster.sources.uzmanposta.formats import ROW_FORMATS
from mailevents_dagster.store.cursors import Cursor, gaps, write_cursor
from mailevents_dagster.store.layout import scratch_folder
from mailevents_dagster.store.store import Store


@dataclass(frozen=True, slots=True)
class FeedStatus:
    """One feed in numbers."""

    feed: str
    closed_until: str | None
    """The newest closed hour."""
    closed_hours: int
    missing_hours: int
    """Hours that ended and settled and are not closed."""
    oldest_missing: str | None
    failing_hours: int
    last_failure: str | None
    readable: bool


def statuses(settings: Settings, now: float) -> Iterator[FeedStatus]:
    """The status of every feed, in the order of the settings."""
    store = store_of(settings)
    end = last_ended(now - settings.collect.settle_minutes * 60, settings.timezone).end
    for account in settings.accounts:
        for feed in account.feeds:
            yield _status(feed, store.readable_cursor(feed), account.start, end, settings.timezone)


def _status(feed: Feed, cursor: Cursor | None, start: int, end: int, timezone: str) -> FeedStatus:
    known = cursor or Cursor()
    missing = list(gaps((start, end), known.closed))
    newest = max(known.failed.values(), key=lambda failure: failure.at, default=None)
    return FeedStatus(
        feed=str(feed),
        closed_until=Hour(known.closed[-1][1] - SECONDS, timezone).key if known.closed else None,
        closed_hours=sum(last - first for first, last in known.closed) // SECONDS,
        missing_hours=sum(last - first for first, last in missing) // SECONDS,
        oldest_missing=Hour(missing[0][0], timezone).key if missing else None,
        failing_hours=len(known.failed),
        last_failure=f"{newest.cause}: {newest.said}" if newest else None,
        readable=cursor is not None,
    )


def rebuild_cursors(settings: Settings) -> Sequence[Feed]:
    """Makes the cursors of all feeds anew from their manifests; what was noted of failures is forgotten."""
    store = store_of(settings)
    for feed in settings.feeds:
        with store.writing(feed):
            write_cursor(store.layout.cursor(feed), store.cursor_of_manifests(feed), store.timezone)
    return settings.feeds


def store_of(settings: Settings) -> Store:
    """The store of these settings."""
    scratch = scratch_folder(settings.storage)
    return Store(settings.storage, settings.timezone, settings.log_file_name, ROW_FORMATS, scratch=scratch)
