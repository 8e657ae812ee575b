"""Takes the mails of a PST into the store, hour by hour: each to a blob and the journal, then the hour is committed.

The committed hours are the only record of how far an import came: who starts it again goes on where it ended.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b
from typing import Final

import numpy as np

from mailevents_dagster.files.damage import DamagedError
from mailevents_dagster.model.event import Origin
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.sources.additions import additions
from mailevents_dagster.sources.mailbox.pst.adding import Adding
from mailevents_dagster.sources.mailbox.pst.known import known_of, stored_faults
from mailevents_dagster.sources.mailbox.pst.library import File
from mailevents_dagster.sources.mailbox.pst.survey import Report, Survey
from mailevents_dagster.sources.mailbox.pst.writing import Writing
from mailevents_dagster.store.destruction_record import DestroyedError
from mailevents_dagster.store.store import NotCollectedError, Store

HOURS_AT_A_TIME: Final = 4
"""Commits wait for the disk most of their time."""
QUARTER: Final = 900
"""Seconds in which the clock of no time zone moves."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where mails are imported to."""

    store: Store
    feed: Feed
    open_from: int
    """The hour from which on automation asks the mailbox itself, so that these must stay open."""
    bodies: bool


@dataclass(slots=True)
class Imported:
    """What became of the mails of a PST."""

    added: int = 0
    there: int = 0
    """In the store before: from this file, or the same mail from the mailbox or another file."""
    destroyed: int = 0
    """Of hours that were destroyed for their age, and are not collected again."""
    hours: int = 0
    """That were written."""
    unreadable: list[str] = field(default_factory=list)
    """Mails that could not be read, or not whole, and why."""

    def add(self, more: Imported) -> None:
        self.added += more.added
        self.there += more.there
        self.destroyed += more.destroyed
        self.hours += more.hours
        self.unreadable += more.unreadable


def import_mails(file: File, survey: Survey, target: Target, report: Report) -> Imported:
    """Import all mails of the survey, oldest first. What is in the store stays as it is."""
    imported = Imported()
    with closing(Writing(target.store.blobs)) as writing, ThreadPoolExecutor(HOURS_AT_A_TIME, "hours") as pool:
        begun: deque[tuple[int, Future[Imported]]] = deque()

        def end_one() -> None:
            mails, future = begun.popleft()
            imported.add(future.result())
            report(mails)

        try:
            for hour, mails in _hours(survey, target.store.timezone):
                ids = ids_of(survey, mails)
                begun.append((len(mails), pool.submit(_import_hour, file, survey, target, writing, hour, ids)))
                if len(begun) > HOURS_AT_A_TIME:
                    end_one()
            while begun:
                end_one()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return imported


def ids_of(survey: Survey, mails: Iterable[int]) -> dict[str, int]:
    """Return by what each mail is known."""
    return {_id(survey, mail): mail for mail in mails}


def _id(survey: Survey, mail: int) -> str:
    """Return what a mail is known by: its number in the store, and its time, should a copy have given it to another."""
    place = survey.folder(mail).path if survey.numbers[mail] < 2**16 else ""
    text = f"{survey.key.hex()} {survey.numbers[mail]:x} {survey.times[mail]:x} {place}"
    return f"pst-{blake2b(text.encode('utf-8', 'replace'), digest_size=16).hexdigest()}"


def _hours(survey: Survey, timezone: str) -> Iterator[tuple[Hour, list[int]]]:
    """Yield each hour with its mails, oldest first."""
    order = np.argsort(np.array(survey.times, np.int64), kind="stable")
    hour: Hour | None = None
    mails: list[int] = []
    for mail in map(int, order):
        its = _hour_of(survey.seconds(mail) // QUARTER, timezone)
        if hour is not None and its != hour:
            yield hour, mails
            mails = []
        hour = its
        mails.append(mail)
    if hour is not None:
        yield hour, mails


@lru_cache
def _hour_of(quarter: int, timezone: str) -> Hour:
    return Hour.containing(quarter * QUARTER, timezone)


def _stored(target: Target, hour: Hour, ids: dict[str, int]) -> dict[str, list[str]] | None:
    """Return the faults of these mails, where the hour holds them all and its commit had come to its end; else None."""
    try:
        if target.store.feed_cursor(target.feed).read().failed.get(hour.start):
            return None
        table = target.store.table(target.feed, hour, ["id", "faults"])
    except (NotCollectedError, DestroyedError, DamagedError, OSError):
        return None
    faults = dict(zip(table.column("id").to_pylist(), table.column("faults").to_pylist(), strict=True))
    return {id_: faults[id_] for id_ in ids} if faults.keys() >= ids.keys() else None


def _told(survey: Survey, ids: dict[str, int], faults: dict[str, list[str]]) -> Iterator[str]:
    for id_, mail in ids.items():
        yield from (f"{survey.named(mail)}: {fault}" for fault in stored_faults(faults.get(id_)))


def _import_hour(
    file: File, survey: Survey, target: Target, writing: Writing, hour: Hour, ids: dict[str, int]
) -> Imported:
    """Commit an hour with those of its mails that the store lacks."""
    faults = _stored(target, hour, ids)
    if faults is not None:
        return Imported(there=len(ids), unreadable=[*_told(survey, ids, faults)])
    try:
        with target.store.open_hour(target.feed, hour, when_held=lambda _: None) as work:
            known = known_of(work, ids)
            adding = Adding(file, survey, writing, work, known, bodies=target.bodies)
            placed = adding.add([(id_, mail) for id_, mail in ids.items() if id_ not in known.faults])
            work.commit(additions(work, placed, Origin.PST, closed=hour.start < target.open_from))
    except DestroyedError:
        return Imported(destroyed=len(ids))
    told = [*_told(survey, ids, known.faults), *adding.unreadable]
    return Imported(adding.added, adding.there + len(known.faults), hours=1, unreadable=told)
