"""The feed of what another system took: the mails of an hour, and the database in which each was delivered."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from mailevents_dagster.deliveries.message import Counts
from mailevents_dagster.deliveries.opening import outbox_of
from mailevents_dagster.deliveries.sftp_failures import SftpError
from mailevents_dagster.model.event import Collection, Progress, SourceError, StoppedError
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.model.source import Queued
from mailevents_dagster.settings import Settings
from mailevents_dagster.sources.client import Options
from mailevents_dagster.sources.committed import committed
from mailevents_dagster.sources.mailbox.delivery.delivering import Delivered
from mailevents_dagster.sources.mailbox.delivery.noting import READ, note_mails
from mailevents_dagster.sources.mailbox.delivery.opening import (
    delivering_of,
    destination_of,
    noting_of,
)
from mailevents_dagster.sources.mailbox.delivery.uploading import Uploaded
from mailevents_dagster.sources.mailbox.feeds import CATEGORY, SFTP, messages_of
from mailevents_dagster.sources.mailbox.settings import Mailbox, MailboxSettings
from mailevents_dagster.sources.receipts import receipt_event
from mailevents_dagster.store.hour.open_hour import OpenHour
from mailevents_dagster.store.store import Store

BODIES_KEPT: Final = 7 * 86_400
"""Seconds that is kept where the raw message of a delivered mail lies, for whoever asks what was sent."""
LATE_MINUTES: Final = 30
LOOK_EVERY: Final = 0.5
"""Seconds between two looks whether another process has delivered what this one waits for."""
EARLY: Final = 30.0
"""Seconds by which a delivery may come before it is due: runs do not start to the second."""


class DeliveryError(SourceError):
    """Mails of an hour that could not be delivered, and wait."""

    cause = "sftp"

    def __init__(self, message: str, *, is_passing: bool) -> None:
        super().__init__(message)
        self.is_passing = is_passing


class SftpFeed:
    """Delivers the mails of one mailbox."""

    def __init__(self, store: Store, mailbox: Mailbox) -> None:
        self._store = store
        self._stop = threading.Event()
        self._feed = messages_of(mailbox.address)
        self._deliver = mailbox.deliver
        self._delivering = delivering_of(store, mailbox, self._stop)
        self._noting = noting_of(store, mailbox)
        self._outbox, self._destination = self._delivering.outbox, self._delivering.destination

    def collect(self, work: OpenHour, options: Options) -> Collection:
        """Deliver what is new of an hour and return where each mail went; a DeliveryError where the server is away."""
        began = time.monotonic()
        manifest, table = committed(self._store, self._feed, work.hour, READ)
        noted = note_mails(self._noting, table.to_pylist(), work.hour.start, is_closed=manifest.closed)
        delivered = self._delivered(work.hour, options)
        receipts = list(self._outbox.receipts(self._destination, work.hour.start))
        counts = self._outbox.counts(self._destination, work.hour.start).get(work.hour.start, Counts())
        lacking = sum(1 for one in table.column("blob").to_pylist() if one is None)
        return Collection(
            [receipt_event(one) for one in receipts],
            strays=frozenset(),
            gaps=manifest.gaps,
            listed_at=manifest.listed_at,
            closed=manifest.closed and not counts.waiting,
            measures={
                "noted": noted,
                "delivered": counts.taken,
                "databases": len(delivered.databases),
                "set_aside": counts.aside,
                "without_message": lacking,
                "collect_seconds": round(time.monotonic() - began, 3),
            },
            notes=(*delivered.notes, *_notes(counts, lacking)),
        )

    def stop(self) -> None:
        self._stop.set()

    def _delivered(self, hour: Hour, options: Options) -> Delivered:
        """Deliver until nothing of the hour waits, or say why it does; of the running hour only what is due."""
        done = Delivered()
        if hour.end > time.time() and not self._is_due():
            return done

        def report(far: Uploaded) -> None:
            options.report(Progress(0, far.files, far.of_files))

        delivering = replace(self._delivering, report=report)
        while waiting := self._outbox.counts(self._destination, hour.start).get(hour.start, Counts()).waiting:
            if self._stop.is_set():
                raise StoppedError("Delivering was stopped.")
            try:
                done = delivering.run()
            except SftpError as error:
                said = f"{waiting:,} mails of the hour wait for SFTP: {error}. They are kept."
                raise DeliveryError(said, is_passing=error.is_passing) from error
            if done.is_elsewhere:
                self._stop.wait(LOOK_EVERY)
        return done

    def _is_due(self) -> bool:
        every = self._deliver.every_minutes * 60 if self._deliver else 0
        return time.time() - self._delivering.spool.past.at >= every - EARLY


def queued(settings: Settings, store: Store) -> dict[Feed, Queued]:
    """Return what waits in the outbox of each mailbox that is delivered."""
    found = {}
    for mailbox, destination in _delivered(settings, store):
        counts = sum(outbox_of(store).counts(destination).values(), Counts())
        every = mailbox.deliver.every_minutes if mailbox.deliver else 0
        late = max(LATE_MINUTES, 3 * every) * 60
        found[Feed(mailbox.address, SFTP)] = Queued(counts.waiting, counts.oldest_waiting, counts.aside, late)
    return found


def tidy(settings: Settings, store: Store, now: float) -> None:
    """Drop what is not needed of mails that were delivered, and all that is older than mails may be kept."""
    days = settings.retention.days.get(CATEGORY)
    for _, destination in _delivered(settings, store):
        outbox_of(store).shrink(int(now) - BODIES_KEPT)
        if days:
            outbox_of(store).forget(destination, int(now) - days * 86_400)


def _delivered(settings: Settings, store: Store) -> Iterator[tuple[Mailbox, str]]:
    """Yield the mailboxes that are delivered, with their destinations, once there is an outbox."""
    if outbox_of(store).is_there:
        for mailbox in settings.section(MailboxSettings).mailboxes:
            if mailbox.deliver:
                yield mailbox, destination_of(mailbox)


def _notes(counts: Counts, lacking: int) -> Iterator[str]:
    if counts.aside:
        yield f"{counts.aside:,} mails of the hour will never go: `reason` in its rows says why."
    if lacking:
        yield f"{lacking:,} mails of the hour have no raw message yet; each is delivered once it has."
