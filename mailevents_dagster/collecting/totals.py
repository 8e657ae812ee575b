"""What a collection comes to: numbers, failures and lacking hours of this process and of those that work for it."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from mailevents_dagster.collecting.heartbeats import Beat, Heartbeats
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.store.lack import Lack


@dataclass(frozen=True, slots=True)
class Numbers:
    """What was done, over all feeds; the names are those of heartbeats."""

    hours: int = 0
    failed_hours: int = 0
    events: int = 0
    """New ones."""
    api_calls: int = 0
    api_errors: int = 0
    api_seconds: float = 0.0
    api_ms_min: float = float("inf")
    api_ms_max: float = 0.0
    throttled_seconds: float = 0.0
    """How long the source told it to wait."""

    @classmethod
    def of(cls, said: dict[str, Any]) -> Numbers:
        """Return what a heartbeat or the end of a process says."""
        return cls(**{field.name: said[field.name] for field in fields(cls) if said.get(field.name) is not None})

    def __add__(self, other: Numbers) -> Numbers:
        least, most = min(self.api_ms_min, other.api_ms_min), max(self.api_ms_max, other.api_ms_max)
        sums = {name: value + getattr(other, name) for name, value in asdict(self).items()}
        return Numbers(**{**sums, "api_ms_min": least, "api_ms_max": most})

    def as_json(self, seconds: float) -> dict[str, object]:
        """Return the numbers for programs, with those that follow from them."""
        return {
            **asdict(self),
            "api_ms_min": self.api_ms_min if self.api_calls else None,
            "api_ms_mean": round(self.api_seconds / self.api_calls * 1000, 1) if self.api_calls else None,
            "seconds": round(seconds, 3),
            "events_per_second": round(self.events / seconds, 2),
        }

    def lines(self, seconds: float) -> Iterator[str]:
        """Yield the numbers for people."""
        yield (
            f"{self.hours:,} hours collected, {self.failed_hours:,} failed; {self.events:,} new events in "
            f"{seconds:,.1f} s, {self.events / seconds:,.1f} a second"
        )
        if self.api_calls:
            failed = self.api_errors / self.api_calls
            yield (
                f"{self.api_calls:,} API calls: {1 - failed:.1%} succeeded, {failed:.1%} failed; they took "
                f"{self.api_seconds / self.api_calls * 1000:,.0f} ms in the mean, {self.api_ms_min:,.0f} at the "
                f"least, {self.api_ms_max:,.0f} at the most; told to wait for {self.throttled_seconds:,.0f} s"
            )


class Totals:
    """The totals of a collection while it goes on, from heartbeats and from what other processes say at their end."""

    def __init__(self, heartbeats: Heartbeats) -> None:
        self._heartbeats = heartbeats
        self._began, self._since = time.monotonic(), time.time()
        self._ended = Numbers()
        self._failures: dict[str, str] = {}
        self._lacking: dict[tuple[str, str], Lack] = {}

    @property
    def seconds(self) -> float:
        return max(0.001, time.monotonic() - self._began)

    def hear(self, said: bytes) -> bool:
        """Add what a process that worked beside this one printed at its end; return whether its run succeeded."""
        try:
            content = json.loads(said)
        except ValueError:  # it was killed
            return False
        self._ended += Numbers.of(content)
        self._failures.update(content["failures"])
        for one in content["lacking"]:
            self._lacking[one["feed"], one["hour"]] = Lack(**{each.name: one[each.name] for each in fields(Lack)})
        return not content["failed_runs"]  # no run at all: others are at these hours

    def numbers(self) -> Numbers:
        """Return the numbers of this process and of those that have ended."""
        return sum((Numbers.of(beat.metrics(time.monotonic())) for beat in self.beats()), self._ended)

    def failures(self) -> dict[str, str]:
        """Return for each feed with failed hours why the last of them failed."""
        return self._failures | {str(beat.feed): beat.failure for beat in self.beats() if beat.failure}

    def lacking(self) -> dict[tuple[str, str], Lack]:
        """Return what collected hours do not hold, by feed and hour, in this order."""
        own = {
            (str(beat.feed), hour.key): lack
            for beat in self.beats()
            for hour, lack in beat.lacking.items()
            if lack != Lack()
        }
        return dict(sorted({**self._lacking, **own}.items(), key=lambda pair: pair[0]))

    def as_json(self, succeeded: Sequence[bool]) -> dict[str, object]:
        """Return all of it for programs, and how many runs succeeded."""
        return {
            **self.numbers().as_json(self.seconds),
            "runs": len(succeeded),
            "failed_runs": succeeded.count(False),
            "failures": self.failures(),
            "lacking": [{"feed": feed, "hour": hour, **asdict(lack)} for (feed, hour), lack in self.lacking().items()],
        }

    def beats(self) -> list[Beat]:
        """Return the beats of this process; its threads may add some meanwhile."""
        return list(self._heartbeats.beats.values())

    def beside(self, feeds: Collection[Feed]) -> list[dict[str, Any]]:
        """Return the heartbeats of other processes that are collecting any of the feeds right now."""
        found = [self._heartbeats.read(feed) for feed in set(feeds) - self._heartbeats.beats.keys()]
        return [one for one in found if one and one["status"] == "running" and one["last_heartbeat_unix"] > self._since]
