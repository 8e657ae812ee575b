"""What mail there is: the seam for sources of records, and mail generated from a seed alone.

An hour of a feed is a pure function of (seed, domain, feed, hour), so every process sees the same mail.
"""

from __future__ import annotations

import hashlib
import threading
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from random import Random
from typing import Final, Protocol
from zoneinfo import ZoneInfo

from mailevents_dagster.model.hour import SECONDS
from mailevents_dagster.sources.uzmanposta.feeds import FEED_KINDS
from mailevents_dagster.sources.uzmanposta.simulator.behaviour import EVENTS_PER_HOUR
from mailevents_dagster.sources.uzmanposta.simulator.details import with_detail
from mailevents_dagster.sources.uzmanposta.simulator.queue_ids import DIGEST_LENGTH, LAST_HOUR, QueueId, in_base_36
from mailevents_dagster.sources.uzmanposta.simulator.records import MAKERS, Record, is_queued
from mailevents_dagster.sources.uzmanposta.simulator.times import known_time

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


class EventSource(Protocol):
    """Where a simulator has its records from. Called from the simulator's thread and from tests at once."""

    def rows(self, domain: str, feed_name: str, start: int, end: int) -> list[Record]:
        """All records with start <= own time <= end, oldest first; a list of its own, the records shared."""

    def detail(self, queue_id: str, time: int) -> Record | None:
        """The full record of the mail with this queue id and own time."""


@dataclass(frozen=True, slots=True)
class _Slot:
    """The place of one event in its hour. Equal numbers at one time are equal records."""

    time: int
    number: int


class GeneratedMail:
    """Mail with the rhythm of working days in Istanbul, the same in every process with the same seed."""

    def __init__(self, seed: int = 1, events_per_hour: float = EVENTS_PER_HOUR, domains: Iterable[str] = ()) -> None:
        self.seed = seed
        self.events_per_hour = events_per_hour
        self._lock = threading.RLock()
        self._hours: OrderedDict[tuple[str, str, int], list[Record]] = OrderedDict()
        self._rows_kept = 0
        self._mail_feeds: dict[str, tuple[str, str]] = {}
        self._known: set[str] = set()
        self._plan = lru_cache(maxsize=PLANS_KEPT)(self._plan_hour)
        for domain in domains:
            self.know(domain)

    def know(self, domain: str) -> None:
        """From now on queue ids of this domain can be told; a listing of the domain does the same."""
        if domain not in self._known:
            for name, kind in FEED_KINDS.items():
                if kind.has_details:
                    self._mail_feeds[self._digest(domain, name)] = (domain, name)
            self._known.add(domain)

    def rows(self, domain: str, feed_name: str, start: int, end: int) -> list[Record]:
        self.know(domain)
        first, last = max(0, start // SECONDS), min(LAST_HOUR, end // SECONDS)
        rows: list[Record] = []
        for hour in range(first, last + 1):
            rows += self._hour(domain, feed_name, hour)
        return rows[bisect_left(rows, start, key=known_time) : bisect_right(rows, end, key=known_time)]

    def detail(self, queue_id: str, time: int) -> Record | None:
        parts = QueueId.read(queue_id)
        feed = self._mail_feeds.get(parts.digest) if parts else None
        if parts is None or feed is None or time // SECONDS != parts.hour:
            return None
        plan = self._plan(*feed, parts.hour)
        if parts.index >= len(plan) or plan[parts.index].time != time:
            return None
        listed = self._hours.get((*feed, parts.hour))
        record = listed[parts.index] if listed else self._record(*feed, parts.hour, parts.index)
        return with_detail(record) if is_queued(record) else None

    def _hour(self, domain: str, feed_name: str, hour: int) -> list[Record]:
        key = (domain, feed_name, hour)
        with self._lock:
            rows = self._hours.get(key)
            if rows is not None:
                self._hours.move_to_end(key)
                return rows
            number = len(self._plan(domain, feed_name, hour))
            rows = [self._record(domain, feed_name, hour, index) for index in range(number)]
            self._hours[key] = rows
            self._rows_kept += len(rows)
            while self._rows_kept > ROWS_KEPT and len(self._hours) > 1:
                self._rows_kept -= len(self._hours.popitem(last=False)[1])
            return rows

    def _record(self, domain: str, feed_name: str, hour: int, index: int) -> Record:
        slot = self._plan(domain, feed_name, hour)[index]
        queue_id = str(QueueId(hour, self._digest(domain, feed_name), index))
        random = _random(self.seed, domain, feed_name, hour, slot.number)
        return MAKERS[feed_name](random, domain, queue_id, slot.time)

    def _plan_hour(self, domain: str, feed_name: str, hour: int) -> list[_Slot]:
        """When the events of an hour happen, oldest first."""
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
        return sorted(slots, key=lambda slot: slot.time)

    def _digest(self, domain: str, feed_name: str) -> str:
        number = int.from_bytes(_hash(self.seed, domain, feed_name)[:8], "big")
        return in_base_36(number % 36**DIGEST_LENGTH).rjust(DIGEST_LENGTH, "0")


def _rhythm(hour: int) -> float:
    """How lively an hour is in Istanbul; 1 is the mean of a week."""
    local = datetime.fromtimestamp(hour * SECONDS, ZoneInfo("Europe/Istanbul"))
    return _DAY[local.hour] * _WEEK[local.weekday()] / _MEAN


def _random(*parts: object) -> Random:
    return Random(int.from_bytes(_hash(*parts)[:8], "big"))  # noqa: S311 - mail, not secrets


def _hash(*parts: object) -> bytes:
    return hashlib.sha256("\0".join(map(str, parts)).encode()).digest()
