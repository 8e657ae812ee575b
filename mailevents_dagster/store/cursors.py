"""The cursor of a feed: which hours are closed, which are collected and not closed yet, and which failed.

It is written after the data it speaks of and can be derived from their manifests again, all but the failures.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

from mailevents_dagster.files.objects import ABSENT, Tag
from mailevents_dagster.model.event import Origin, SourceError, StoppedError
from mailevents_dagster.model.hour import SECONDS, Hour
from mailevents_dagster.store.lack import Lack, lack_of
from mailevents_dagster.store.manifest import Manifest

UNFINISHED: Final = "unfinished"
"""The cause of a failure that nobody reported: the collection is still going on, or its process is gone."""
SAME_TRY: Final = 60.0
"""Seconds after a failure in which another is of the same try: a run goes from one hour that fails to the next."""
SAID_CHARACTERS: Final = 500
"""Of an error."""

T = TypeVar("T")
Span = tuple[int, int]
"""Unix seconds, the second of them not included."""


@dataclass(frozen=True, slots=True)
class Failure:
    """An hour whose collection failed, until one succeeds."""

    times: int
    at: float
    cause: str
    said: str
    until: float | None = None
    """Until when the source said that it answers nobody; None where it said nothing."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """The source refused an hour as older than it looks back."""

    age: float
    """Seconds from the hour's start to the moment it was asked for, by the source's clock."""
    at: float
    """By this machine's clock."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """What a feed has. Hours are known by their first second."""

    closed: tuple[Span, ...] = ()
    """Merged, oldest first."""
    open: Mapping[int, float] = field(default_factory=dict)
    """When the hours were listed that are collected and not closed."""
    failed: Mapping[int, Failure] = field(default_factory=dict)
    failures_in_a_row: int = 0
    """Tries that failed since any hour was committed."""
    committed_at: float | None = None
    first: int | None = None
    """The feed's first hour, where it is later than its account's: what lies before was left to the tool before."""
    lacking: Mapping[int, Lack] = field(default_factory=dict)
    """Collected hours that do not hold everything the source shows of them."""
    refused: Refusal | None = None
    """The youngest hour that the source refused as too old, until it gives one of that age again."""
    clock: float = 0.0
    """The source's clock less this machine's, in seconds, when an hour was committed last."""
    looked_back_at: float | None = None
    """When its closed hours were last listed again for events that came late."""
    witnessed: float | None = None
    """What the source's clock showed when an hour was committed last; None where it never said."""
    learnt: Mapping[str, float] = field(default_factory=dict)
    """What the source showed of itself while it was listed; its own client knows what the names mean."""
    manifests: Mapping[int, tuple[Tag, Manifest]] = field(default_factory=dict)
    """On an object store the manifests of hours that are not closed, with their ETags: they need not be read."""
    without_strays: tuple[Span, ...] = ()
    """Collected hours whose manifests are known to name no strays. Merged, oldest first."""
    newest: tuple[int, int] | None = None
    """The newest hour that was closed by a commit, and how many events it had then."""

    def is_running(self, hour: Hour, now: float) -> bool:
        """Return whether the hour was collected without a failure and goes on."""
        return hour.start in self.open and hour.start not in self.failed and now < hour.end

    def knows(self, start: int) -> bool:
        """Return whether the hour was ever collected, or begun."""
        return start in self.open or start in self.failed or self.is_closed(start)

    def is_settled(self, start: int) -> bool:
        """Return whether the hour is closed, and nobody collects it again."""
        return self.is_closed(start) and start not in self.failed

    def may_have_strays(self, start: int) -> bool:
        """Return whether the hour may name strays, or come to do so while another is collected."""
        return self.knows(start) and not (self.is_settled(start) and _holds(self.without_strays, start))

    def begun(self, hour: Hour, now: float) -> Cursor:
        """Count a collection as failed until it is known to have ended: a killed process reports nothing."""
        said = f"The collection that began at {text_of(now, hour.timezone)} has not ended, or its process was killed."
        times = self.failed[hour.start].times + 1 if hour.start in self.failed else 1
        last = max((failure.at for failure in self.failed.values()), default=0.0)
        is_new_try = not self.failures_in_a_row or now - last >= SAME_TRY
        failed = {**self.failed, hour.start: Failure(times, now, UNFINISHED, said)}
        return replace(self, failed=failed, failures_in_a_row=self.failures_in_a_row + is_new_try)

    def failed_with(self, error: Exception, hour: Hour, now: float) -> Cursor:
        """Note that a collection was ended by an error; one of a running hour may not have been noted before."""
        if hour.start not in self.failed:
            return self.begun(hour, now).failed_with(error, hour, now)
        if isinstance(error, StoppedError):
            return self.given_up(hour)
        if isinstance(error, SourceError) and error.hour_is_gone:
            return self.gone(hour, now)
        said = str(error).encode(errors="backslashreplace").decode()[:SAID_CHARACTERS]
        if isinstance(error, SourceError):
            return self.ended(hour, now, error.cause, said, error.until)
        return self.ended(hour, now, type(error).__name__, said)

    def ended(self, hour: Hour, now: float, cause: str, said: str, until: float | None = None) -> Cursor:
        """Note why the collection that was begun failed."""
        failure = Failure(self.failed[hour.start].times if hour.start in self.failed else 1, now, cause, said, until)
        in_a_row = max(1, self.failures_in_a_row)  # an hour before may have been committed since this one began
        return replace(self, failed={**self.failed, hour.start: failure}, failures_in_a_row=in_a_row)

    def given_up(self, hour: Hour) -> Cursor:
        """Forget the collection that was begun: it cannot succeed, now or later, so nothing waits for it."""
        in_a_row = max(0, self.failures_in_a_row - 1)
        return replace(self, failed=_without(self.failed, hour.start), failures_in_a_row=in_a_row)

    def gone(self, hour: Hour, now: float) -> Cursor:
        """Note that the source refused the hour as too old: an older one need not be asked for, either."""
        age = now + self.clock - hour.start
        known = self.refused.age if self.refused else age
        return replace(self.given_up(hour), refused=Refusal(min(age, known), now))

    def committed(
        self,
        manifest: Manifest,
        now: float,
        clock: float | None = None,
        learnt: Mapping[str, float] = MappingProxyType({}),
        tag: Tag = ABSENT,
    ) -> Cursor:
        """Note that an hour was committed, and what the source showed of its clock and of itself.

        The tag is that of the manifest, on an object store.
        """
        start = manifest.start
        is_closed = manifest.closed or self.is_closed(start)
        still_open, others = _without(self.open, start), _without(self.manifests, start)
        gives_again = (
            manifest.origin is Origin.SOURCE and self.refused and manifest.listed_at - start >= self.refused.age
        )
        return replace(
            self,
            closed=merged((*self.closed, (start, manifest.end))) if is_closed else self.closed,
            open=still_open if is_closed else {**still_open, start: manifest.listed_at},
            failed=_without(self.failed, start),
            failures_in_a_row=0,
            committed_at=now,
            lacking=_with_lack(self.lacking, manifest),
            refused=None if gives_again else self.refused,
            clock=self.clock if clock is None else clock,
            witnessed=self.witnessed if clock is None else manifest.listed_at,
            learnt={**self.learnt, **learnt},
            manifests=others if is_closed or tag == ABSENT else {**others, start: (tag, manifest)},
            without_strays=_with_strays(self.without_strays, manifest),
            newest=max(self.newest or (start, 0), (start, manifest.events)) if is_closed else self.newest,
        )

    def says_the_same_of(self, start: int, other: Cursor) -> bool:
        """Return whether both say the same of an hour."""
        if self.is_closed(start) != other.is_closed(start):
            return False
        pairs = (
            (self.open, other.open),
            (self.failed, other.failed),
            (self.lacking, other.lacking),
            (self.manifests, other.manifests),
        )
        return all(mine.get(start) == others.get(start) for mine, others in pairs)

    def says_no_more_than(self, before: Cursor) -> bool:
        """Return whether only the time of the last commit, and clocks, are other than before it."""
        return self == replace(before, committed_at=self.committed_at, clock=self.clock, witnessed=self.witnessed)

    def destroyed(self, hour: Hour) -> Cursor:
        """Note that an hour was destroyed: it counts as done, even if it never was."""
        return replace(
            self,
            closed=merged((*self.closed, (hour.start, hour.end))),
            open=_without(self.open, hour.start),
            failed=_without(self.failed, hour.start),
            lacking=_without(self.lacking, hour.start),
            manifests=_without(self.manifests, hour.start),
        )

    @property
    def done_with(self) -> tuple[Span, ...]:
        """Closed hours, less those that were listed again and failed: these are to be listed once more."""
        failed = merged((start, start + SECONDS) for start in self.failed)
        return tuple(left for span in self.closed for left in gaps(span, failed)) if failed else self.closed

    def without_failures(self) -> Cursor:
        """Return the cursor as if nothing had failed and all that did were still to be collected."""
        return replace(self, closed=self.done_with, failed={}, failures_in_a_row=0)

    def missing_again(self, hour: Hour) -> Cursor:
        """Have an hour that was destroyed collected again."""
        this = ((hour.start, hour.end),)
        return replace(self, closed=tuple(left for span in self.closed for left in gaps(span, this)))

    def is_closed(self, start: int) -> bool:
        return _holds(self.closed, start)


def _holds(spans: Iterable[Span], start: int) -> bool:
    return any(first <= start < end for first, end in spans)


def gaps(within: Span, covered: Iterable[Span]) -> Iterator[Span]:
    """Yield what of a span is not covered; the covering spans are merged, oldest first, and so are the gaps."""
    first, end = within
    for covered_from, covered_to in covered:
        if covered_from >= end:
            break
        if covered_from > first:
            yield first, covered_from
        first = max(first, covered_to)
    if first < end:
        yield first, end


def merged(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Return the same seconds in as few spans as hold them."""
    result: list[Span] = []
    for first, end in sorted(spans):
        if result and first <= result[-1][1]:
            result[-1] = result[-1][0], max(end, result[-1][1])
        else:
            result.append((first, end))
    return tuple(result)


def hours_in(spans: Iterable[Span]) -> int:
    """Return how many hours these spans hold."""
    return sum(max(0, end - first) for first, end in spans) // SECONDS


def cursor_of(manifests: Iterable[Manifest], destroyed: Iterable[Span] = ()) -> Cursor:
    """Return the cursor that these manifests and destroyed hours, all of one feed, amount to."""
    closed, still_open = list(destroyed), {}
    lacking: Mapping[int, Lack] = {}
    gone = {first for first, _ in closed}
    without_strays: list[Span] = []
    for manifest in manifests:
        if manifest.closed:
            closed.append((manifest.start, manifest.end))
        elif manifest.start not in gone:
            still_open[manifest.start] = manifest.listed_at
        if manifest.start not in gone:
            lacking = _with_lack(lacking, manifest)
        if not manifest.strays:
            without_strays.append((manifest.start, manifest.end))
    return Cursor(merged(closed), still_open, lacking=lacking, without_strays=merged(without_strays))


def _with_lack(lacking: Mapping[int, Lack], manifest: Manifest) -> Mapping[int, Lack]:
    """Return what hours lack, with this manifest's instead of what was known of its hour."""
    others, lack = _without(lacking, manifest.start), lack_of(manifest)
    return others if lack == Lack() else {**others, manifest.start: lack}


def _with_strays(without: Iterable[Span], manifest: Manifest) -> tuple[Span, ...]:
    """Return which hours have no strays, with what this manifest says of its own."""
    this = manifest.start, manifest.end
    if not manifest.strays:
        return merged((*without, this))
    return tuple(left for span in without for left in gaps(span, (this,)))


def _without(by_hour: Mapping[int, T], start: int) -> Mapping[int, T]:
    return {hour: value for hour, value in by_hour.items() if hour != start}


def text_of(time: float, timezone: str) -> str:
    """Return a time as people read it."""
    return datetime.fromtimestamp(time, ZoneInfo(timezone)).isoformat(timespec="minutes")
