"""Where everything lies below the storage: the one place that knows a path."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from upath import UPath

from mailevents_dagster.feeds import Feed
from mailevents_dagster.hours import SECONDS, Hour
from mailevents_dagster.store.atomic import local


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths of feeds and hours. `scratch` is local also where the storage is not: journals live there."""

    root: UPath
    scratch: Path
    log_file_name: str

    def log(self, feed: Feed, hour: Hour) -> UPath:
        stem, dot, suffix = self.log_file_name.rpartition(".")
        pattern = stem if dot else suffix
        name = hour.stamp(pattern).format(domain=feed.domain, type=feed.kind.type) + (dot + suffix if dot else "")
        return self.root / "output" / _log_folder(feed) / name

    def snapshot(self, feed: Feed, hour: Hour) -> UPath:
        return self.snapshots(feed) / hour.stamp("date=%Y-%m-%d") / f"{hour.stamp('%H')}.parquet"

    def snapshots(self, feed: Feed) -> UPath:
        """The folder of all snapshots of a feed, partitioned the way Hive does it."""
        kind = feed.kind
        return self.all_snapshots / f"domain={feed.domain}" / f"category={kind.category}" / f"type={kind.type}"

    @property
    def all_snapshots(self) -> UPath:
        return self.root / "parquet"

    def manifest(self, feed: Feed, hour: Hour) -> UPath:
        return self.manifests(feed) / hour.stamp("%Y-%m-%d") / f"{hour.stamp('%H')}.json"

    def manifests(self, feed: Feed) -> UPath:
        return self.root / "manifests" / feed.domain / feed.name

    @property
    def description(self) -> UPath:
        """The file that says how the stored data were written."""
        return self.root / "manifests" / "store.json"

    def operating_log(self, feed: Feed, name: str) -> Path:
        """A file of the collector's own beside the feed's logs; local also where the storage is not."""
        return self.scratch / "output" / _log_folder(feed) / name

    @property
    def metrics(self) -> Path:
        """What monitors read of all feeds."""
        return self.scratch / "metrics" / "mailevents.prom"

    def journal(self, feed: Feed, hour: Hour) -> Path:
        return self.scratch / "journal" / feed.domain / feed.name / f"{hour.stamp('%Y-%m-%d_%H')}.journal"

    def cursor(self, feed: Feed) -> UPath:
        return self.root / "cursors" / feed.domain / f"{feed.name}.json"

    def holds(self, folder: Path) -> bool:
        """Whether a folder of this machine is the storage, or lies in it, or holds it."""
        here = local(self.root)
        if here is None:
            return False
        one, other = here.resolve(), folder.resolve()
        return one.is_relative_to(other) or other.is_relative_to(one)

    def unreadable(self, feed: Feed, name: str, digest: str) -> UPath:
        """What of an old log of this name is no record; the digest is that of its content."""
        short = name.encode()[:150].decode(errors="ignore")
        return self.root / "unreadable" / feed.domain / feed.name / f"{short}.{digest[:8]}"

    @property
    def adopting(self) -> Path:
        """Where old logs are sorted by hours before they are taken in. No domain has this name: it has no dot."""
        return self.scratch / "journal" / "old-logs"

    @property
    def adopting_lock(self) -> Path:
        return self.scratch / "locks" / "adopting.lock"

    @property
    def store_lock(self) -> Path:
        """Held for moments, while something of the store as a whole is written."""
        return self.scratch / "locks" / "store.lock"

    @property
    def runs(self) -> Path:
        """Where the runs of this machine sign in."""
        return self.scratch / "locks" / "runs"

    def lock(self, feed: Feed) -> Path:
        """Held for moments, while something of the feed is written."""
        return self.scratch / "locks" / feed.domain / f"{feed.name}.lock"

    def hour_lock(self, feed: Feed, hour: Hour) -> Path:
        """Held while the hour is collected. Hours a day apart share one, so that their number stays small."""
        return self.scratch / "locks" / feed.domain / feed.name / f"{hour.start // SECONDS % 24:02d}.lock"

    def relative(self, path: UPath) -> str:
        return str(PurePosixPath(path.path).relative_to(PurePosixPath(self.root.path)))


def scratch_folder(storage: str) -> Path:
    """Where journals, locks and budgets lie: with the data, or, where those are elsewhere, with Dagster's own files."""
    return Path(os.environ.get("DAGSTER_HOME", ".")) if "://" in storage else Path(storage)


def _log_folder(feed: Feed) -> str:
    """As the tool did it that people come from: the type is left out where the category says it already."""
    kind = feed.kind
    drops_type = kind.category == "authentication" or kind.type == kind.category
    return "/".join((feed.domain, kind.category) if drops_type else (feed.domain, kind.category, kind.type))
