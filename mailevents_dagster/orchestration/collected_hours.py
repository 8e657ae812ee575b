"""The hours of a feed in a run, as they are collected: what the run's log says of them, and what Dagster shows."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import dagster as dg

from mailevents_dagster.collecting.interval import Every
from mailevents_dagster.collecting.operating_logs import FeedLog
from mailevents_dagster.collecting.outcomes import Collected, Failed, Outcome, Underway
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.orchestration.metadata import hour_metadata, hour_sentence

SAY_EVERY: Final = 5.0
"""Seconds between two lines of progress in a run's log, where each line is a row for ever."""


class CollectedHours:
    """What became of the hours of a feed that a run was asked for."""

    def __init__(self, feed: Feed, asked: Sequence[Hour]) -> None:
        self.feed = feed
        self.asked = asked
        self.metadata: dict[Hour, dict[str, Any]] = {}
        """Of the hours that were committed."""
        self.failed: list[Failed] = []

    def take(self, news: Iterable[Outcome | Underway], log: FeedLog) -> None:
        """Take what becomes of each hour. Progress goes into the run's log alone.

        One that failed does not hold up the others: what failed is raised after the last.
        """
        interval = Every(SAY_EVERY)
        for one in news:
            if isinstance(one, Underway):
                if interval.has_passed():
                    done, wanted = one.progress.details_done, one.progress.details_wanted
                    log.logger.info(f"{self.feed} {one.hour}: {done:,} of {wanted:,} details")
            elif isinstance(one, Collected):
                self.metadata[one.hour] = hour_metadata(one.feed, one.commit, one.measures)
                log.info(hour_sentence(one.commit, one.measures))
                for note in one.notes:
                    log.warning(f"{self.feed} {one.hour}: {note}")
            elif one.error:
                raise one.error
            else:
                self.failed.append(one)
                log.error(f"{self.feed} {one.hour}: {one.said}")
        if self.failed:
            raise self._failure()

    def materializations(self) -> Iterable[dg.AssetMaterialization]:
        """Return one for each hour that was committed, where the step that collected them fails."""
        key = dg.AssetKey(self.feed.asset_key)
        for hour, metadata in self.metadata.items():
            yield dg.AssetMaterialization(key, partition=hour.key, metadata=metadata)

    def _failure(self) -> dg.Failure:
        failed, asked = len(self.failed), len(self.asked)
        reasons = ", ".join(sorted({str(failure.cause) for failure in self.failed}))
        first = self.failed[0]
        gone = sum(failure.hour_is_gone for failure in self.failed)
        not_tried = asked - failed - len(self.metadata)
        said = (
            f"{self.feed}: {failed} of {asked} hours could not be collected ({reasons}). "
            f"First, {first.hour}: {first.said}"
        )
        if not_tried:
            said += f" {not_tried} hours were not tried: they would have failed in the same way."
        said += " The other hours are kept."
        if gone < failed + not_tried:
            said += " Materialize the failed ones again" + (f", except the {gone} that are gone." if gone else ".")
        keys = [failure.hour.key for failure in self.failed]
        return dg.Failure(
            description=said,
            metadata={"failed_hours": failed, "failed_partitions": dg.MetadataValue.json(keys[:100])},
            allow_retries=False,
        )
