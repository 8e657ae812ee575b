"""From the settings and the store to what planning works with. Loads no Dagster."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress

from mailevents_dagster.collecting.pace import Pace, pace_of
from mailevents_dagster.collecting.planning import FeedState, Rules, wanted_from
from mailevents_dagster.files.damage import DamagedError
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import SECONDS, Hour
from mailevents_dagster.settings import Settings, start_of
from mailevents_dagster.sources.catalog import FEED_KINDS
from mailevents_dagster.sources.uzmanposta.keys import shared_rate, sharing
from mailevents_dagster.store.cursors import Cursor, gaps, hours_in
from mailevents_dagster.store.retention import Hold, Retention
from mailevents_dagster.store.store import Store


def store_of(settings: Settings) -> Store:
    """The store of these settings."""
    return Store(
        settings.storage,
        settings.timezone,
        settings.log_file_name,
        FEED_KINDS,
        log_file_mode=settings.log_file_mode,
        memory=settings.collect.memory_mb * 2**20,
    )


def rules_of(settings: Settings) -> Rules:
    """How due hours become runs, as it is configured."""
    automation = settings.automation
    return Rules(
        timezone=settings.timezone,
        settle_seconds=settings.collect.settle_minutes * 60,
        hours_per_run=settings.collect.hours_per_run,
        max_parallel_runs=automation.max_parallel_runs,
        catch_up_days=automation.catch_up_days,
        grace_seconds=round(automation.follow_minutes * 60),
        first_wait=automation.follow_minutes * 60,
    )


def paces(settings: Settings, store: Store, states: Sequence[FeedState], now: float) -> Iterator[tuple[str, Pace]]:
    """How each account's budget compares with what arrives, by the newest closed hours of all feeds that share it."""
    rules = rules_of(settings)
    for account in settings.accounts:
        rate = shared_rate(account, settings.accounts)
        if rate is not None:
            pace, domains = Pace(0.0, rate, 0.0), {one.domain for one in sharing(account, settings.accounts)}
            for state in states:
                if state.feed.domain in domains and state.cursor and state.cursor.closed:
                    events = _events_of_newest(store, state.feed, state.cursor)
                    end = int(state.by_the_api(now))
                    missing = gaps((wanted_from(state, now, rules), end), state.cursor.closed)
                    details = settings.collect.details
                    pace += pace_of(state.feed, events, hours_in(missing), pace.allowed, details=details)
            yield account.domain, pace


def _events_of_newest(store: Store, feed: Feed, cursor: Cursor) -> int:
    with suppress(DamagedError):  # its next collection says so
        manifest = store.manifest(feed, Hour(cursor.closed[-1][1] - SECONDS, store.timezone))
        return manifest.events if manifest else 0
    return 0


def retention_of(settings: Settings) -> Retention:
    """How long what is kept, as it is configured."""
    written, timezone = settings.retention, settings.timezone
    days: dict[str, int | None] = {
        "mail": written.mail_days,
        "quarantine": written.quarantine_days,
        "authentication": written.authentication_days,
    }
    holds = (
        Hold(
            hold.feeds,
            start_of(hold.first, timezone, None) if hold.first else None,
            start_of(hold.until, timezone, None) if hold.until else None,
            hold.reason,
        )
        for hold in written.legal_hold
    )
    return Retention({category: kept for category, kept in days.items() if kept is not None}, tuple(holds))


def states_of(settings: Settings, store: Store) -> list[FeedState]:
    """What planning knows of each feed."""
    days = retention_of(settings).days
    return [
        FeedState(feed, account.start, store.readable_cursor(feed), days.get(feed.kind.category))
        for account in settings.accounts
        for feed in account.feeds
    ]
