"""What mail there is: generated from a seed, or put there record by record."""

from __future__ import annotations

import hashlib
import re
import threading
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from operator import itemgetter
from random import Random
from typing import Any, Final, NamedTuple, Protocol
from zoneinfo import ZoneInfo

from mailevents_dagster.model.hour import SECONDS
from mailevents_dagster.sources.uzmanposta.feeds import FEED_KINDS
from mailevents_dagster.sources.uzmanposta.simulator.records import (
    MAKERS,
    Record,
    is_queued,
    known_time,
    own_time,
    with_detail,
)

EVENTS_PER_HOUR: Final = 60.0
"""Lively enough to look at, small enough to wait for."""
ROWS_KEPT: Final = 50_000
"""Listing rows in memory, about 2.5 kB each."""
PLANS_KEPT: Final = 512
"""Hours whose times are in memory, so that a detail costs one record and not its hour; 0.1 kB an event."""
SHARE: Final = {
    "mail/incominglog": 1.0,
    "mail/outgoinglog": 0.6,
    "quarantine/quarantine": 0.15,
    "quarantine/hold": 0.05,
    "authentication": 0.8,
}
BURST_CHANCE: Final = 0.04
TWIN_CHANCE: Final = 0.5
_DAY: Final = (2, 1, 1, 1, 1, 2, 4, 8, 16, 24, 26, 25, 18, 22, 25, 24, 22, 18, 12, 8, 6, 5, 4, 3)
_WEEK: Final = (1.2, 1.2, 1.2, 1.2, 1.1, 0.6, 0.5)
_MEAN: Final = sum(_DAY) / len(_DAY) * sum(_WEEK) / len(_WEEK)
_QUEUE_ID: Final = re.compile("([0-9A-Z]{4})([0-9A-Z]{6})(0|[1-9A-Z][0-9A-Z]*)")
"""The hour since 1970, the digest of the feed, the place in the hour: so any process can tell what an id stands for.

Of 36 ** 6 = 2 thousand million digests, two of 1,000 feeds meet in one seed of 4,000.
"""
_LAST_HOUR: Final = 36**4 - 1


class EventSource(Protocol):
    """Where a simulator has its records from. Called from several threads at once."""

    def rows(self, domain: str, feed_name: str, start: int, end: int) -> list[Record]:
        """Return the records with start <= own time <= end, oldest first: a new list of shared records."""

    def detail(self, queue_id: str, time: int) -> Record | None:
        """Return the full record of the mail with this queue id and own time."""


class _Slot(NamedTuple):
    """The place of one event in its hour. Equal numbers at one time are equal records."""

    time: int
    number: int


class GeneratedMail:
    """Mail with the rhythm of working days in Istanbul.

    An hour of a feed is a pure function of seed, domain, feed and hour, so every process sees the same mail.
    """

    def __init__(self, seed: int = 1, events_per_hour: float = EVENTS_PER_HOUR, domains: Iterable[str] = ()) -> None:
        self.seed = seed
        self.events_per_hour = events_per_hour
        self._mail_feeds: dict[str, tuple[str, str]] = {}
        self._known: set[str] = set()
        self._plan = lru_cache(maxsize=PLANS_KEPT)(self._make_plan)
        self._record = lru_cache(maxsize=ROWS_KEPT)(self._make_record)
        for domain in domains:
            self.know(domain)

    def know(self, domain: str) -> None:
        """Answer for queue ids of this domain from now on; a listing of the domain does the same."""
        if domain not in self._known:
            for name, kind in FEED_KINDS.items():
                if kind.has_details:
                    self._mail_feeds[self._digest(domain, name)] = (domain, name)
            self._known.add(domain)

    def rows(self, domain: str, feed_name: str, start: int, end: int) -> list[Record]:
        self.know(domain)
        rows: list[Record] = []
        for hour in range(max(0, start // SECONDS), min(_LAST_HOUR, end // SECONDS) + 1):
            part = _between(self._plan(domain, feed_name, hour), start, end)
            rows += [self._record(domain, feed_name, hour, index) for index in range(part.start, part.stop)]
        return rows

    def detail(self, queue_id: str, time: int) -> Record | None:
        parts = _QUEUE_ID.fullmatch(queue_id)
        feed = self._mail_feeds.get(parts[2]) if parts else None
        if parts is None or feed is None or time // SECONDS != int(parts[1], 36):
            return None
        hour, index = int(parts[1], 36), int(parts[3], 36)
        plan = self._plan(*feed, hour)
        if index >= len(plan) or plan[index].time != time:
            return None
        record = self._record(*feed, hour, index)
        return with_detail(record) if is_queued(record) else None

    def _make_record(self, domain: str, feed_name: str, hour: int, index: int) -> Record:
        slot = self._plan(domain, feed_name, hour)[index]
        queue_id = f"{_base_36(hour, 4)}{self._digest(domain, feed_name)}{_base_36(index)}"
        random = _random(self.seed, domain, feed_name, hour, slot.number)
        return MAKERS[feed_name](random, domain, queue_id, slot.time)

    def _make_plan(self, domain: str, feed_name: str, hour: int) -> list[_Slot]:
        """Return when the events of an hour happen, oldest first."""
        random = _random(self.seed, domain, feed_name, hour)
        mean = self.events_per_hour * SHARE[feed_name] * _rhythm(hour)
        number = int(mean * random.uniform(0.8, 1.2) + random.random())
        slots: list[_Slot] = []
        while len(slots) < number:
            time = hour * SECONDS + random.randrange(SECONDS)
            burst = random.randrange(2, 9) if random.random() < BURST_CHANCE else 1
            for _ in range(min(burst, number - len(slots))):
                twin = feed_name == "authentication" and burst > 1 and random.random() < TWIN_CHANCE
                slots.append(slots[-1] if twin and slots and slots[-1].time == time else _Slot(time, len(slots)))
        return sorted(slots, key=itemgetter(0))

    def _digest(self, domain: str, feed_name: str) -> str:
        return _base_36(_number(self.seed, domain, feed_name) % 36**6, 6)


def _rhythm(hour: int) -> float:
    """Return how lively an hour is in Istanbul; 1 is the mean of a week."""
    local = datetime.fromtimestamp(hour * SECONDS, ZoneInfo("Europe/Istanbul"))
    return _DAY[local.hour] * _WEEK[local.weekday()] / _MEAN


def _random(*parts: object) -> Random:
    return Random(_number(*parts))  # noqa: S311 - mail, not secrets


def _number(*parts: object) -> int:
    return int.from_bytes(hashlib.sha256("\0".join(map(str, parts)).encode()).digest()[:8], "big")


def _base_36(number: int, width: int = 1) -> str:
    digits = ""
    while number or len(digits) < width:
        number, digit = divmod(number, 36)
        digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[digit] + digits
    return digits


class FixedMail:
    """Exactly the records it was given. They are kept as they are: do not change one, remove it and add another."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._feeds: dict[tuple[str, str], list[tuple[int, Record]]] = {}
        """Records with the times they are listed at, oldest first."""
        self._mails: dict[tuple[str, int], Record] = {}

    def add(self, domain: str, feed_name: str, records: Iterable[dict[str, Any]], *, at: int | None = None) -> None:
        """Add records, listed at their own time, or at another one for those with a strange time or none."""
        added = [(_listed_at(record, at), record) for record in records]
        with self._lock:
            entries = self._feeds.setdefault((domain, feed_name), [])
            entries += added
            entries.sort(key=itemgetter(0))
            for _, record in added:
                if record.get("queue_id"):
                    self._mails[str(record["queue_id"]), known_time(record)] = record

    def remove(self, domain: str, feed_name: str, records: Iterable[dict[str, Any]], *, at: int | None = None) -> None:
        """Remove one record equal to each of these, with its detail; ValueError where there is none."""
        with self._lock:
            entries = self._feeds.setdefault((domain, feed_name), [])
            for record in records:
                time = _listed_at(record, at)
                part = _between(entries, time, time)
                try:
                    place = entries.index((time, record), part.start, part.stop)
                except ValueError:
                    raise ValueError(f"{domain} {feed_name} has no such record at {time}") from None
                del entries[place]
                key = str(record.get("queue_id")), known_time(record)
                if self._mails.get(key) == record:
                    del self._mails[key]

    def rows(self, domain: str, feed_name: str, start: int, end: int) -> list[Record]:
        with self._lock:
            entries = self._feeds.get((domain, feed_name), [])
            return [record for _, record in entries[_between(entries, start, end)]]

    def detail(self, queue_id: str, time: int) -> Record | None:
        with self._lock:
            record = self._mails.get((queue_id, time))
        return None if record is None else with_detail(record)


def _between(entries: Sequence[tuple[int, object]], start: int, end: int) -> slice:
    """Return where the entries of these times stand among all, which are in the order of their times."""
    first = bisect_left(entries, start, key=itemgetter(0))
    return slice(first, max(first, bisect_right(entries, end, key=itemgetter(0))))


def _listed_at(record: Record, at: int | None) -> int:
    time = own_time(record) if at is None else at
    if time is None:
        raise ValueError("the record has no time to read: say with at= when it is listed")
    return time
