"""What collects a mail server's log: the lines of an hour, and the bounces that its committed lines hold."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Final, Protocol

import numpy as np
import pyarrow as pa

from mailevents_dagster.model.event import Collection, Placed, Progress, ReadRange, SourceError, StoppedError
from mailevents_dagster.sources.client import Options
from mailevents_dagster.sources.maillog.bounces.collect import Bounces
from mailevents_dagster.sources.maillog.feeds import BOUNCES, SQS
from mailevents_dagster.sources.maillog.formats import identity_of
from mailevents_dagster.sources.maillog.hour_lines import HourLines
from mailevents_dagster.sources.maillog.publishing import Publishing
from mailevents_dagster.sources.maillog.reading.proof import gaps_from_now_on
from mailevents_dagster.store.hour.open_hour import OpenHour

NOTHING: Final = Placed(np.empty(0, np.int64), np.empty(0, np.int64))


class Log(Protocol):
    """A log that is read by hours: files, or systemd's journal."""

    def hour(self, first: int, end: int, held: Sequence[ReadRange]) -> HourLines:
        """Return the lines of an hour that its ranges do not cover yet, or all of them."""

    def stop(self) -> None:
        """End what waits; whoever takes the batches stops taking them."""

    def close(self) -> None: ...


class MailLogClient:
    """Collects the feeds of one server."""

    def __init__(
        self, log: Log, bounces: Bounces, publishing: Publishing | None, now: Callable[[], float] = time.time
    ) -> None:
        self._log = log
        self._bounces = bounces
        self._publishing = publishing
        self._now = now
        self._stopped = threading.Event()

    def collect(self, work: OpenHour, options: Options) -> Collection:
        if work.feed.kind == BOUNCES:
            return self._bounces.collect(work)
        if work.feed.kind == SQS and self._publishing:
            return self._publishing.collect(work)
        return self._lines(work, options)

    def _lines(self, work: OpenHour, options: Options) -> Collection:
        listed_at, began = self._now(), time.monotonic()
        found = self._found(work)
        parts = [NOTHING if found.is_whole else work.known_events]
        for lines in found.batches:
            if self._stopped.is_set():
                raise StoppedError("Reading was stopped.")
            digests = b"".join(map(identity_of, lines.texts.cast(pa.binary()).to_pylist()))
            parts.append(work.add_records(lines.times, digests, lines.texts))
            options.report(Progress(sum(len(part.times) for part in parts), 0, 0))
        placed = in_order(parts)
        gaps_before = work.before.gaps if work.before else ()
        return Collection(
            placed,
            strays=frozenset(),
            gaps=gaps_from_now_on(gaps_before, found.gaps, placed.times),
            listed_at=listed_at,
            closed=found.is_proven and listed_at >= work.hour.end + options.settle_seconds,
            measures={**found.measures, "collect_seconds": round(time.monotonic() - began, 3)},
            notes=tuple(found.notes),
            ranges=tuple(found.ranges),
        )

    def _found(self, work: OpenHour) -> HourLines:
        """Return what the log has of the hour; nothing where rotation removed what proved that it has no line."""
        try:
            return self._log.hour(work.hour.start, work.hour.end, held_ranges(work))
        except SourceError as error:
            was_empty = work.before is not None and work.before.closed and not work.before.events
            if not error.hour_is_gone or not was_empty:
                raise
            return HourLines(iter(()), is_whole=True)

    def stop(self) -> None:
        self._stopped.set()
        self._log.stop()
        if self._publishing:
            self._publishing.stop()

    def close(self) -> None:
        self._log.close()


def held_ranges(work: OpenHour) -> Sequence[ReadRange]:
    """Return what the hour was read from so far; nothing where some of it was lost since, so that all is read again."""
    before = work.before
    return before.ranges if before and before.events == len(work.known.index) and not work.owed else ()


def in_order(parts: Sequence[Placed]) -> Placed:
    """Return the events of these, oldest first, and in the order of the log where they are of one second."""
    places = np.concatenate([part.places for part in parts])
    times = np.concatenate([part.times for part in parts])
    order = np.argsort(times, kind="stable")
    return Placed(places[order], times[order])
