"""Store: hours of feeds, opened for a collection and committed. The one door to everything that is kept."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from upath import UPath

from mailevents_dagster.files.atomic import local, make_folder
from mailevents_dagster.files.damage import DamagedError, set_aside
from mailevents_dagster.files.locks import holding
from mailevents_dagster.model.feed import Feed, FeedKind
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.store.cursor_file import read_cursor
from mailevents_dagster.store.cursors import Cursor, cursor_of
from mailevents_dagster.store.description import described_timezone, write_description
from mailevents_dagster.store.destruction import read_destruction, refuse_destroyed
from mailevents_dagster.store.hour.log import make_readable
from mailevents_dagster.store.hour.open_hour import OpenHour
from mailevents_dagster.store.hour.parquet import dataset
from mailevents_dagster.store.hour.snapshot_parts import columns_of
from mailevents_dagster.store.inventory import stored_feeds
from mailevents_dagster.store.layout import Layout, scratch_folder
from mailevents_dagster.store.manifest import Manifest, read_manifest

if TYPE_CHECKING:
    import pyarrow.dataset as ds

MEMORY: Final = 16 * 2**20

logger = logging.getLogger(__name__)


class NotCollectedError(LookupError):
    """An hour that was asked for is not in the store."""


class HeldError(Exception):
    """Another process is at work, and is not waited for."""


class Store:
    """The stored hours of all feeds below one storage."""

    def __init__(
        self,
        storage: str,
        timezone: str,
        log_file_name: str,
        kinds: Mapping[str, FeedKind],
        scratch: Path | None = None,
        log_file_mode: int | None = None,
        memory: int = MEMORY,
    ) -> None:
        """Beyond so many bytes of memory, the records of an hour that is collected are put on disk."""
        self.layout = Layout(UPath(storage), scratch or scratch_folder(storage), log_file_name)
        self.timezone = timezone
        self.kinds = kinds
        self.log_file_mode = log_file_mode
        """Of logs whose hour is collected; None leaves them to this user, and those that are there as they are."""
        self.memory = memory

    def feed(self, domain: str, name: str) -> Feed:
        """Return the feed that a stored file names."""
        return Feed(domain, self.kinds[name])

    def feeds(self) -> Iterator[Feed]:
        """Yield the feeds that have files here, whether the settings still name them or not."""
        return stored_feeds(self.layout, self.kinds.values())

    @contextmanager
    def open_hour(
        self, feed: Feed, hour: Hour, when_held: Callable[[str], object] = logger.warning
    ) -> Iterator[OpenHour]:
        """An hour to collect into. What is recorded in its journal outlives the block unless it is committed.

        `when_held` is told where another process has the hour. It is waited for, unless that raises. An hour that was
        destroyed raises DestroyedError.
        """
        with self.holding(feed, hour, when_held):
            refuse_destroyed(self, feed, hour)
            work = OpenHour(self, feed, hour)
            work.cursor.begin()
            try:
                yield work
            except OSError as error:
                told = _reassuring(error) if work.is_as_it_was else error
                work.cursor.failure(told)
                raise told from error.__cause__
            except Exception as error:
                work.cursor.failure(error)
                raise
            finally:
                work.close()
                if work.done:
                    self._make_readable(work.done.log)

    def _make_readable(self, log: UPath) -> None:
        here, top = local(log), local(self.layout.all_logs)
        if self.log_file_mode is None or here is None or top is None:
            return
        try:
            make_readable(here, self.log_file_mode, top)
        except OSError as error:  # what is collected matters more than who may read it
            logger.warning(f"{here} cannot be given the mode {self.log_file_mode:04o} ({error.strerror}).")

    @contextmanager
    def holding(self, feed: Feed, hour: Hour, when_held: Callable[[str], object]) -> Iterator[None]:
        """Keeps other processes from collecting or destroying the hour."""
        with _locked(self.layout.hour_lock(feed, hour), lambda: when_held(_held(feed, hour))):
            yield

    @contextmanager
    def writing(self, feed: Feed) -> Iterator[None]:
        """Keeps others from committing or destroying hours of the feed."""
        with _locked(self.layout.lock(feed)):
            yield

    @contextmanager
    def noting(self, feed: Feed) -> Iterator[None]:
        """Keeps others from changing the feed's cursor, for moments: it is noted there, too, while others commit."""
        with _locked(self.layout.cursor_lock(feed)):
            yield

    @contextmanager
    def adopting(self, when_held: Callable[[str], object] = logger.warning) -> Iterator[Path]:
        """An empty folder of this machine to sort old logs in, for one process at a time; it goes with the block."""
        said = "Another process takes old logs into this storage, and is waited for."
        with _locked(self.layout.adopting_lock, lambda: when_held(said)):
            folder = self.layout.adopting
            if folder.exists():  # of a process that was killed
                shutil.rmtree(folder)
            make_folder(folder)
            try:
                yield folder
            finally:
                shutil.rmtree(folder)

    @contextmanager
    def telling(self) -> Iterator[None]:
        """For one process at a time, so that nothing is told twice; HeldError where another is at it."""

        def refuse() -> None:
            raise HeldError("Another process is telling what is wrong.")

        with _locked(self.layout.alerts_lock, refuse):
            yield

    def cursor(self, feed: Feed) -> Cursor:
        """What the feed has; from the manifests where the cursor is gone, which takes a second a year of hours."""
        cursor = read_cursor(self.layout.cursor(feed))
        return self.cursor_of_manifests(feed) if cursor is None else cursor

    def readable_cursor(self, feed: Feed) -> Cursor | None:
        """What the feed has; None where the cursor is damaged or lost, until the next collection makes it anew."""
        try:
            cursor = read_cursor(self.layout.cursor(feed))
        except DamagedError:
            return None
        return Cursor() if cursor is None and not self.layout.manifests(feed).exists() else cursor

    def cursor_of_manifests(self, feed: Feed) -> Cursor:
        """What the manifests and the records of destroyed hours say that the feed has; damaged ones say nothing."""
        manifests = []
        for path in self.layout.manifests(feed).glob("*/*.json"):
            with suppress(DamagedError):
                manifests.append(read_manifest(path))
        destroyed = []
        for path in self.layout.destructions(feed).glob("*/*.json"):
            with suppress(DamagedError):
                record = read_destruction(path)
                destroyed += [(record.start, record.end)] if record else []
        return cursor_of((manifest for manifest in manifests if manifest), destroyed)

    def manifest(self, feed: Feed, hour: Hour) -> Manifest | None:
        return read_manifest(self.layout.manifest(feed, hour))

    def strays_beside(self, feed: Feed, hour: Hour) -> frozenset[bytes]:
        """Strays that the hours before and after hold: a window's ends may return them here too."""
        strays: set[bytes] = set()
        for beside in (hour.previous, hour.next):
            with suppress(DamagedError):  # its own collection sets it aside and says so
                manifest = self.manifest(feed, beside)
                strays.update(bytes.fromhex(stray) for stray in (manifest.strays if manifest else ()))
        return frozenset(strays)

    def held_in(self, feed: Feed, hour: Hour, identities: Set[bytes]) -> frozenset[bytes]:
        """Return those of the identities that are committed in an hour."""
        with suppress(DamagedError, FileNotFoundError):  # its own collection says so
            if self.manifest(feed, hour):
                there = columns_of(self.layout.snapshot(feed, hour), ["identity"]).column("identity")
                return frozenset(there.to_pylist()) & identities
        return frozenset()

    def dataset(self, feed: Feed, hours: Sequence[Hour]) -> ds.Dataset:
        """The committed hours of a feed as one lazy dataset; NotCollectedError names those that are not there.

        DestroyedError where one of them was destroyed.
        """
        for hour in hours if self.layout.destructions(feed).exists() else ():
            refuse_destroyed(self, feed, hour)
        missing = [hour.key for hour in hours if self.manifest(feed, hour) is None]
        if missing:
            named = ", ".join(missing[:5]) + (f" and {len(missing) - 5} more" if len(missing) > 5 else "")
            raise NotCollectedError(f"{feed}: not collected yet: {named}. Materialize these partitions first.")
        paths = [self.layout.snapshot(feed, hour) for hour in hours]
        return dataset(paths, self.layout.all_snapshots, feed.kind.rows)

    def describe_itself(self, note: Callable[[str], object] = logger.warning) -> None:
        """Leaves word of how the data are written, where there is none yet, or none that is right."""
        if self._is_described():
            return
        path = self.layout.description
        with _locked(self.layout.store_lock):  # all feeds may be at their first hour at once
            if self._is_described():
                return
            if path.exists():
                note(f"{path} is not as it was written. It was set aside as {set_aside(path)} and made anew.")
            write_description(path, self.timezone)

    def _is_described(self) -> bool:
        try:
            return described_timezone(self.layout.description) == self.timezone
        except DamagedError:
            return False


@contextmanager
def _locked(path: Path, when_held: Callable[[], object] = lambda: None) -> Iterator[None]:
    make_folder(path.parent)
    with holding(path, when_held):
        yield


def _held(feed: Feed, hour: Hour) -> str:
    return f"{feed} {hour} is being collected by another process, which is waited for."


def _reassuring(error: OSError) -> OSError:
    """The error of a disk, for an hour of which nothing was written yet."""
    if error.errno is None:
        return error
    return OSError(error.errno, f"{error.strerror}; what was committed before is as it was", error.filename)
