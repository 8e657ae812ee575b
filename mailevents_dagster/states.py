"""From the settings and the store to what planning works with. Loads no Dagster."""

from __future__ import annotations

from mailevents_dagster.feeds import Category
from mailevents_dagster.planning import FeedState, Rules
from mailevents_dagster.retention import Hold, Retention
from mailevents_dagster.settings import Settings, start_of
from mailevents_dagster.sources.uzmanposta.formats import ROW_FORMATS
from mailevents_dagster.store.store import Store


def store_of(settings: Settings) -> Store:
    """The store of these settings."""
    return Store(settings.storage, settings.timezone, settings.log_file_name, ROW_FORMATS)


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


def retention_of(settings: Settings) -> Retention:
    """How long what is kept, as it is configured."""
    written, timezone = settings.retention, settings.timezone
    days: dict[Category, int | None] = {
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
