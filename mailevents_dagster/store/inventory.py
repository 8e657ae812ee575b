"""What lies in a store: which feeds, and which files are those of which hour.

Found by names, not by what manifests say: a crash, a lost manifest or a removed account leaves files behind, too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Set
from datetime import UTC, datetime
from functools import cache
from typing import Final

from mailevents_dagster.files.once import once
from mailevents_dagster.files.stored_path import StoredPath
from mailevents_dagster.model.feed import Feed, FeedKind
from mailevents_dagster.model.hour import Hour, hours_between
from mailevents_dagster.store.layout import BEGUN, STAMP, Layout, days_in, names_in

FIRST: Final = datetime(2018, 12, 31, tzinfo=UTC).timestamp()
"""Feeds begin in 2019 or later, in every time zone; imported hours can be older."""
DAY: Final = 86_400

Found = Iterator[tuple[Hour, StoredPath, str]]
"""Files by hour, folder and name: to make a path of each takes as long as to find it."""


def stored_feeds(layout: Layout, kinds: Iterable[FeedKind]) -> Iterator[Feed]:
    """Yield the feeds that have files below a storage, whether the settings still name them or not.

    What lies above the folders of feeds is listed once each: an object store takes two requests to say that one of them
    is not there, and each domain may have a hundred.
    """

    @cache
    def names(folder: StoredPath) -> Set[str]:
        return {*names_in(folder)} if is_there(folder) else set()

    def is_there(folder: StoredPath) -> bool:
        return folder in (layout.root, layout.scratch) or folder.name in names(folder.parent)

    for domain in sorted(layout.domains):
        for kind in kinds:
            feed = Feed(domain, kind)
            folders = (layout.manifests(feed), layout.snapshots(feed), layout.logs(feed), layout.journals(feed))
            if any(is_there(folder) for folder in folders):
                yield feed


class Inventory:
    """Which files hold which hour, by their names. Made once for many feeds: it takes half a second."""

    def __init__(self, layout: Layout, timezone: str, end: float) -> None:
        self._layout = layout
        self._hours = list(hours_between(min(FIRST, _beginning(layout.oldest_date)), end, timezone))

    @once
    def _by_stamp(self) -> dict[str, Hour]:
        return {hour.stamp(STAMP): hour for hour in self._hours}

    @once
    def _by_log_stamp(self) -> dict[str, Hour]:
        return {self._layout.log_stamp(hour): hour for hour in self._hours}

    def files(self, feed: Feed, end: float) -> dict[Hour, list[StoredPath]]:
        """Return the files with events of each hour that ended before, oldest hour first.

        Damaged and half-written files are among them, and hours whose destruction was begun, even where nothing is left
        of them. Manifests and records of destruction hold no personal data and are not among the files.
        """
        found: defaultdict[Hour, list[StoredPath]] = defaultdict(list)
        for hour, folder, name in (*self._logs(feed), *self._snapshots(feed), *self._journals(feed)):
            if hour.end < end:
                found[hour].append(folder / name)
        for hour in self._begun(feed):
            found[hour] += []
        return dict(sorted(found.items()))

    def manifests(self, feed: Feed) -> set[Hour]:
        """Return the hours that have a manifest, readable or not."""
        return {hour for hour, _, name in self._by_days(self._layout.manifests(feed), "", ".json") if _is_whole(name)}

    def snapshots(self, feed: Feed) -> set[Hour]:
        """Return the hours that have a snapshot, committed or not."""
        return {hour for hour, _, name in self._snapshots(feed) if _is_whole(name)}

    def logs(self, feed: Feed) -> dict[Hour, StoredPath]:
        """Return the logs of hours, committed or not."""
        return {hour: folder / name for hour, folder, name in self._logs(feed) if _is_whole(name)}

    def destroyed(self, feed: Feed) -> set[Hour]:
        """Return the hours that have a record of their destruction."""
        return {hour for hour, _, _ in self._by_days(self._layout.destructions(feed), "", ".json")}

    def destroyed_or_begun(self, feed: Feed) -> set[Hour]:
        """Return the hours that have a record of their destruction, even if it was not finished."""
        return self.destroyed(feed).union(self._begun(feed))

    def _begun(self, feed: Feed) -> Iterator[Hour]:
        for name in names_in(self._layout.destructions(feed)):
            if name.endswith(BEGUN) and (hour := self._by_stamp.get(name.removesuffix(BEGUN))):
                yield hour

    def _logs(self, feed: Feed) -> Found:
        hours = {self._layout.log_name(feed, stamp): hour for stamp, hour in self._by_log_stamp.items()}
        return _in(self._layout.logs(feed), "", hours)

    def _journals(self, feed: Feed) -> Found:
        return _in(self._layout.journals(feed), ".journal", self._by_stamp)

    def _snapshots(self, feed: Feed) -> Found:
        return self._by_days(self._layout.snapshots(feed), "date=", ".parquet")

    def _by_days(self, above: StoredPath, before: str, suffix: str) -> Found:
        """Yield the files that lie in a folder a day and are named by the hour."""
        for folder, names in days_in(above):
            date = folder.name.removeprefix(before)
            for name in names:
                if hour := self._by_stamp.get(f"{date}_{_original(name).removesuffix(suffix)}"):
                    yield hour, folder, name


def _beginning(date: str | None) -> float:
    """Return a time before the month of the day began, in every time zone."""
    return datetime.fromisoformat(f"{date[:7]}-01").replace(tzinfo=UTC).timestamp() - DAY if date else FIRST


def _in(folder: StoredPath, suffix: str, hours: Mapping[str, Hour]) -> Found:
    for name in names_in(folder):
        if hour := hours.get(_original(name).removesuffix(suffix)):
            yield hour, folder, name


def _is_whole(name: str) -> bool:
    return _original(name) == name


def _original(name: str) -> str:
    """Return the name that the file had before it was set aside as damaged, or would have had once it was whole."""
    if name.startswith(".") and name.endswith(".partial"):
        name = name[1 : -len(".partial")]
    return name.partition(".damaged")[0]
