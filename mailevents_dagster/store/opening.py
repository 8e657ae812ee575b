"""The one place where a store is made from settings."""

from __future__ import annotations

from mailevents_dagster.model.source import kinds_of
from mailevents_dagster.settings import Problem, Settings, SettingsError
from mailevents_dagster.store.agreement import disagreements
from mailevents_dagster.store.retention import Hold, Retention
from mailevents_dagster.store.store import Store


def store_of(settings: Settings) -> Store:
    """Return the store of these settings; SettingsError where they disagree with what it holds."""
    kinds = kinds_of(settings.sources)
    store = Store(
        settings.storage,
        settings.timezone,
        settings.log_file_name,
        kinds,
        log_file_mode=settings.log_file_mode,
        memory=settings.collect.memory_mb * 2**20,
        postgres=settings.postgres,
    )
    found = disagreements(store.layout, settings.timezone, retention_of(settings), settings.feeds, kinds.values())
    if problems := [Problem(key, message) for key, message in found]:
        raise SettingsError(problems, str(settings.source or "built-in demo settings"))
    return store


def retention_of(settings: Settings) -> Retention:
    """Return how long what is kept."""
    written = settings.retention
    return Retention(
        written.days, tuple(Hold(hold.feeds, hold.first, hold.until, hold.reason) for hold in written.legal_hold)
    )
