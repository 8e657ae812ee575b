"""What an asset hands to the IO manager: hours that are collected and committed one by one while it shows them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from logging import Logger, LoggerAdapter
from typing import Final

import dagster as dg

from mailevents_dagster.collecting.ahead import Ahead
from mailevents_dagster.collecting.interval import Every
from mailevents_dagster.collecting.operating_logs import OperatingLogs
from mailevents_dagster.collecting.rounds import Collected, Failed
from mailevents_dagster.model.event import Progress
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour

SAY_EVERY: Final = 5.0
"""Seconds between two lines of progress in a run's log, where each line is a row for ever."""

Report = Callable[[dg.DagsterInstance, Sequence[Hour], Sequence[str]], None]


@dataclass(frozen=True, slots=True)
class CollectedHours:
    """The hours of a feed as they are committed, one after the other.

    An hour that cannot be collected does not hold up the others: what failed is raised after the last.
    """

    ahead: Ahead
    feed: Feed
    hours: Sequence[Hour]
    context: dg.AssetExecutionContext
    """Takes each hour's metadata, which Dagster lets only the asset itself give."""
    logs: OperatingLogs
    report: Report = lambda *_: None
    """Is told of the hours that were committed and those that failed."""
    done: list[Hour] = field(default_factory=list)
    failed: list[Failed] = field(default_factory=list)

    @property
    def log(self) -> LoggerAdapter[Logger]:
        """Says things in the run's log and in the feed's own."""
        return self.logs.log_of(self.feed, self.context.log)

    def __iter__(self) -> Iterator[Collected]:
        for outcome in self.ahead.of(self.feed, self._teller()):
            if isinstance(outcome, Collected):
                yield outcome
                self.done.append(Hour.from_key(outcome.commit.manifest.hour, outcome.commit.manifest.timezone))
            elif outcome.error:
                raise outcome.error
            else:
                self.failed.append(outcome)
                self.log.error(f"{self.feed} {outcome.hour}: {outcome.said}")
        if self.failed:
            raise self._failure()

    def report_failures(self) -> None:
        """Tells of hours that failed, for what is said of them beside the run."""
        if self.failed:
            self.report(self.context.instance, self.done, [failure.hour.key for failure in self.failed])

    def _teller(self) -> Callable[[Hour, Progress], object]:
        """Says every few seconds how far the hour is."""
        interval = Every(SAY_EVERY)

        def tell(hour: Hour, progress: Progress) -> None:
            if interval.has_passed():
                done, wanted = progress.details_done, progress.details_wanted
                self.context.log.info(f"{self.feed} {hour}: {done:,} of {wanted:,} details")

        return tell

    def _failure(self) -> dg.Failure:
        failed, asked = len(self.failed), len(self.hours)
        reasons = ", ".join(sorted({str(failure.cause) for failure in self.failed}))
        first = self.failed[0]
        gone = sum(failure.hour_is_gone for failure in self.failed)
        not_tried = asked - failed - len(self.done)
        said = (
            f"{self.feed}: {failed} of {asked} hours could not be collected ({reasons}). "
            f"First, {first.hour}: {first.said}"
        )
        if not_tried:
            said += f" {not_tried} hours were not tried: they would have failed alike."
        said += " The other hours are kept."
        if gone < failed + not_tried:
            said += " Materialize the failed ones again" + (f", but the {gone} that are gone." if gone else ".")
        keys = [failure.hour.key for failure in self.failed]
        return dg.Failure(
            description=said,
            metadata={"failed_hours": failed, "failed_partitions": dg.MetadataValue.json(keys[:100])},
            allow_retries=False,
        )
