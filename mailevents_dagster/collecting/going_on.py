"""What a run goes on with once it has collected what it was asked for: what else is due of its feeds, for a while.

So a backlog is bound by the sources' rates, and not by how often somebody looks and how long a run takes to start.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Final

from mailevents_dagster.collecting.feed_states import rules_of, states_of_these
from mailevents_dagster.collecting.outcomes import Task
from mailevents_dagster.collecting.planning import FeedState, Rules, due_hours, next_chunk
from mailevents_dagster.collecting.retries import waits_until
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import SECONDS, Hour, hours_between
from mailevents_dagster.settings import Settings
from mailevents_dagster.store.store import Store

MOST_HOURS: Final = 10_000
"""Of all feeds, in one run: each is kept in memory until its step is over, at 6 kB."""


def next_hours(state: FeedState, been_through: Iterable[int], now: float, rules: Rules) -> list[Hour]:
    """Return the next due hours of a feed, none that failed or that the run has been through."""
    cursor = state.cursor
    if cursor is None or waits_until(cursor, now, rules.first_wait, is_followed=True) > now:
        return []
    others = [(start, start + SECONDS) for start in (*cursor.failed, *been_through)]
    due = due_hours(state, cursor, others, now, rules)
    if not due:
        return []
    _, (first, end) = next_chunk(state, due, now, rules.hours_per_run)
    return list(hours_between(first, end, rules.timezone))


class GoingOn:
    """Gives the feeds of a lane, whenever it has nothing left to do, what else is due of them.

    `may_go_on` is asked for them each time: a run ends early where others wait for its feeds.
    """

    def __init__(
        self,
        settings: Settings,
        store: Store,
        tasks: Sequence[Task],
        minutes: float,
        may_go_on: Callable[[Collection[Feed]], bool],
    ) -> None:
        self._settings = settings
        self._store = store
        self._rules = rules_of(settings)
        self._until = time.monotonic() + minutes * 60
        self._may_go_on = may_go_on
        self._been_through: defaultdict[Feed, set[int]] = defaultdict(set)
        self._lock = threading.Lock()
        self._note(tasks)

    def __call__(self, feeds: Collection[Feed]) -> Sequence[Task]:
        """Return what a lane goes on with, nothing where it ends here."""
        with self._lock:
            if time.monotonic() >= self._until or self._hours >= MOST_HOURS or not self._may_go_on(feeds):
                return []
            now = time.time()
            states = states_of_these(self._settings, self._store, feeds)
            hours = {one.feed: next_hours(one, self._been_through[one.feed], now, self._rules) for one in states}
            tasks = [Task(feed, some) for feed, some in hours.items() if some]
            self._note(tasks)
            return tasks

    @property
    def _hours(self) -> int:
        return sum(map(len, self._been_through.values()))

    def _note(self, tasks: Iterable[Task]) -> None:
        for task in tasks:
            self._been_through[task.feed].update(hour.start for hour in task.hours)
