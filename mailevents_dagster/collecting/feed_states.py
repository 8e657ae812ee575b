"""What planning works with: the rules of the settings, and what is known of each feed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from mailevents_dagster.collecting.planning import FeedState, Rules, wanted_from
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.settings import Settings
from mailevents_dagster.store.cursors import Span, gaps, merged
from mailevents_dagster.store.store import Store
from mailevents_dagster.store.verify import FOR_EVER


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
    states: dict[Feed, FeedState] = {}
    cursors = store.readable_cursors([one.feed for one in settings.configured])
    for one in settings.configured:
        kept_days = days.get(one.feed.kind.category)
        lacking = _lacking([states[other] for other in one.made_of]) if one.feed.kind.comes_last else ()
        states[one.feed] = FeedState(one.feed, one.start, cursors[one.feed], kept_days, lacking)
    return list(states.values())


def _lacking(made_of: Iterable[FeedState]) -> Sequence[Span]:
    """Return the hours that any of these feeds lacks, from its start on and without end."""
    return merged(
        span
        for state in made_of
        for span in gaps((state.start, FOR_EVER), state.cursor.done_with if state.cursor else ())
    )


def open_from(settings: Settings, store: Store, now: float) -> Mapping[Feed, int]:
    """Return from which hour on automation asks for each feed."""
    rules = rules_of(settings)
    return {state.feed: wanted_from(state, now, rules) for state in states_of(settings, store)}
