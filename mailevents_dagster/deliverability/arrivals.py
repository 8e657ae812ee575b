"""The reports that arrived on a day: in mailboxes, and as files in folders."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import Any, Final

import pyarrow.compute as pc

from mailevents_dagster.deliverability.part import Work
from mailevents_dagster.deliverability.reports.reading import read_reports
from mailevents_dagster.deliverability.reports.values import Broken, Report
from mailevents_dagster.files.damage import DamagedError
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.settings import Settings
from mailevents_dagster.sources.outcomes.settings.section import DomainSettings
from mailevents_dagster.store.blobs import Blobs
from mailevents_dagster.summaries.making import events_of

_MESSAGES: Final = ("mailbox", "messages")
"""The source and type of feeds of mails."""
_COLUMNS: Final = ("kind", "subject", "attachments", "blob")
_SUBJECT: Final = re.compile(r"report domain:|\bdmarc (?:failure|forensic) report", re.IGNORECASE)
"""How RFC 7489, 8460 and 9990 have a report called, and gateways a failure: it may be the text of its mail, too."""
_IN_MEMORY: Final = 2**22
_TOLD_EVERY: Final = 500


def feeds_of(settings: Settings, domain: DomainSettings) -> Sequence[Feed]:
    """Return the mailboxes that reports of a domain come to."""
    named = domain.reports.mailboxes if domain.reports else None
    named = domain.bounces_to if named is None else named
    if named is None:
        return [feed for feed in mailboxes_in(settings) if feed.domain.rpartition("@")[2] == domain.domain]
    return [feed for feed in mailboxes_in(settings) if feed.domain in {name.lower() for name in named}]


def mailboxes_in(settings: Settings) -> Sequence[Feed]:
    """Return the feeds of the mails of all mailboxes."""
    return [one.feed for one in settings.configured if (one.feed.kind.source, one.feed.kind.type) == _MESSAGES]


def arrived(work: Work) -> Iterator[Report | Broken]:
    """Yield the reports that arrived on the day, each to be read before the next; other mails are passed over.

    Where there is no mailbox, and so no hour of it, everything in the folders has arrived that is there now.
    """
    feeds = feeds_of(work.settings, work.domain)
    for feed in feeds:
        yield from (one for one in _mailed(work, feed) if not (isinstance(one, Broken) and one.is_something_else))
    first = work.day.start if feeds else 0
    for folder in work.domain.reports.folders if work.domain.reports else ():
        for number, file in enumerate(_files(Path(folder)), 1):
            if number % _TOLD_EVERY == 0:
                work.note(f"{folder}: {number:,} files looked at")
            if first <= file.stat().st_mtime < work.day.end:
                with file.open("rb") as stream:
                    yield from read_reports(str(file), stream)


def _mailed(work: Work, feed: Feed) -> Iterator[Report | Broken]:
    blobs = work.store.blobs
    read = 0
    for hour in work.day.hours:
        rows = events_of(work.store, feed, hour, _COLUMNS, work.note, pc.field("blob").is_valid())
        for row in rows.to_pylist() if rows is not None else ():
            if _may_report(row):
                yield from _of_mail(blobs, f"mail {row['blob'][:12]} of {hour}", row["blob"])
                read += 1
                if read % _TOLD_EVERY == 0:
                    work.note(f"{feed}: {read:,} mails of {work.day} looked into, now those of {hour}")


def _may_report(row: dict[str, Any]) -> bool:
    return bool(row["attachments"]) or row["kind"] == "report" or _SUBJECT.search(row["subject"] or "") is not None


def _of_mail(blobs: Blobs, name: str, sha256: str) -> Iterator[Report | Broken]:
    with SpooledTemporaryFile(_IN_MEMORY) as copy:
        try:
            with blobs.open(sha256) as blob:
                shutil.copyfileobj(blob, copy)
        except DamagedError as error:
            yield Broken(name, f"its raw message cannot be read: {error}")
            return
        copy.seek(0)
        yield from read_reports(name, copy)


def _files(folder: Path) -> Iterator[Path]:
    """Yield the files; those whose names begin with a dot are still being written."""

    def fail(error: OSError) -> None:
        raise error

    for path, folders, names in os.walk(folder, onerror=fail):
        folders.sort()
        yield from (file for name in sorted(names) if not name.startswith(".") and (file := Path(path, name)).is_file())
