"""What an asset hands to the IO manager: hours that are collected one by one while they are written."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from logging import Logger, LoggerAdapter
from typing import Final

import dagster as dg

from mailevents_dagster.collector import Collector
from mailevents_dagster.events import Collection, SourceError
from mailevents_dagster.every import Every
from mailevents_dagster.feeds import Feed
from mailevents_dagster.hours import Hour
from mailevents_dagster.sources.uzmanposta.api import UzmanPostaApi
from mailevents_dagster.sources.uzmanposta.collect import Progress, Tell
from mailevents_dagster.sources.uzmanposta.errors import Cause, TransientError
from mailevents_dagster.store.open_hour import OpenHour

API_IS_DOWN_AFTER: Final = 3
"""Hours in a row that failed after all their tries, each of which may take a quarter of an hour: no use in the rest."""
SAY_EVERY: Final = 5.0
"""Seconds between two lines of progress in a run's log, where each line is a row for ever."""

Report = Callable[[dg.DagsterInstance, Sequence[Hour], Sequence[str]], None]


@dataclass(frozen=True, slots=True)
class CollectedHours:
    """Hours that are collected while they are iterated over, each still open to be committed by whoever iterates.

    An hour that cannot be collected does not hold up the others: what failed is raised after the last.
    """

    collector: Collector
    api: UzmanPostaApi
    feed: Feed
    hours: Sequence[Hour]
    context: dg.AssetExecutionContext
    """Takes each hour's metadata, which Dagster lets only the asset itself give."""
    report: Report = lambda *_: None
    """Told of the hours that were committed and those that failed, before what failed is raised."""
    done: list[Hour] = field(default_factory=list)
    """The hours that were committed."""

    @property
    def log(self) -> LoggerAdapter[Logger]:
        """Says things in the run's log and in the feed's own."""
        return self.collector.logs.log_of(self.feed, self.context.log)

    def __iter__(self) -> Iterator[tuple[OpenHour, Collection]]:
        log = self.log
        failures: dict[str, _HourFailure] = {}
        waiting = deque(self.hours)
        in_a_row = 0
        while waiting:
            hour = waiting.popleft()
            try:
                with self.collector.hour(self.api, self.feed, hour, log.warning, self._teller(hour)) as found:
                    yield found
                self.done.append(hour)
                in_a_row = 0
            except SourceError as error:
                # Not the error itself: it holds the whole answer it is about.
                failures[hour.key] = _HourFailure(str(error.cause), str(error), error.hour_is_gone)
                log.error(f"{self.feed} {hour}: {error}")
                in_a_row = in_a_row + 1 if isinstance(error, TransientError) else 0
                if error.cause == Cause.PERMISSION or in_a_row == API_IS_DOWN_AFTER:
                    break  # the other hours would be answered alike
        if failures:
            self.report(self.context.instance, self.done, list(failures))
            raise _failure(self.feed, failures, len(self.hours), len(waiting))

    def _teller(self, hour: Hour) -> Tell:
        """Says every few seconds how far the hour is."""
        interval = Every(SAY_EVERY)

        def tell(progress: Progress) -> None:
            if interval.has_passed():
                done, wanted = progress.details_done, progress.details_wanted
                self.context.log.info(f"{self.feed} {hour}: {done:,} of {wanted:,} details")

        return tell


@dataclass(frozen=True, slots=True)
class _HourFailure:
    cause: str
    said: str
    is_gone: bool


def _failure(feed: Feed, failures: dict[str, _HourFailure], asked: int, not_tried: int) -> dg.Failure:
    reasons = ", ".join(sorted({failure.cause for failure in failures.values()}))
    hour, first = next(iter(failures.items()))
    gone = sum(failure.is_gone for failure in failures.values())
    said = f"{feed}: {len(failures)} of {asked} hours could not be collected ({reasons}). First, {hour}: {first.said}"
    if not_tried:
        said += f" {not_tried} hours were not tried: they would have failed alike."
    said += " The other hours are kept."
    if gone < len(failures) + not_tried:
        said += " Materialize the failed ones again" + (f", but the {gone} that are gone." if gone else ".")
    return dg.Failure(
        description=said,
        metadata={"failed_hours": len(failures), "failed_partitions": dg.MetadataValue.json(list(failures)[:100])},
        allow_retries=False,
    )
