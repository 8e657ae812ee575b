"""From the settings and the store to what planning works with. Loads no Dagster."""

from __future__ import annotations

from mailevents_dagster.planning import FeedState, Rules
from mailevents_dagster.settings import Settings
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


def states_of(settings: Settings, store: Store) -> list[FeedState]:
    """What planning knows of each feed."""
    return [
        FeedState(feed, account.start, store.readable_cursor(feed))
        for account in settings.accounts
        for feed in account.feeds
    ]
