"""How far long work is: shown live on a terminal, as plain lines elsewhere; of a collection also numbers at its end."""

import json
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, Final, Self

from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars
from rich.table import Table

from mailevents_dagster.collecting.interval import Every
from mailevents_dagster.store.cursors import Lack

if TYPE_CHECKING:
    from mailevents_dagster.collecting.heartbeats import Beat, Heartbeats
    from mailevents_dagster.collecting.planning import Ask
    from mailevents_dagster.model.feed import Feed

SHOW_EVERY: Final = 0.2
"""Seconds between two pictures of a bar: some work has a million steps."""
SAY_EVERY: Final = 10.0
"""Seconds between two lines of progress, where no terminal shows it."""
FEEDS_SHOWN: Final = 12


@contextmanager
def progress(out: Console, total: int, said: Callable[[int], str]) -> Iterator[Callable[[int], None]]:
    """Takes how much more is done of a total: a bar on a terminal, elsewhere a line now and then.

    `said` is the text for what is done so far.
    """
    done = 0
    interval = Every(SHOW_EVERY if out.is_terminal else SAY_EVERY)
    columns = (BarColumn(), TextColumn("{task.description}", markup=False), TimeRemainingColumn())
    with Bars(*columns, console=out, transient=True, disable=not out.is_terminal) as bars:
        task = bars.add_task("", total=total)

        def tell(more: int) -> None:
            nonlocal done
            done += more
            if not interval.has_passed():
                return
            if out.is_terminal:
                bars.update(task, completed=done, description=said(done))
            else:
                out.print(said(done), markup=False, highlight=False)

        yield tell


@dataclass(frozen=True, slots=True)
class Numbers:
    """What was done, over all feeds."""

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
    """Told to wait by the API."""

    @classmethod
    def of(cls, said: dict[str, Any]) -> "Numbers":
        """From what a heartbeat or the end of a process says."""
        return cls(**{field.name: said[field.name] for field in fields(cls) if said.get(field.name) is not None})

    def __add__(self, other: "Numbers") -> "Numbers":
        least, most = min(self.api_ms_min, other.api_ms_min), max(self.api_ms_max, other.api_ms_max)
        sums = {name: value + getattr(other, name) for name, value in asdict(self).items()}
        return Numbers(**{**sums, "api_ms_min": least, "api_ms_max": most})

    def as_json(self, seconds: float) -> dict[str, object]:
        """The numbers for programs, with those that follow from them."""
        return {
            **asdict(self),
            "api_ms_min": self.api_ms_min if self.api_calls else None,
            "api_ms_mean": round(self.api_seconds / self.api_calls * 1000, 1) if self.api_calls else None,
            "seconds": round(seconds, 3),
            "events_per_second": round(self.events / seconds, 2),
        }

    def lines(self, seconds: float) -> Iterator[str]:
        """The numbers for people."""
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


@dataclass(frozen=True, slots=True)
class Lacking:
    """An hour that was collected and does not hold everything."""

    feed: str
    hour: str
    lack: Lack

    @classmethod
    def of(cls, said: dict[str, Any]) -> "Lacking":
        """From what a process says at its end."""
        return cls(said["feed"], said["hour"], Lack(**{one.name: said[one.name] for one in fields(Lack)}))

    def as_json(self) -> dict[str, object]:
        return {"feed": self.feed, "hour": self.hour, **asdict(self.lack)}

    def __str__(self) -> str:
        return f"{self.feed} {self.hour} ({self.lack})"


class Progress:
    """Watches a collection by its heartbeats, those of this process and those of others that work for it."""

    def __init__(self, out: Console, *, quiet: bool = False) -> None:
        self.expected = 0
        """Hours, each counted once a feed."""
        self._out = out
        self._quiet = quiet
        self._began = time.monotonic()
        self._interval = Every(SAY_EVERY)
        self._since = time.time()
        self._heartbeats: Heartbeats | None = None
        self._asked: set[Feed] = set()
        self._ended = Numbers()
        """Of processes beside this one."""
        self._failures: dict[str, str] = {}
        self._lacking: list[Lacking] = []
        self._live = Live(console=out, refresh_per_second=4, transient=True) if out.is_terminal and not quiet else None

    def watch(self, heartbeats: "Heartbeats") -> Self:
        self._heartbeats = heartbeats
        return self

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    @property
    def seconds(self) -> float:
        return max(0.001, time.monotonic() - self._began)

    def expect(self, ask: "Ask") -> None:
        self.expected += ask.feed_hours
        self._asked.update(ask.feeds)

    def say(self, line: str, level: int) -> None:
        """Of what runs say, people at a terminal need what is wrong; the rest is in the logs and in the UI."""
        if level >= logging.WARNING:
            self._out.print(line, style="red" if level >= logging.ERROR else "yellow", markup=False, highlight=False)

    def hear(self, said: bytes) -> bool:
        """Takes what a process that worked beside this one printed at its end; returns whether its run succeeded."""
        try:
            content = json.loads(said)
        except ValueError:  # it was killed
            return False
        self._ended += Numbers.of(content)
        self._failures.update(content["failures"])
        self._lacking += [Lacking.of(one) for one in content["lacking"]]
        return not content["failed_runs"]  # no run at all: others are at these hours

    def look(self) -> None:
        """Shows how far it is."""
        if self._live:
            self._live.update(self._picture())
        elif not self._quiet and self._interval.has_passed():
            self._out.print(self._line(self._others()), highlight=False)

    def numbers(self) -> Numbers:
        """Of what has ended, and of this process."""
        return sum((Numbers.of(beat.metrics(time.monotonic())) for beat in self._own()), self._ended)

    def failures(self) -> dict[str, str]:
        """Feeds of which hours failed, and why the last of them did."""
        return self._failures | {str(beat.feed): beat.failure for beat in self._own() if beat.failure}

    def lacking(self) -> "list[Lacking]":
        """Hours that were collected and do not hold everything, by feed and hour."""
        own = [
            Lacking(str(beat.feed), hour.key, lack)
            for beat in self._own()
            for hour, lack in sorted(beat.lacking.items())
            if lack != Lack()
        ]
        return sorted([*self._lacking, *own], key=lambda one: (one.feed, one.hour))

    def _own(self) -> "list[Beat]":
        """The beats of this process; its threads may add some meanwhile."""
        return list(self._heartbeats.beats.values()) if self._heartbeats else []

    def _others(self) -> list[dict[str, Any]]:
        """Heartbeats of processes that work beside this one right now."""
        assert self._heartbeats  # noqa: S101 - it is watched before it is looked at
        others = [self._heartbeats.read(feed) for feed in self._asked - self._heartbeats.beats.keys()]
        return [
            one for one in others if one and one["status"] == "running" and one["last_heartbeat_unix"] > self._since
        ]

    def _line(self, others: list[dict[str, Any]]) -> str:
        numbers = sum((Numbers.of(one["metrics"]) for one in others), self.numbers())
        at_hand = [(one.progress.details_done, one.progress.details_wanted) for one in self._own() if one.progress]
        at_hand += [(one["details_done"], one["details_wanted"]) for one in others if one["details_wanted"]]
        done, wanted = sum(done for done, _ in at_hand), sum(wanted for _, wanted in at_hand)
        return (
            f"{numbers.hours + numbers.failed_hours:,} of {self.expected:,} hours, {done:,} of {wanted:,} details of "
            f"the hours at hand, {numbers.events:,} new events, {numbers.events / self.seconds:,.1f} a second, "
            f"{numbers.failed_hours:,} hours and {numbers.api_errors:,} calls failed, told to wait for "
            f"{numbers.throttled_seconds:,.0f} s"
        )

    def _picture(self) -> Table:
        others = self._others()
        rows = [(str(one.feed), str(one.hour), one.progress) for one in self._own() if one.hour]
        table = Table.grid(padding=(0, 2))
        for feed, hour, done in rows[:FEEDS_SHOWN]:
            table.add_row(
                feed, hour, f"{done.details_done:,} of {done.details_wanted:,} details" if done else "listing"
            )
        for one in others[: FEEDS_SHOWN - len(rows)]:
            table.add_row(f"{one['domain']} {one['feed']}", one["hour"], f"{one['metrics']['events']:,} new events")
        whole = Table.grid()
        whole.add_row(table)
        whole.add_row(self._line(others))
        return whole
