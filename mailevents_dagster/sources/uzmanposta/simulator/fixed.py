"""Mail that a test puts there itself, record by record."""

from __future__ import annotations

import threading
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

from mailevents_dagster.sources.uzmanposta.simulator.details import with_detail
from mailevents_dagster.sources.uzmanposta.simulator.records import Record
from mailevents_dagster.sources.uzmanposta.simulator.times import known_time, own_time


@dataclass(slots=True)
class _Rows:
    """The records of one feed with the times they are listed at; sorted when they are next read."""

    entries: list[tuple[int, Record]] = field(default_factory=list)
    is_sorted: bool = True

    def between(self, start: int, end: int) -> slice:
        if not self.is_sorted:
            self.entries.sort(key=itemgetter(0))
            self.is_sorted = True
        first = bisect_left(self.entries, start, key=itemgetter(0))
        return slice(first, max(first, bisect_right(self.entries, end, key=itemgetter(0))))


class FixedMail:
    """Exactly the records it was given. They are kept as they are: do not change one, remove it and add another."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._feeds: dict[tuple[str, str], _Rows] = {}
        self._mails: dict[tuple[str, int], Record] = {}

    def add(self, domain: str, feed_name: str, records: Iterable[dict[str, Any]], *, at: int | None = None) -> None:
        """Adds records, listed at their own time, or at another one for those with a strange time or none."""
        added = [(self._time(record, at), record) for record in records]
        with self._lock:
            feed = self._feeds.setdefault((domain, feed_name), _Rows())
            feed.entries += added
            feed.is_sorted = False
            for _, record in added:
                if record.get("queue_id"):
                    self._mails[str(record["queue_id"]), known_time(record)] = record

    def remove(self, domain: str, feed_name: str, records: Iterable[dict[str, Any]], *, at: int | None = None) -> None:
        """Removes one record equal to each of these, with its detail; ValueError where there is none."""
        with self._lock:
            feed = self._feeds.setdefault((domain, feed_name), _Rows())
            for record in records:
                time = self._time(record, at)
                part = feed.between(time, time)
                try:
                    place = feed.entries.index((time, record), part.start, part.stop)
                except ValueError:
                    raise ValueError(f"{domain} {feed_name} has no such record at {time}") from None
                del feed.entries[place]
                key = str(record.get("queue_id")), known_time(record)
                if self._mails.get(key) == record:
                    del self._mails[key]

    def rows(self, domain: str, feed_name: str, start: int, end: int) -> list[Record]:
        with self._lock:
            feed = self._feeds.get((domain, feed_name))
            return [record for _, record in feed.entries[feed.between(start, end)]] if feed else []

    def detail(self, queue_id: str, time: int) -> Record | None:
        with self._lock:
            record = self._mails.get((queue_id, time))
        return None if record is None else with_detail(record)

    @staticmethod
    def _time(record: Record, at: int | None) -> int:
        time = own_time(record) if at is None else at
        if time is None:
            raise ValueError("the record has no time to read: say with at= when it is listed")
        return time
