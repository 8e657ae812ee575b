"""A domain that is judged: its settings, a mailbox and a folder that reports come to, and what makes its days."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from mailevents_dagster.deliverability.part import Made, Part, Work
from mailevents_dagster.deliverability.stored import read_part, write_part
from mailevents_dagster.model.day import Day
from mailevents_dagster.model.event import Collection
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.settings import Settings
from mailevents_dagster.sources.catalog import load_settings
from mailevents_dagster.sources.mailbox.feeds import messages_of
from mailevents_dagster.sources.mailbox.rows import message_event, row_of
from mailevents_dagster.sources.messages.reading import read_message
from mailevents_dagster.sources.outcomes.settings.section import DeliverabilitySettings, DomainSettings
from mailevents_dagster.store.opening import store_of
from mailevents_dagster.store.store import Store

DOMAIN: Final = "example.com"
MAILBOX: Final = "dmarc@example.com"
FIRST: Final = date(2026, 11, 10)
_SETTINGS: Final = """
timezone: UTC
start: 2026-11-01T00:00
storage: {folder}/data
mailboxes: [{{address: {mailbox}, tenant_id: simulator}}]
deliverability:
  - domain: {domain}
    reports: {{mailboxes: [{own}], folders: [{folder}/reports]{more}}}
"""


@dataclass
class Judged:
    """What a test does with a domain."""

    settings: Settings
    folder: Path
    said: list[str] = field(default_factory=list)

    @property
    def store(self) -> Store:
        return store_of(self.settings)

    @property
    def domain(self) -> DomainSettings:
        return self.settings.section(DeliverabilitySettings).judged(DOMAIN)

    def mail(self, day: int, *mails: bytes, hour: int = 9) -> None:
        """Commit mails of an hour of a day, counted from the first."""
        store, feed = self.store, messages_of(MAILBOX)
        at = Hour.from_key(f"{FIRST + timedelta(days=day)}-{hour:02}:00", "UTC")
        events = []
        for number, raw in enumerate(mails):
            with store.blobs.new() as blob:
                blob.write(raw)
            message = read_message([raw])
            row = row_of(
                message,
                id=f"{day}-{hour}-{number}",
                folder="Inbox",
                received=at.start + number,
                blob=blob.sha256,
                size=len(raw),
                listing=bytes(16),
            )
            events.append(message_event(row))
        with store.open_hour(feed, at) as work:
            work.commit(Collection(events, frozenset(), (), at.end + 3600.0, closed=True, measures={}))

    def file(self, day: int, name: str, content: bytes, hour: int = 9) -> Path:
        """Put a file into the folder that arrived on a day."""
        file = self.folder / "reports" / name
        file.write_bytes(content)
        time = Day(FIRST + timedelta(days=day), "UTC").start + hour * 3600
        os.utime(file, (time, time))
        return file

    def make(self, part: Part, day: int) -> Made:
        """Make a day and store it."""
        store = self.store
        of = Day(FIRST + timedelta(days=day), "UTC")

        def stored(name: str, other: Day) -> pa.Table | None:
            return read_part(store.layout, DOMAIN, name, other)

        made = part.make(Work(self.settings, self.domain, store, of, stored, self.said.append))
        write_part(store.layout, DOMAIN, part, of, made)
        return made


def judged(folder: Path, *, has_mailbox: bool = True, more: str = "", environ: dict[str, str] | None = None) -> Judged:
    """Return a domain whose reports come to a mailbox and a folder, or to the folder alone."""
    (folder / "reports").mkdir()
    file = folder / "mailevents.yaml"
    own = MAILBOX if has_mailbox else ""
    file.write_text(_SETTINGS.format(folder=folder, mailbox=MAILBOX, domain=DOMAIN, own=own, more=more), "utf-8")
    return Judged(load_settings(file, environ or {}), folder)


def rows(made: Made) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = made.rows.to_pylist()
    return found
