"""What planning works with: the rules of the settings, and what is known of each feed."""

from __future__ import annotations

from collections.abc import Mapping

from mailevents_dagster.collecting.planning import FeedState, Rules, wanted_from
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.settings import Settings
from mailevents_dagster.store.store import Store


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


def states_of(settings: Settings, store: Store) -> list[FeedState]:
    """Return what planning knows of each feed."""
    days = settings.retention.days
    return [
        FeedState(one.feed, one.start, store.readable_cursor(one.feed), days.get(one.feed.kind.category))
        for one in settings.configured
    ]


def open_from(settings: Settings, store: Store, now: float) -> Mapping[Feed, int]:
    """Return from which hour on automation asks for each feed."""
    rules = rules_of(settings)
    return {state.feed: wanted_from(state, now, rules) for state in states_of(settings, store)}
