"""One hour of a mailbox: list it, fetch the messages that are not known, keep each as a blob, return what was found."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import islice
from typing import Final, TypeVar

import numpy as np

from mailevents_dagster.model.event import Collection, Placed, Progress
from mailevents_dagster.sources.client import Options
from mailevents_dagster.sources.fetching import Fetching
from mailevents_dagster.sources.mailbox.delivery.sftp_feed import SftpFeed
from mailevents_dagster.sources.mailbox.feeds import SFTP
from mailevents_dagster.sources.mailbox.intake import Intake
from mailevents_dagster.sources.mailbox.reader import Reader
from mailevents_dagster.sources.mailbox.tally import Tally
from mailevents_dagster.sources.workers import Workers
from mailevents_dagster.store.blobs import Blobs
from mailevents_dagster.store.hour.open_hour import OpenHour

AT_ONCE: Final = 8
"""Messages in work: while four are on their way, which is what Graph allows, four are read and made durable."""
CLOCKS_AGREE_WITHIN: Final = 60.0
ROWS_TOGETHER: Final = 100
LEFT_WHILE_LISTING: Final = 2000
"""With more messages outstanding no further page is listed."""

T = TypeVar("T")


class MailboxClient:
    """What collects the hours of a mailbox."""

    def __init__(
        self, reader: Reader, blobs: Blobs, *, bodies: bool = True, deliveries: SftpFeed | None = None
    ) -> None:
        self._reader = reader
        self._deliveries = deliveries
        self._blobs = blobs
        self._bodies = bodies
        self._workers = Workers(lambda: AT_ONCE)

    def collect(self, work: OpenHour, options: Options) -> Collection:
        """Return what the mailbox has of an hour now; each message that is new is in a blob and in the journal."""
        if work.feed.kind == SFTP and self._deliveries:
            return self._deliveries.collect(work, options)
        began, listed_at = time.monotonic(), time.time()
        tally = Tally(options.observe)
        self._reader.observe = tally.observe
        intake = Intake(self._reader, self._blobs, work, options, bodies=self._bodies)
        placed, listings = self._list_and_fetch(work, options, intake)
        clock = believed(self._reader.clock)
        listed_at += clock or 0.0
        return Collection(
            placed,
            strays=frozenset(),
            gaps=(),
            listed_at=listed_at,
            closed=listed_at >= work.hour.end + options.settle_seconds,
            notes=tuple(intake.notes()),
            clock=clock,
            measures={
                "list_calls": listings,
                **tally.measures(),
                **intake.measures(),
                "collect_seconds": round(time.monotonic() - began, 3),
            },
        )

    def _list_and_fetch(self, work: OpenHour, options: Options, intake: Intake) -> tuple[Placed, int]:
        few: int | None = None

        def report(done: int, wanted: int) -> None:
            may_begin = few is not None and wanted - done <= few
            options.report(Progress(len(intake.times), done, wanted, next_may_begin=may_begin))

        before = self._reader.listings
        with Fetching(self._workers, intake.fetch, self._reader.stop) as fetching:
            rows = self._reader.rows(work.hour.start, work.hour.end)
            for portion in _portions(rows, ROWS_TOGETHER):
                fetching.want(intake.take(portion))
                fetching.wait(report, left=LEFT_WHILE_LISTING)
            listings = self._reader.listings - before
            few = AT_ONCE  # which take about as long as the listing of the next hour
            fetching.wait(report, left=few)
            fetching.wait(report)
        times = np.array(intake.times, np.int64)
        order = np.argsort(times, kind="stable")
        return Placed(np.array(intake.places, np.int64)[order], times[order]), listings

    def stop(self) -> None:
        self._reader.stop()
        if self._deliveries:
            self._deliveries.stop()

    def close(self) -> None:
        self._workers.close()
        self._reader.close()


def believed(clock: float | None) -> float | None:
    """Return by how much the server's clock is ahead, 0 where both agree as well as answers tell."""
    return 0.0 if clock is not None and abs(clock) <= CLOCKS_AGREE_WITHIN else clock


def _portions(items: Iterator[T], size: int) -> Iterator[list[T]]:
    while portion := [*islice(items, size)]:
        yield portion
