"""One hour of a webhook: read what the receiver spooled, and have hours that late events belong to collected again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from mailevents_dagster.model.event import Collection, Gap, Progress, ReadRange, StoppedError
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.sources.client import Options
from mailevents_dagster.sources.webhook.errors import ReceiverError
from mailevents_dagster.sources.webhook.intake import Intake, told_by
from mailevents_dagster.sources.webhook.placing import Placing
from mailevents_dagster.sources.webhook.providers.provider import Provider
from mailevents_dagster.sources.webhook.spool.frames import Posted
from mailevents_dagster.sources.webhook.spool.survey import Segment, Survey
from mailevents_dagster.sources.webhook.spool.uptime import Time, is_running, outages, read_uptime
from mailevents_dagster.store.cursors import Cursor
from mailevents_dagster.store.hour.open_hour import OpenHour
from mailevents_dagster.store.store import Store

TOGETHER: Final = 500
"""Requests that are looked at together."""
START: Final = "Start it: `mailevents receive`, or `systemctl start mailevents-receiver`."


@dataclass(frozen=True, slots=True)
class Webhook:
    """A webhook as it is collected."""

    feed: Feed
    provider: Provider
    folder: Path
    """Of its spool."""
    placing: Placing
    kept_days: int | None = None
    simulate: Callable[[float], object] = lambda _: None
    """Puts into the spool what came up to a time, where nothing is received."""


class WebhookClient:
    """What collects the hours of a webhook."""

    def __init__(self, store: Store, webhook: Webhook, now: Callable[[], float] = time.time) -> None:
        self._store = store
        self._webhook = webhook
        self._now = now
        self._survey = Survey(webhook.folder, self._hours_of, repr(webhook.placing))
        self._is_stopped = False

    def collect(self, work: OpenHour, options: Options) -> Collection:
        """Return what was received of an hour; each file that is new is a blob."""
        began, listed_at = time.monotonic(), self._now()
        self._webhook.simulate(listed_at)
        ran = read_uptime(self._webhook.folder)
        found = self._survey.segments()
        ours = [segment for segment in found if work.hour.start in segment.hours]
        outage = [one for one in outages(ran, listed_at) if one[0] < work.hour.end and one[1] > work.hour.start]
        if not ours and not work.before:
            self._check_it_ran(work.hour, ran, listed_at)
        intake = Intake(work, self._store.blobs, self._webhook.provider, self._webhook.placing)
        ranges = {one.file: one for one in (work.before.ranges if work.before else ())}
        for segment in ours:
            lines = 0
            for posts in self._posts(segment, work.hour.start):
                lines += intake.take(posts)
                options.report(Progress(intake.requests, 0, 0))
            name = segment.path.name
            ranges[name] = ReadRange(name, name, 0, segment.end, lines, 0, 0)
        reopened = self._reopen(found, work.hour, listed_at)
        gaps = _gaps(outage, work.hour, self._webhook.provider.sends_all_again_seconds)
        return Collection(
            intake.placed(),
            strays=frozenset(intake.strays),
            gaps=gaps,
            listed_at=listed_at,
            closed=listed_at >= work.hour.end + options.settle_seconds,
            measures={
                "requests": intake.requests,
                "sent_again": intake.repeated,
                "files_kept": intake.files,
                "receiver_down_seconds": _seconds_of(outage, work.hour),
                "hours_collected_again": len(reopened),
                "collect_seconds": round(time.monotonic() - began, 3),
            },
            notes=tuple(_notes(_seconds_of(outage, work.hour), reopened)),
            ranges=tuple(ranges.values()),
        )

    def sweep(self) -> int:
        """Remove segments of which everything is committed in closed hours, or has expired; return how many went."""
        now, gone = self._now(), 0
        for segment in self._survey.segments():
            if segment.is_sealed and all(self._is_done(segment, hour, now) for hour in segment.hours):
                segment.remove()
                gone += 1
        return gone

    def stop(self) -> None:
        self._is_stopped = True

    def close(self) -> None:
        self.sweep()

    def _hours_of(self, posted: Posted) -> set[int]:
        placing = self._webhook.placing
        return {placing.hour_of(told.time, posted.received) for told in told_by(self._webhook.provider, posted)}

    def _posts(self, segment: Segment, hour: int) -> Iterator[Sequence[Posted]]:
        posts: list[Posted] = []
        for frame in segment.frames(hour):
            if self._is_stopped:
                raise StoppedError("Reading was stopped.")
            posts.append(frame.posted)
            if len(posts) == TOGETHER:
                yield posts
                posts = []
        yield posts

    def _check_it_ran(self, hour: Hour, ran: Sequence[Time], now: float) -> None:
        """Raise where nothing can be known of an hour: the receiver did not run in it, and does not run now."""
        if not ran:
            raise ReceiverError(f"The receiver of {self._webhook.feed.domain} never ran. {START}", has_run=False)
        if not is_running(ran, now) and ran[-1][1] < hour.start:
            since = Hour.containing(ran[-1][1], hour.timezone)
            raise ReceiverError(
                f"The receiver does not run since the hour of {since}: what is sent to it meanwhile comes when it "
                f"runs again. {START}",
                has_run=True,
            )

    def _reopen(self, found: Sequence[Segment], but: Hour, now: float) -> list[Hour]:
        """Have closed hours collected again that late events belong to, by whoever collects what is missing."""
        cursor = self._store.readable_cursor(self._webhook.feed) or Cursor()
        starts = {start for segment in found for start in segment.hours if start != but.start}
        late = [
            Hour(start, but.timezone)
            for start in sorted(starts)
            if cursor.is_closed(start) and any(not self._is_done(segment, start, now) for segment in found)
        ]
        for hour in late:
            self._store.feed_cursor(self._webhook.feed).change_if_whole(partial(Cursor.missing_again, hour=hour))
        return late

    def _is_done(self, segment: Segment, hour: int, now: float) -> bool:
        """Return whether an hour needs nothing of a segment any more."""
        if hour not in segment.hours:
            return True
        kept_days = self._webhook.kept_days
        if kept_days is not None and hour < now - kept_days * 86_400:
            return True
        manifest = self._store.readable_manifest(self._webhook.feed, Hour(hour, self._webhook.placing.timezone))
        return manifest is not None and manifest.closed and segment.is_covered(hour, manifest.ranges)


def _gaps(outages: Sequence[Time], hour: Hour, longest: float) -> tuple[Gap, ...]:
    """Return the times of an hour that lie in outages of which the provider does not send all again."""
    why = "the receiver was not running, for longer than the provider sends all again that it could not deliver"
    return tuple(
        Gap(int(max(first, hour.start)), 0, int(min(end, hour.end)), why)
        for first, end in outages
        if end - first > longest
    )


def _seconds_of(outages: Sequence[Time], hour: Hour) -> int:
    return round(sum(min(end, hour.end) - max(first, hour.start) for first, end in outages))


def _notes(down: int, reopened: Sequence[Hour]) -> Iterator[str]:
    if down:
        yield (
            f"The receiver was not running for {down:,} s of this hour. What the provider sends again gets into the "
            f"hour when it comes."
        )
    if reopened:
        named = ", ".join(map(str, reopened[:5])) + (f" and {len(reopened) - 5:,} more" if len(reopened) > 5 else "")
        yield f"Events came late for hours that are closed, which are collected again: {named}."
