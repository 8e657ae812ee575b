"""From the settings to what other rooms work with: the store, rules of planning and of retention. Loads no Dagster."""

from __future__ import annotations

from mailevents_dagster.collecting.planning import FeedState, Rules
from mailevents_dagster.settings import Problem, Settings, SettingsError
from mailevents_dagster.store.agreement import disagreements
from mailevents_dagster.store.retention import Hold, Retention
from mailevents_dagster.store.store import Store


def store_of(settings: Settings) -> Store:
    """Return the store of these settings; SettingsError where they disagree with what it holds."""
    kinds = {name: kind for source in settings.sources for name, kind in source.kinds.items()}
    store = Store(
        settings.storage,
        settings.timezone,
        settings.log_file_name,
        kinds,
        log_file_mode=settings.log_file_mode,
        memory=settings.collect.memory_mb * 2**20,
    )
    found = disagreements(store.layout, settings.timezone, retention_of(settings), settings.feeds, kinds.values())
    if problems := [Problem(key, message) for key, message in found]:
        raise SettingsError(problems, str(settings.source or "built-in demo settings"))
    return store


def rules_of(settings: Settings) -> Rules:
    """Return how due hours become runs."""
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
    """Return how long what is kept."""
    written = settings.retention
    return Retention(
        written.days, tuple(Hold(hold.feeds, hold.first, hold.until, hold.reason) for hold in written.legal_hold)
    )


def states_of(settings: Settings, store: Store) -> list[FeedState]:
    """Return what planning knows of each feed."""
    days = settings.retention.days
    return [
        FeedState(one.feed, one.start, store.readable_cursor(one.feed), days.get(one.feed.kind.category))
        for one in settings.configured
    ]
