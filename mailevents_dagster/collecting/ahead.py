"""Ahead: the hours of a run's feeds, collected account by account side by side while its steps take them one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from queue import SimpleQueue

from mailevents_dagster.collecting.rounds import Outcome, Round, Task
from mailevents_dagster.model.event import Progress, StoppedError
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour


class Ahead:
    """What becomes of the hours of each feed, for whoever asks for that feed; threads collect them meanwhile."""

    def __init__(self, round_: Round, tasks: Sequence[Task]) -> None:
        self._outcomes: dict[Feed, SimpleQueue[Outcome | None]] = {task.feed: SimpleQueue() for task in tasks}
        self._taken: set[Feed] = set()
        self._progress: dict[Feed, tuple[Hour, Progress]] = {}
        self._crew = replace(round_, tell=self._goes_on).begin(
            tasks, lambda outcome: self._outcomes[outcome.feed].put(outcome), self._ended
        )

    def has(self, feed: Feed) -> bool:
        """Whether its hours are collected here and nobody has taken them."""
        return feed in self._outcomes and feed not in self._taken

    def of(self, feed: Feed, tell: Callable[[Hour, Progress], object]) -> Iterator[Outcome]:
        """The outcomes of a feed as they come, once; says now and then how far the hour is that is waited for."""
        self._taken.add(feed)

        def say() -> None:
            if feed in self._progress:
                tell(*self._progress[feed])

        for outcome in self._crew.handed_over(self._outcomes[feed], say):
            if outcome is None:
                return
            yield outcome
        raise StoppedError(f"{feed}: the collection was stopped.")

    def stop(self) -> None:
        self._crew.stop()

    def _goes_on(self, feed: Feed, hour: Hour, progress: Progress) -> None:
        self._progress[feed] = hour, progress

    def _ended(self, feed: Feed) -> None:
        self._outcomes[feed].put(None)
