"""What an asset hands to the IO manager: hours that are collected one by one while they are written."""

import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import dagster as dg

from mailevents_dagster.events import Collection, SourceError
from mailevents_dagster.feeds import Feed
from mailevents_dagster.hours import Hour
from mailevents_dagster.settings import CollectSettings
from mailevents_dagster.sources.uzmanposta.api import UzmanPostaApi
from mailevents_dagster.sources.uzmanposta.collect import Progress, collect_hour
from mailevents_dagster.sources.uzmanposta.errors import Cause, TransientError
from mailevents_dagster.store.open_hour import OpenHour
from mailevents_dagster.store.store import Store

API_IS_DOWN_AFTER: Final = 3
"""Hours in a row that failed after all their tries, each of which may take a quarter of an hour: no use in the rest."""
SAY_EVERY: Final = 5.0
"""Seconds between two lines of progress in a run's log, where each line is a row for ever."""


@dataclass(frozen=True, slots=True)
class CollectedHours:
    """Hours that are collected while they are iterated over, each still open to be committed by whoever iterates.

    An hour that cannot be collected does not hold up the others: what failed is raised after the last.
    """

    store: Store
    api: UzmanPostaApi
    feed: Feed
    hours: Sequence[Hour]
    rules: CollectSettings
    context: dg.AssetExecutionContext
    """Takes each hour's metadata, which Dagster lets only the asset itself give."""

    def __iter__(self) -> Iterator[tuple[OpenHour, Collection]]:
        failures: dict[str, tuple[str, str]] = {}
        waiting = deque(self.hours)
        in_a_row = 0
        while waiting:
            hour = waiting.popleft()
            try:
                with self.store.open_hour(self.feed, hour, self.context.log.warning) as work:
                    yield work, self._collect(work)
                in_a_row = 0
            except SourceError as error:
                failures[hour.key] = error.cause, str(error)  # the error itself holds the whole answer it is about
                self.context.log.error(f"{self.feed} {hour}: {error}")
                in_a_row = in_a_row + 1 if isinstance(error, TransientError) else 0
                if error.cause == Cause.PERMISSION or in_a_row == API_IS_DOWN_AFTER:
                    break  # the other hours would be answered alike
        if failures:
            raise _failure(self.feed, failures, len(self.hours), len(waiting))

    def _collect(self, work: OpenHour) -> Collection:
        said = time.monotonic()

        def tell(progress: Progress) -> None:
            nonlocal said
            if time.monotonic() - said >= SAY_EVERY:
                said = time.monotonic()
                self.context.log.info(
                    f"{work.feed} {work.hour}: {progress.details_done:,} of {progress.details_wanted:,} details"
                )

        return collect_hour(
            self.api,
            work,
            settle_seconds=self.rules.settle_minutes * 60,
            details=self.rules.details,
            tell=tell,
        )


def _failure(feed: Feed, failures: dict[str, tuple[str, str]], asked: int, not_tried: int) -> dg.Failure:
    reasons = sorted({str(cause) for cause, _ in failures.values()})
    first_hour, (_, first) = next(iter(failures.items()))
    rest = f"{not_tried} hours were not tried: they would have failed alike. " if not_tried else ""
    return dg.Failure(
        description=f"{feed}: {len(failures)} of {asked} hours could not be collected ({', '.join(reasons)}). "
        f"First, {first_hour}: {first} {rest}The other hours are kept; materialize the failed ones again.",
        metadata={"failed_hours": len(failures), "failed_partitions": dg.MetadataValue.json(list(failures)[:100])},
        allow_retries=False,
    )
