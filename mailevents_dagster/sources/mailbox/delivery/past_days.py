"""Databases of past days, made of what is committed. No cursor and no outbox is touched."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from datetime import time as time_of_day
from pathlib import Path
from zoneinfo import ZoneInfo

from mailevents_dagster.deliveries.opening import outbox_of
from mailevents_dagster.deliveries.sftp import SftpFolder
from mailevents_dagster.deliveries.sftp_failures import SftpAccess
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import SECONDS, Hour
from mailevents_dagster.sources.mailbox.delivery.database import (
    Unreadable,
    build,
    database_name,
    move,
    names_in,
    partial_folder,
)
from mailevents_dagster.sources.mailbox.delivery.mail import DatabaseSettings, Mail
from mailevents_dagster.sources.mailbox.delivery.noting import READ, NotedMail
from mailevents_dagster.sources.mailbox.delivery.uploading import Report, upload
from mailevents_dagster.store.store import Store


class MissingHoursError(Exception):
    """A day of which hours are not collected."""

    def __init__(self, hours: Sequence[Hour]) -> None:
        super().__init__(f"{len(hours):,} hours are not collected, the first is {hours[0]}")
        self.hours = hours


@dataclass(frozen=True, slots=True)
class Goal:
    """Where the database of a day goes."""

    folder: Path | None
    """Where it stays on this machine."""
    access: SftpAccess | None = None
    """Where it is uploaded to."""


@dataclass(frozen=True, slots=True)
class PastDays:
    """What is needed to make databases of past days of one mailbox."""

    store: Store
    feed: Feed
    settings: DatabaseSettings
    start: int
    """The first hour that is asked for of the mailbox; mails from before it may have been imported."""
    unreadable: Unreadable

    def mails(self, day: date, now: float) -> list[Mail]:
        """Return the mails of a day, oldest first; MissingHoursError where hours of it that are over are not there."""
        first, end = day_span(day, self.settings.timezone)
        hours = list(_hours(first, min(end, int(now) + 1), self.store.timezone))
        there = [hour for hour in hours if self.store.manifest(self.feed, hour)]
        # Before the start only what was imported is there, and hours without mails are not.
        asked = self.start if there else 0
        missing = [hour for hour in hours if hour not in there and asked <= hour.start and hour.end <= now]
        if missing:
            raise MissingHoursError(missing)
        found: dict[str, NotedMail] = {}
        for hour in there:
            for row in self.store.table(self.feed, hour, READ).to_pylist():
                # A mail of an hour that lies in two days is of its own day; a stray is of the hour that it is in.
                time = min(max(row["event_time"].timestamp(), hour.start), hour.end - 1)
                if row["blob"] is not None and first <= time < end:
                    found[row["id"]] = NotedMail.from_row(row)
        blobs = self.store.blobs
        return [mail.with_raw(blobs.open) for mail in sorted(found.values(), key=lambda one: one.time)]

    def deliver(self, day: date, mails: Sequence[Mail], goal: Goal, now: float, report: Report) -> str:
        """Make the database of a day, upload it where that is asked for, and return its name."""
        with ExitStack() as stack:
            server = _server(self.store, goal, stack)

            def taken(folder: str) -> set[str]:
                here = set(names_in(goal.folder / folder)) if goal.folder else set()
                return here | (server.names(folder) if server else set())

            name = database_name(now, self.settings.timezone, taken(""), day.strftime("%Y_%m_%d"))
            folder = partial_folder(goal.folder or self.store.layout.spool(self.feed.domain), name)
            stack.callback(shutil.rmtree, folder)
            made = build(mails, folder, name, self.settings, taken=taken, unreadable=self.unreadable)
            if server:
                upload(server, folder, made.attachments, made.database, report)
                server.publish(name)
            if goal.folder:
                move(made, folder, goal.folder)
        return name


def days_between(first: date, last: date) -> Iterator[date]:
    """Yield each day, the last one too."""
    while first <= last:
        yield first
        first += timedelta(days=1)


def day_span(day: date, timezone: str) -> tuple[int, int]:
    """Return the first second of a day and that of the next."""
    first, end = (
        datetime.combine(one, time_of_day(), ZoneInfo(timezone)).timestamp() for one in (day, day + timedelta(days=1))
    )
    return int(first), int(end)


def _hours(first: int, end: int, timezone: str) -> Iterator[Hour]:
    """Yield the hours that lie in this time, at least in part."""
    hour = Hour.containing(first, timezone)
    while hour.start < end:
        yield hour
        hour = Hour.containing(hour.start + SECONDS, timezone)


def _server(store: Store, goal: Goal, stack: ExitStack) -> SftpFolder | None:
    if goal.access is None:
        return None
    stack.enter_context(outbox_of(store).holding(str(goal.access)))
    return stack.enter_context(SftpFolder(goal.access))
