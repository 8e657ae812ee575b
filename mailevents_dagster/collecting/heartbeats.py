"""Heartbeats: what this process is doing for each feed; a small file a feed, for monitors."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from mailevents_dagster.files.atomic import show
from mailevents_dagster.files.json_text import NotJsonError, parse, pretty
from mailevents_dagster.model.event import Progress
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.sharing.locks import HeldError
from mailevents_dagster.store.lack import Lack
from mailevents_dagster.store.layout import Layout

logger = logging.getLogger(__name__)

BEAT_EVERY: Final = 5.0


class Status(StrEnum):
    """What became of the feed's last collection by this process; the words of the tool that monitors know."""

    RUNNING = "running"
    COMPLETED = "completed"
    ERROR = "error"


@dataclass(slots=True)
class Beat:
    """What this process has done for a feed since it began with it. Threads may write at once."""

    feed: Feed
    began: float = field(default_factory=time.monotonic)
    status: Status = Status.RUNNING
    hour: Hour | None = None
    """The hour that was begun last."""
    progress: Progress | None = None
    """How far that hour is."""
    failure: str = ""
    """Why the last hour that failed did."""
    hours: int = 0
    failed_hours: int = 0
    events: int = 0
    """New ones."""
    calls: int = 0
    errors: int = 0
    seconds: float = 0.0
    """Spent in calls, summed over threads."""
    fastest: float = float("inf")
    slowest: float = 0.0
    throttled: float = 0.0
    """Seconds the source told it to wait."""
    lacking: dict[Hour, Lack] = field(default_factory=dict)
    """What committed hours lack."""
    stop: Callable[[], object] = lambda: None
    """Ends the waits and calls of its collection."""
    _counting: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def called(self, seconds: float, *, failed: bool) -> None:
        with self._counting:
            self.calls += 1
            self.errors += failed
            self.seconds += seconds
            self.fastest = min(self.fastest, seconds)
            self.slowest = max(self.slowest, seconds)

    def metrics(self, now: float) -> dict[str, float | None]:
        """Return the numbers that the file shows; `now` is of the monotonic clock."""
        with self._counting:
            return {
                "events": self.events,
                "hours": self.hours,
                "failed_hours": self.failed_hours,
                "api_calls": self.calls,
                "api_errors": self.errors,
                "api_seconds": round(self.seconds, 3),
                "api_ms_mean": round(self.seconds / self.calls * 1000, 1) if self.calls else None,
                "api_ms_min": round(self.fastest * 1000, 1) if self.calls else None,
                "api_ms_max": round(self.slowest * 1000, 1) if self.calls else None,
                "throttled_seconds": round(self.throttled, 1),
                "events_per_second": round(self.events / max(now - self.began, 0.001), 2),
            }


class Heartbeats:
    """Writes the files of the feeds that this process collects: every few seconds, and when something ends."""

    def __init__(self, layout: Layout, names: Mapping[Feed, str], timezone: str) -> None:
        self._layout = layout
        self._names = names
        self._zone = ZoneInfo(timezone)
        self._guard = threading.Lock()
        self._at_work: set[tuple[Feed, Hour]] = set()
        """A feed's hour may be committed while its next one is asked for."""
        self._thread: threading.Thread | None = None
        self.beats: dict[Feed, Beat] = {}

    @contextmanager
    def beating(self, feed: Feed, hour: Hour) -> Iterator[Beat]:
        """Show the feed as running until its last open hour ends, and then how that ended."""
        beat = self._begin(feed, hour)
        ended: Status | None = Status.COMPLETED
        try:
            yield beat
        except HeldError:  # another process collects it
            ended = None
            raise
        except BaseException as error:
            ended, beat.failure = Status.ERROR, f"{hour}: {str(error) or type(error).__name__}"
            raise
        finally:
            with self._guard:
                beat.hours += ended is Status.COMPLETED
                beat.failed_hours += ended is Status.ERROR
                self._at_work.discard((feed, hour))
                if all(other != feed for other, _ in self._at_work):
                    beat.status, beat.hour, beat.progress = ended or Status.COMPLETED, None, None
            self._write(beat)

    def read(self, feed: Feed) -> dict[str, Any] | None:
        """Return what the feed's file says, whichever process wrote it; None without a file that can be read."""
        try:
            content = parse(self.path(feed).read_bytes())
        except (FileNotFoundError, NotJsonError):
            return None
        return content if isinstance(content, dict) else None

    def name(self, feed: Feed) -> str:
        """Return what monitors call the feed; the name of its file begins with it."""
        return self._names.get(feed) or f"{feed.domain}-{feed.name.replace('/', '-')}"

    def path(self, feed: Feed) -> Path:
        return self._layout.operating_log(feed, f"{self.name(feed)}_heartbeat.json")

    def _begin(self, feed: Feed, hour: Hour) -> Beat:
        with self._guard:
            beat = self.beats.setdefault(feed, Beat(feed))
            beat.status, beat.hour, beat.progress = Status.RUNNING, hour, None
            self._at_work.add((feed, hour))
            if self._thread is None:
                self._thread = threading.Thread(target=self._beat_on, name="heartbeats", daemon=True)
                self._thread.start()
        self._write(beat)
        return beat

    def _beat_on(self) -> None:
        while True:
            time.sleep(BEAT_EVERY)
            with self._guard:
                if not self._at_work:
                    self._thread = None
                    return
                beats = [self.beats[feed] for feed in {feed for feed, _ in self._at_work}]
            for beat in beats:
                self._write(beat)

    def _write(self, beat: Beat) -> None:
        path = self.path(beat.feed)
        try:
            with self._guard:  # one file, one writer
                show(path, pretty(self._content(beat, time.time())))
        except OSError as error:  # what is collected matters more than what is said of it
            logger.warning(f"{path} cannot be written ({error.strerror}); the collection goes on without it.")

    def _content(self, beat: Beat, now: float) -> dict[str, object]:
        return {
            "section": self.name(beat.feed),
            "domain": beat.feed.domain,
            "feed": beat.feed.name,
            "status": beat.status.value,
            "last_heartbeat": datetime.fromtimestamp(now, self._zone).isoformat(timespec="seconds"),
            "last_heartbeat_unix": round(now, 3),
            "pid": os.getpid(),
            "hour": beat.hour.key if beat.hour else None,
            "details_done": beat.progress.details_done if beat.progress else None,
            "details_wanted": beat.progress.details_wanted if beat.progress else None,
            "error": beat.failure if beat.status is Status.ERROR else None,
            "metrics": beat.metrics(time.monotonic()),
        }
