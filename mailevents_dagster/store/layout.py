"""Where everything lies below the storage: the one place that knows a path."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from posixpath import basename
from typing import Final

from mailevents_dagster.files.stored_path import StoredPath, is_local
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour

STAMP: Final = "%Y-%m-%d_%H"
"""An hour in names of files that no user names."""
BEGUN: Final = ".begun"
_DATE: Final = re.compile("(19|20)[0-9]{2}-(0[1-9]|1[0-2])-[0-9]{2}")


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths of feeds and hours. `scratch` is local also where the storage is not: journals and locks lie there."""

    root: StoredPath
    scratch: Path
    log_file_name: str

    @property
    def all_logs(self) -> StoredPath:
        return self.root / "output"

    @property
    def all_snapshots(self) -> StoredPath:
        return self.root / "parquet"

    @property
    def description(self) -> StoredPath:
        """The file that says how the stored data were written."""
        return self.root / "manifests" / "store.json"

    @property
    def alerts(self) -> StoredPath:
        """What is wrong and who was told of it."""
        return self.root / "alerts.json"

    @property
    def report_mail(self) -> StoredPath:
        """Who got the newest report by mail."""
        return self.root / "report-mail.json"

    @property
    def metrics(self) -> Path:
        """What monitors read of all feeds."""
        return self.scratch / "metrics" / "mailevents.prom"

    def logs(self, feed: Feed) -> StoredPath:
        """Return the folder of all logs of a feed; that of another feed may lie in it."""
        return self.all_logs / _log_folder(feed)

    def operating_log(self, feed: Feed, name: str) -> Path:
        """Return a file of the collector's own beside the feed's logs; local also where the storage is not."""
        return self.scratch / "output" / _log_folder(feed) / name

    def snapshots(self, feed: Feed) -> StoredPath:
        """Return the folder of all snapshots of a feed, partitioned the way Hive does it."""
        kind = feed.kind
        return self.all_snapshots / f"domain={feed.domain}" / f"category={kind.category}" / f"type={kind.type}"

    def manifests(self, feed: Feed) -> StoredPath:
        return self.root / "manifests" / feed.domain / feed.name

    def journals(self, feed: Feed) -> Path:
        return self.scratch / "journal" / feed.domain / feed.name

    def destructions(self, feed: Feed) -> StoredPath:
        return self.root / "destroyed" / feed.domain / feed.name

    @property
    def cursors(self) -> StoredPath:
        return self.root / "cursors"

    def cursor(self, feed: Feed) -> StoredPath:
        return self.cursors / feed.domain / f"{feed.name}.json"

    def unreadable(self, feed: Feed, name: str, digest: str) -> StoredPath:
        """Return the file for what is no record in an old log of this name; the digest is that of its content."""
        short = name.encode()[:150].decode(errors="ignore")
        return self.root / "unreadable" / feed.domain / feed.name / f"{short}.{digest[:8]}"

    def set_aside(self, feed: Feed) -> list[StoredPath]:
        """Return the files of the feed that were found damaged and set aside."""
        cursor = self.cursor(feed)
        places = (
            *((folder, "*/*.damaged*") for folder in (self.manifests(feed), self.snapshots(feed))),
            *((folder, "*.damaged*") for folder in (self.logs(feed), self.journals(feed))),
            (cursor.parent, f"{cursor.name}.damaged*"),
        )
        return sorted((path for folder, pattern in places for path in folder.glob(pattern)), key=str)

    def log(self, feed: Feed, hour: Hour) -> StoredPath:
        return self.logs(feed) / self.log_name(feed, self.log_stamp(hour))

    def log_stamp(self, hour: Hour) -> str:
        """Return the part of a log's name that all feeds have in common at an hour."""
        stem, dot, suffix = self.log_file_name.rpartition(".")
        return hour.stamp(stem if dot else suffix)

    def log_name(self, feed: Feed, stamp: str) -> str:
        _, dot, suffix = self.log_file_name.rpartition(".")
        return stamp.format(domain=feed.domain, type=feed.kind.type) + (dot + suffix if dot else "")

    def snapshot(self, feed: Feed, hour: Hour) -> StoredPath:
        return self.snapshots(feed) / hour.stamp("date=%Y-%m-%d") / f"{hour.stamp('%H')}.parquet"

    def manifest(self, feed: Feed, hour: Hour) -> StoredPath:
        return self.manifests(feed) / self.manifest_name(hour)

    @staticmethod
    def manifest_name(hour: Hour) -> str:
        """Return where a manifest lies in the folder of all manifests of its feed."""
        return _by_day(hour, ".json")

    def journal(self, feed: Feed, hour: Hour) -> Path:
        return self.journals(feed) / f"{hour.stamp(STAMP)}.journal"

    def destruction(self, feed: Feed, hour: Hour) -> StoredPath:
        """Return the record that stays of an hour that was destroyed."""
        return self.destructions(feed) / _by_day(hour, ".json")

    def begun_destruction(self, feed: Feed, hour: Hour) -> StoredPath:
        """Return the record of an hour that is being destroyed; beside the days, where leftovers are seen."""
        return self.destructions(feed) / f"{hour.stamp(STAMP)}{BEGUN}"

    def undone_destruction(self, feed: Feed, hour: Hour) -> StoredPath:
        """Return the record of a destruction that was taken back, since the hour had not expired."""
        return self.destructions(feed) / _by_day(hour, ".undone")

    @property
    def blobs(self) -> StoredPath:
        """The folder of all blobs; what is being written lies in it directly."""
        return self.root / "blobs"

    def blob(self, sha256: str, suffix: str) -> StoredPath:
        return self.blobs / sha256[:2] / f"{sha256}{suffix}"

    @property
    def doomed_blobs(self) -> StoredPath:
        """The folder of lists of blobs whose hours were destroyed, until it is known whether others need them."""
        return self.blobs / "doomed"

    def summary(self, name: str, domain: str | None, date: str) -> StoredPath:
        """Return the counts of a day; those of all domains lie apart, so that reading a tree adds nothing up twice."""
        above = self.root / "summaries"
        folder = above / "by_domain" / name / f"domain={domain}" if domain else above / "all" / name
        return folder / f"date={date}" / "counts.parquet"

    def lives(self, date: str) -> StoredPath:
        """Return the lives of mails that ended on a day."""
        return self.root / "lives" / f"date={date}" / "lives.parquet"

    def manual_suppressions(self, domain: str) -> StoredPath:
        """Return the file of what people put on the domain's suppression list and took off it."""
        return self.root / "suppression" / f"{domain}.json"

    def told_suppressions(self, feed: Feed) -> StoredPath:
        """Return the file of what the receiver of a feed was told of the domain's suppression list."""
        return self.root / "suppression" / f"{feed.domain}.{feed.kind.type}.parquet"

    def part(self, domain: str, name: str, date: str) -> StoredPath:
        """Return what was made of a day of a domain: one answer about its mail."""
        hive = self.all_snapshots / f"domain={domain}" / "category=deliverability" / f"type={name}"
        return hive / f"date={date}" / "day.parquet"

    def part_dates(self, domain: str, name: str) -> list[str]:
        """Return the days of which there is such an answer, in their order."""
        folder = self.part(domain, name, "").parent.parent
        dates = sorted(filter(_DATE.fullmatch, (one.removeprefix("date=") for one in names_in(folder))))
        return [date for date in dates if self.part(domain, name, date).exists()]

    def personal_summaries(self, feed: Feed, hour: Hour) -> list[StoredPath]:
        """Return what is made of an hour's events and names people; it is of its whole day."""
        date, domains = hour.key[: len("2026-01-01")], (feed.domain, None)
        counts = [self.summary(name, domain, date) for name in feed.kind.personal_summaries for domain in domains]
        parts = [self.part(feed.domain, name, date) for name in feed.kind.personal_parts]
        return [*counts, *parts, *([self.lives(date)] if feed.kind.is_in_lives else [])]

    def simulated(self, name: str) -> Path:
        """Return the folder of files that a simulator makes for a source of this name."""
        return self.scratch / "simulated" / name

    @property
    def outbox(self) -> Path:
        """What is handed to other systems: noted before it is tried, and after."""
        return self.scratch / "deliveries" / "outbox.sqlite"

    def spool(self, mailbox: str) -> Path:
        """Return the folder of what of a mailbox is on its way to another system."""
        return self.scratch / "deliveries" / "sftp" / mailbox

    def webhook_spool(self, name: str) -> Path:
        """Return the folder of what was received of a webhook, until its hours are closed."""
        return self.scratch / "webhooks" / name

    def source_index(self, feed: Feed) -> Path:
        """Return the file in which a source notes where its hours lie, which it can make anew."""
        return self.scratch / "cursors" / feed.domain / f"{feed.name}.index"

    @property
    def adopting(self) -> Path:
        """Where old logs are sorted by hours before they are taken in. No domain has this name: it has no dot."""
        return self.scratch / "journal" / "old-logs"

    @property
    def locks(self) -> Path:
        """The folder of locks that are files."""
        return self.scratch / "locks"

    @property
    def receiving(self) -> Path:
        """Locked while webhooks are received into the spools of this machine."""
        return self.locks / "receiving.lock"

    def relative(self, path: StoredPath) -> str:
        """Return the path as records of an hour name it; that of a journal begins in its own folder."""
        above = self.root if self.root in path.parents else self.scratch
        return str(PurePosixPath(path.as_posix()).relative_to(PurePosixPath(above.as_posix())))

    @property
    def oldest_date(self) -> str | None:
        """The oldest day that has manifests or snapshots of any feed, as their folders name it."""
        days: list[str] = []
        for top in (self.root / "manifests", self.all_snapshots):
            folders = [top]
            for _ in ("owner", "category", "type"):
                folders = [folder / name for folder in folders for name in names_in(folder)]
            days += (name.removeprefix("date=") for folder in folders for name in names_in(folder))
        return min(filter(_DATE.fullmatch, days), default=None)

    def holds(self, folder: Path) -> bool:
        """Return whether a folder of this machine is the storage, or lies in it, or holds it."""
        if not is_local(self.root):
            return False
        one, other = self.root.resolve(), folder.resolve()
        return one.is_relative_to(other) or other.is_relative_to(one)

    @property
    def domains(self) -> set[str]:
        """The domains that have files here; other names that somebody put there may be among them."""
        folders = (self.root / "manifests", self.all_logs, self.scratch / "journal")
        hive = {name.removeprefix("domain=") for name in names_in(self.all_snapshots)}
        return hive.union(*(names_in(folder) for folder in folders))


def names_in(folder: StoredPath) -> list[str]:
    """Return the names of what is in a folder, nothing where there is no folder."""
    try:
        if is_local(folder):
            return os.listdir(folder)
        # UPath.iterdir looks first whether there is a folder, which takes two requests more.
        return [basename(path) for path in folder.fs.ls(folder.path, detail=False)]
    except (FileNotFoundError, NotADirectoryError):
        return []


def days_in(folder: StoredPath) -> Iterator[tuple[StoredPath, list[str]]]:
    """Yield the folders in a folder, each with the names of what is in it; an object store is asked for all at once."""
    if is_local(folder):
        for day in names_in(folder):
            yield folder / day, names_in(folder / day)
        return
    days = defaultdict[str, list[str]](list)
    for path in folder.glob("*/*"):
        days[path.parent.name].append(path.name)
    for day, names in days.items():
        yield folder / day, names


def scratch_folder(storage: str) -> Path:
    """Return the folder of journals, locks and budgets: with the data if they are local, else with Dagster's files."""
    return Path(os.environ.get("DAGSTER_HOME", ".")) if "://" in storage else Path(storage)


def _log_folder(feed: Feed) -> str:
    return f"{feed.domain}/{feed.kind.log_folder}"


def _by_day(hour: Hour, suffix: str) -> str:
    return f"{hour.stamp('%Y-%m-%d/%H')}{suffix}"
