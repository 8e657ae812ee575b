"""Troubles: which there are, and which of them people are told of now. Pure: no store, no channel, no Dagster.

A trouble is told once and, while it goes on, again after a time. The ledger outlives the process: what nobody could be
told of is still there at the next look.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from math import inf
from typing import Any, Final

from mailevents_dagster.collecting.planning import FeedState
from mailevents_dagster.collecting.retries import REFUSED
from mailevents_dagster.model.event import WAITS_FOR_OTHER
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.store.cursors import UNFINISHED, Cursor, Failure

VERSION: Final = 1
LONGEST_COLLECTION: Final = 3600.0
"""Seconds after which a collection that did not end, and that nobody is at, is not about to be tried again."""
FORGOTTEN_AFTER: Final = 30 * 86_400.0
"""Seconds after which a trouble that was not seen again leaves the ledger: its feed or job may be gone."""


class Kind(StrEnum):
    """What can have a trouble."""

    FEED = "feed"
    CHECK = "check"
    JOB = "job"


CALM: Final = {Kind.FEED: 900.0, Kind.CHECK: 7200.0, Kind.JOB: 7200.0}
"""Seconds without the trouble before it counts as over: what comes and goes is one trouble, not ten a day.

Feeds are looked at all the time; runs and checks are heard of when they happen, mostly once an hour.
"""


@dataclass(frozen=True, slots=True, order=True)
class Subject:
    kind: Kind
    name: str


@dataclass(frozen=True, slots=True, order=True)
class Trouble:
    """The same cause at the same subject is the same trouble, and is told once."""

    subject: Subject
    cause: str


@dataclass(frozen=True, slots=True)
class Sighting:
    """A trouble that was there at a time."""

    trouble: Trouble
    at: float
    said: str


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen at one look. Of a subject that is neither in trouble nor good nothing is known yet."""

    troubles: Sequence[Sighting] = ()
    good: Mapping[Subject, float] = field(default_factory=dict)
    """When a subject was last known to be good."""
    runs: frozenset[str] = frozenset()
    """Runs that were looked at."""
    until: float | None = None
    """Until when runs were looked at; None if none were."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of a trouble."""

    since: float
    seen: float
    """When it was there last."""
    said: str
    good: float | None = None
    """When its subject was last known to be good."""
    told: float | None = None
    """When people were told of it last."""

    def is_over(self, kind: Kind, now: float) -> bool:
        return self.good is not None and self.good > self.seen and now - self.seen >= CALM[kind]

    def is_due(self, now: float, repeat_seconds: float) -> bool:
        """Return whether people must be told: for the first time, or again since it goes on."""
        return self.told is None or (self.seen > self.told and now - self.told >= repeat_seconds)


@dataclass(frozen=True, slots=True)
class Ledger:
    """The troubles that are not over, or whose end was not told yet."""

    entries: Mapping[Trouble, Entry] = field(default_factory=dict)
    until: float | None = None
    """Until when runs that ended have been looked at."""
    runs: frozenset[str] = frozenset()
    """Those that the last look found, so that the next does not take them for new."""


@dataclass(frozen=True, slots=True)
class News:
    """What people must be told, the newest trouble first."""

    troubles: Sequence[tuple[Trouble, Entry]] = ()
    over: Sequence[tuple[Trouble, Entry]] = ()

    def __bool__(self) -> bool:
        return bool(self.troubles or self.over)


def noted(ledger: Ledger, look: Look, now: float) -> Ledger:
    """Return the ledger with what was seen, without what was told and then not seen for long."""
    entries = dict(ledger.entries)
    for one in look.troubles:
        known = entries.get(one.trouble) or Entry(one.at, one.at, one.said)
        if one.at >= known.seen:
            entries[one.trouble] = replace(known, seen=one.at, said=one.said)
    for trouble, entry in entries.items():
        if trouble.subject in look.good:
            entries[trouble] = replace(entry, good=max(entry.good or 0.0, look.good[trouble.subject]))
    kept = {
        trouble: entry for trouble, entry in entries.items() if entry.told is None or now - entry.seen < FORGOTTEN_AFTER
    }
    return Ledger(kept, ledger.until, ledger.runs) if look.until is None else Ledger(kept, look.until, look.runs)


def news_of(ledger: Ledger, now: float, repeat_seconds: float) -> News:
    """Return what is to be told now. What came and went before it was told is told as over."""
    over = [(trouble, entry) for trouble, entry in ledger.entries.items() if entry.is_over(trouble.subject.kind, now)]
    gone = {trouble for trouble, _ in over}
    due = [
        (trouble, entry)
        for trouble, entry in ledger.entries.items()
        if trouble not in gone and entry.is_due(now, repeat_seconds)
    ]
    return News(sorted(due, key=lambda one: (-one[1].since, one[0])), sorted(over, key=lambda one: one[0]))


def told(ledger: Ledger, news: News, now: float) -> Ledger:
    """Return the ledger, in which another may have noted more meanwhile, once the news has been taken."""
    over = {trouble: entry.seen for trouble, entry in news.over}
    entries = {trouble: entry for trouble, entry in ledger.entries.items() if entry.seen > over.get(trouble, -inf)}
    for trouble, entry in news.troubles:
        entries[trouble] = replace(entries.get(trouble, entry), told=now)
    return replace(ledger, entries=entries)


def look_at_feeds(states: Iterable[FeedState], at_work: Collection[Feed], timezone: str, now: float) -> Look:
    """Return what the cursors say; the feeds at work are being collected right now."""
    troubles: list[Sighting] = []
    good: dict[Subject, float] = {}
    for state in states:
        if state.cursor is None:
            continue  # the next collection makes it anew
        subject = Subject(Kind.FEED, str(state.feed))
        if not state.cursor.failed:
            good[subject] = now
        lasting = _lasting(state.cursor, now, at_work=state.feed in at_work)
        troubles += [Sighting(Trouble(subject, cause), now, said) for cause, said in _causes(lasting, timezone)]
    return Look(troubles, good)


def _lasting(cursor: Cursor, now: float, *, at_work: bool) -> Iterator[tuple[int, Failure]]:
    """Yield the failures that are more than a first try: most of those are mended by the second, minutes later.

    What another feed keeps away is that feed's trouble.
    """
    for start, failure in cursor.failed.items():
        if failure.cause == WAITS_FOR_OTHER:
            continue
        if failure.cause == UNFINISHED:
            lasts = not at_work and (failure.times > 1 or now - failure.at > LONGEST_COLLECTION)
        else:
            lasts = failure.times > 1 or cursor.failures_in_a_row > 1 or failure.cause == REFUSED
        if lasts:
            yield start, failure


def _causes(failures: Iterable[tuple[int, Failure]], timezone: str) -> Iterator[tuple[str, str]]:
    """Yield each cause once, with how many hours it keeps away and what the newest of them said."""
    of_cause: defaultdict[str, list[tuple[int, Failure]]] = defaultdict(list)
    for start, failure in failures:
        of_cause[failure.cause].append((start, failure))
    for cause, hours in of_cause.items():
        start, newest = max(hours, key=lambda one: one[1].at)
        count = "" if len(hours) == 1 else f"{len(hours):,} hours, of them "
        yield cause, f"{count}{Hour(start, timezone).key}: {newest.said}"


def look_of(*looks: Look) -> Look:
    """Return what was seen in all of them; at most one of them looked at runs."""
    return Look(
        [trouble for look in looks for trouble in look.troubles],
        {subject: at for look in looks for subject, at in look.good.items()},
        frozenset().union(*(look.runs for look in looks)),
        next((look.until for look in looks if look.until is not None), None),
    )


def ledger_content(ledger: Ledger) -> dict[str, object]:
    """Return the ledger as a file holds it."""
    return {
        "version": VERSION,
        "until": ledger.until,
        "runs": sorted(ledger.runs),
        "troubles": [
            {"kind": one.subject.kind.value, "subject": one.subject.name, "cause": one.cause, **asdict(entry)}
            for one, entry in sorted(ledger.entries.items(), key=lambda one: one[0])
        ],
    }


def ledger_of(content: Mapping[str, Any]) -> Ledger:
    """Return the ledger that a file holds."""
    entries = {}
    for one in content["troubles"]:
        trouble = Trouble(Subject(Kind(one["kind"]), one["subject"]), one["cause"])
        entries[trouble] = Entry(**{name: one[name] for name in ("since", "seen", "said", "good", "told")})
    return Ledger(entries, content["until"], frozenset(content["runs"]))
