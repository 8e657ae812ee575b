"""Takes the mails of a PST into the store, hour by hour: each to a blob and the journal, then the hour is committed.

The committed hours are the only record of how far an import came: who starts it again goes on where it ended.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from hashlib import blake2b
from typing import Final

import numpy as np

from mailevents_dagster.files.damage import DamagedError
from mailevents_dagster.files.json_text import parse
from mailevents_dagster.model.event import Event, Origin, Places
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.sources.additions import additions, with_all_known
from mailevents_dagster.sources.mailbox.messages.reading import read_message
from mailevents_dagster.sources.mailbox.pst.composing import composed
from mailevents_dagster.sources.mailbox.pst.known import FAULT, Known, known_of, stored_faults
from mailevents_dagster.sources.mailbox.pst.library import File, Item, PstError
from mailevents_dagster.sources.mailbox.pst.properties import BEGINNING, TICKS, Properties, Tag
from mailevents_dagster.sources.mailbox.pst.survey import Report, Survey, named, opened
from mailevents_dagster.sources.mailbox.rows import message_event, row_of
from mailevents_dagster.store.blobs import Blobs, NewBlob
from mailevents_dagster.store.destruction_record import DestroyedError
from mailevents_dagster.store.hour.open_hour import OpenHour
from mailevents_dagster.store.store import NotCollectedError, Store

SOURCE: Final = "pst"
QUARTER: Final = 900
"""Seconds in which the clock of no time zone moves."""
READ_FLAG: Final = 1
FAULTS_KEPT: Final = 20


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


def import_mails(file: File, survey: Survey, target: Target, report: Report) -> Imported:
    """Import all mails of the survey, oldest first. What is in the store stays as it is."""
    imported = Imported()
    key = _key(file)
    for hour, mails in _hours(survey, target.store.timezone):
        ids = {_id(key, survey, mail): mail for mail in mails}
        faults = _stored(target, hour, ids)
        if faults is None:
            _import_hour(file, survey, target, hour, ids, imported)
        else:
            imported.there += len(ids)
            imported.unreadable += _told(survey, ids, faults)
        report(len(mails))
    return imported


def _key(file: File) -> bytes:
    """Return what tells this store from others; it is in each copy of the file."""
    try:
        with file.store as item:
            return Properties(item, file.codepage).bytes(Tag.RECORD_KEY)
    except PstError:  # the survey says that it cannot be read
        return b""


def _id(key: bytes, survey: Survey, mail: int) -> str:
    """Return what a mail is known by: its number in the store, and its time, should a copy have given it to another."""
    place = survey.folders[survey.places[mail]].path if survey.numbers[mail] < 2**16 else ""
    text = f"{key.hex()} {survey.numbers[mail]:x} {survey.times[mail]:x} {place}"
    return f"pst-{blake2b(text.encode('utf-8', 'replace'), digest_size=16).hexdigest()}"


def seconds_of(survey: Survey, mail: int) -> int:
    return survey.times[mail] // TICKS - BEGINNING


def _hours(survey: Survey, timezone: str) -> Iterator[tuple[Hour, list[int]]]:
    """Yield each hour with its mails, oldest first."""
    order = np.argsort(np.array(survey.times, np.int64), kind="stable")
    hour: Hour | None = None
    mails: list[int] = []
    for mail in map(int, order):
        its = _hour_of(seconds_of(survey, mail) // QUARTER, timezone)
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
        table = target.store.dataset(target.feed, [hour]).to_table(columns=["id", "faults"])
    except (NotCollectedError, DestroyedError, DamagedError, OSError):
        return None
    faults = dict(zip(table.column("id").to_pylist(), table.column("faults").to_pylist(), strict=True))
    return {id_: faults[id_] for id_ in ids} if faults.keys() >= ids.keys() else None


def _told(survey: Survey, ids: dict[str, int], faults: dict[str, list[str]]) -> Iterator[str]:
    for id_, mail in ids.items():
        yield from (f"{named(survey, mail)}: {fault}" for fault in stored_faults(faults.get(id_)))


def _import_hour(
    file: File, survey: Survey, target: Target, hour: Hour, ids: dict[str, int], imported: Imported
) -> None:
    """Commit an hour with those of its mails that the store lacks."""
    try:
        with target.store.open_hour(target.feed, hour) as work:
            known = known_of(work, ids)
            imported.unreadable += _told(survey, ids, known.faults)
            adding = _Adding(file, survey, target, work, known, imported)
            places, times = adding.add([(id_, mail) for id_, mail in ids.items() if id_ not in known.faults])
            imported.there += len(ids.keys() & known.faults.keys())
            closed = hour.start < target.open_from
            work.commit(additions(work, with_all_known(work, places, times), Origin.PST, closed=closed))
            imported.hours += 1
    except DestroyedError:
        imported.destroyed += len(ids)


@dataclass(frozen=True, slots=True)
class _Adding:
    """The mails of one hour on their way into it."""

    file: File
    survey: Survey
    target: Target
    work: OpenHour
    known: Known
    imported: Imported

    def add(self, mails: Sequence[tuple[str, int]]) -> tuple[Places, Places]:
        """Add the mails that the hour lacks; return their places and times."""
        places, times = [], []
        for id_, mail in mails:
            try:
                event = self._event(id_, mail)
            except PstError as error:
                self.imported.unreadable.append(f"{named(self.survey, mail)}: {error}")
                continue
            if event is None:
                self.imported.there += 1
                continue
            places.append(self.work.add([event])[0])
            times.append(event.time)
        self.imported.added += len(places)
        return np.array(places, np.int64), np.array(times, np.int64)

    def _event(self, id_: str, mail: int) -> Event | None:
        """Return the event of a mail, its message in a blob; None where the mailbox had the same mail."""
        time = seconds_of(self.survey, mail)
        digest = blake2b(id_.encode(), digest_size=16).digest()
        fetched = self.work.journal.get(digest, digest)
        record = parse(fetched) if fetched else None
        blobs = Blobs(self.target.store.layout)
        if isinstance(record, dict) and blobs.path(str(record["blob"])):
            return message_event(record)
        with opened(self.file, self.survey, mail) as item:
            properties = Properties(item, self.file.codepage)
            if self.known.take(properties.text(Tag.MESSAGE_ID), time):
                return None
            faults: list[str] = []
            row = self._row(item, id_, mail, blobs, faults)
        if self.known.take(str(row["message_id"] or row["blob"]), time):
            return None
        event = message_event(row)
        self.work.journal.record(event.identity, event.listing, event.raw)
        self.imported.unreadable += (f"{named(self.survey, mail)}: {fault}" for fault in faults)
        return event

    def _row(self, item: Item, id_: str, mail: int, blobs: Blobs, faults: list[str]) -> dict[str, object]:
        folder = self.survey.folders[self.survey.places[mail]]
        properties, time = Properties(item, self.file.codepage), seconds_of(self.survey, mail)
        delivered = properties.time(Tag.DELIVERY_TIME)
        with blobs.new() as blob:
            message = read_message(_kept(composed(item, self.file.codepage, faults.append), blob))
        found = [f"{FAULT}{fault}" for fault in faults[:FAULTS_KEPT]]
        return row_of(
            replace(message, faults=(*message.faults, *found)),
            id=id_,
            folder=folder.path,
            received=time if delivered is None else int(delivered // 1),
            time=time,
            blob=blob.sha256,
            size=blob.size,
            listing=blake2b(id_.encode(), digest_size=16).digest(),
            read=bool(properties.number(Tag.MESSAGE_FLAGS) & READ_FLAG),
            source=SOURCE,
            bodies=self.target.bodies,
        )


def _kept(chunks: Iterator[bytes], blob: NewBlob) -> Iterator[bytes]:
    for chunk in chunks:
        blob.write(chunk)
        yield chunk
