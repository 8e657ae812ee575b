"""Store: hours of feeds, opened for a collection and committed. The one door to everything that is kept."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, suppress
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mailevents_dagster.files.atomic import make_folder
from mailevents_dagster.files.damage import DamagedError
from mailevents_dagster.files.object_errors import ObjectStoreError
from mailevents_dagster.files.objects import ABSENT, server, tags_below
from mailevents_dagster.files.stored_path import StoredPath, is_local, stored_at
from mailevents_dagster.model.feed import Feed, FeedKind
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.sharing.locks import HeldError, Locks, refusing
from mailevents_dagster.sharing.opening import locks_of
from mailevents_dagster.store.blobs import Blobs
from mailevents_dagster.store.cursors import Cursor
from mailevents_dagster.store.description import describe_objects
from mailevents_dagster.store.destruction_record import refuse_destroyed
from mailevents_dagster.store.feed_cursor import FeedCursor, Seen
from mailevents_dagster.store.hour.hour_files import HourFiles
from mailevents_dagster.store.hour.log import make_readable
from mailevents_dagster.store.hour.open_hour import OpenHour
from mailevents_dagster.store.hour.snapshot_columns import dataset
from mailevents_dagster.store.hour.snapshot_file import opened
from mailevents_dagster.store.inventory import stored_feeds
from mailevents_dagster.store.layout import Layout, scratch_folder
from mailevents_dagster.store.lock_names import ADOPTING, ALERTS, feed_lock, hour_lock
from mailevents_dagster.store.manifest import Manifest, read_manifest

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.dataset as ds

MEMORY: Final = 16 * 2**20
AT_ONCE: Final = 16
"""Cursors that are read at a time from an object store."""

logger = logging.getLogger(__name__)


class NotCollectedError(LookupError):
    """An hour that was asked for is not in the store."""


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
        postgres: str | None = None,
    ) -> None:
        """Beyond so many bytes of memory, the records of an hour that is collected are put on disk.

        `postgres` is the URL of a database for what machines share: locks of a storage that is not of one, the outbox.
        """
        self.layout = Layout(stored_at(storage), scratch or scratch_folder(storage), log_file_name)
        self.postgres = postgres
        self.timezone = timezone
        self.kinds = kinds
        self.log_file_mode = log_file_mode
        """Of logs whose hour is collected; None leaves them to this user, and those that are there as they are."""
        self.memory = memory
        self._seen: Seen | None = {}

    @cached_property
    def locks(self) -> Locks:
        """What keeps processes out of each other's way."""
        return locks_of(self.layout.root, self.layout.locks, self.postgres, self._keeps_conditions)

    def _keeps_conditions(self) -> bool:
        """Return whether what another wrote meanwhile is never written over.

        Where it may be, no cursor that was seen before is changed: one that is not the newest could be written.
        """
        keeps = is_local(self.layout.root) or describe_objects(self.layout, self.timezone, server())
        if not keeps:
            self._seen = None
        return keeps

    def feed(self, domain: str, name: str) -> Feed:
        """Return the feed that a stored file names."""
        return Feed(domain, self.kinds[name])

    def feeds(self) -> Iterator[Feed]:
        """Yield the feeds that have files here, whether the settings still name them or not."""
        return stored_feeds(self.layout, self.kinds.values())

    @property
    def blobs(self) -> Blobs:
        return Blobs(self.layout, lambda: self.locks)

    @contextmanager
    def open_hour(
        self, feed: Feed, hour: Hour, when_held: Callable[[str], object] = logger.warning
    ) -> Iterator[OpenHour]:
        """Open an hour to collect into. What is recorded in its journal outlives the block unless it is committed.

        `when_held` is told where another process has the hour. It is waited for, unless that raises. An hour that was
        destroyed raises DestroyedError. On an object store both may come as late as something new is found.
        """
        root, keeps_conditions = self.layout.root, self._keeps_conditions()
        cursor, files = self.feed_cursor(feed), HourFiles(self.layout, feed, hour)
        with ExitStack() as held:

            def hold() -> None:
                held.enter_context(self.holding(feed, hour, when_held))
                if is_local(root):
                    refuse_destroyed(self.layout, feed, hour)

            with closing(OpenHour(files, self.memory, cursor, hold, when_held)) as work:
                work.begin(is_dear=keeps_conditions and not is_local(root))
                try:
                    yield work
                except HeldError:
                    raise
                except OSError as error:
                    told = _reassuring(error) if work.is_as_it_was else error
                    cursor.fail(hour, told, work.notes.append)
                    raise told from error.__cause__
                except Exception as error:
                    cursor.fail(hour, error, work.notes.append)
                    raise
                finally:
                    if work.done:
                        self._make_readable(work.done.log)

    def _make_readable(self, log: StoredPath) -> None:
        top = self.layout.all_logs
        if self.log_file_mode is None or not is_local(log) or not is_local(top):
            return
        try:
            make_readable(log, self.log_file_mode, top)
        except OSError as error:  # what is collected matters more than who may read it
            logger.warning(f"{log} cannot be given the mode {self.log_file_mode:04o} ({error.strerror}).")

    @contextmanager
    def holding(self, feed: Feed, hour: Hour, when_held: Callable[[str], object]) -> Iterator[None]:
        """Keep other processes from collecting or destroying the hour."""
        self._keeps_conditions()
        held = f"{feed} {hour} is being collected by another process, which is waited for."
        with self.locks.holding(hour_lock(feed, hour), lambda: when_held(held)):
            yield

    def writing(self, feed: Feed) -> AbstractContextManager[None]:
        """Keep others from committing or destroying hours of the feed."""
        return self.locks.briefly(feed_lock(feed))

    @contextmanager
    def adopting(self, when_held: Callable[[str], object] = logger.warning) -> Iterator[Path]:
        """Yield an empty folder to sort old logs in, for one process at a time; it goes with the block."""
        held = "Another process takes old logs into this storage, and is waited for."
        folder = self.layout.adopting
        with self.locks.holding(ADOPTING, lambda: when_held(held)):
            if folder.exists():  # of a process that was killed
                shutil.rmtree(folder)
            make_folder(folder)
            try:
                yield folder
            finally:
                shutil.rmtree(folder)

    @contextmanager
    def telling(self) -> Iterator[None]:
        """Let one process at a time tell what is wrong, so that nothing is told twice; else HeldError."""
        with self.locks.holding(ALERTS, refusing("Another process is telling what is wrong.")):
            yield

    def feed_cursor(self, feed: Feed) -> FeedCursor:
        return FeedCursor(self.layout, lambda: self.locks, feed, self.timezone, self._seen)

    def cursor(self, feed: Feed) -> Cursor:
        """Return what the feed has; DamagedError where its cursor is not as it was written."""
        return self.feed_cursor(feed).read()

    def readable_cursor(self, feed: Feed) -> Cursor | None:
        """Return what the feed has; None where the cursor is damaged or lost, until the next collection."""
        return self.feed_cursor(feed).read_if_whole()

    def readable_cursors(self, feeds: Sequence[Feed]) -> dict[Feed, Cursor | None]:
        """Return what each of these has. On an object store only what changed is read again, several at a time."""
        folder = self.layout.cursors
        if is_local(folder):
            return {feed: self.readable_cursor(feed) for feed in feeds}
        tags = tags_below(folder)

        def cursor_of(feed: Feed) -> Cursor | None:
            cursor, path = self.feed_cursor(feed), self.layout.cursor(feed)
            return cursor.seen_as(tags.get(str(path), ABSENT)) or cursor.read_if_whole()

        with ThreadPoolExecutor(AT_ONCE, "cursors") as beside:
            return dict(zip(feeds, beside.map(cursor_of, feeds), strict=True))

    def manifest(self, feed: Feed, hour: Hour) -> Manifest | None:
        return read_manifest(self.layout.manifest(feed, hour))

    def readable_manifest(self, feed: Feed, hour: Hour) -> Manifest | None:
        """Return the manifest; None also where it is damaged, which the hour's next collection and `verify` say."""
        with suppress(DamagedError):
            return self.manifest(feed, hour)
        return None

    def readable_manifests(self, feed: Feed, hours: Iterable[Hour]) -> Iterator[Manifest]:
        """Yield the manifests of those hours that have one. An object store is asked once which these are."""
        folder = self.layout.manifests(feed)
        there = cache(lambda: None if is_local(folder) else tags_below(folder))
        for hour in hours:
            known = there()
            is_there = known is None or f"{folder}/{self.layout.manifest_name(hour)}" in known
            if is_there and (manifest := self.readable_manifest(feed, hour)):
                yield manifest

    def strays_beside(self, feed: Feed, hour: Hour) -> frozenset[bytes]:
        """Return the strays of the hours before and after: a window's ends may return them here too."""
        return HourFiles(self.layout, feed, hour).strays_beside()

    def held_in(self, feed: Feed, hour: Hour, identities: Set[bytes]) -> frozenset[bytes]:
        """Return those of the identities that are committed in an hour."""
        return HourFiles(self.layout, feed, hour).held(identities)

    def dataset(self, feed: Feed, hours: Sequence[Hour]) -> ds.Dataset:
        """Return committed hours of a feed as one lazy dataset.

        NotCollectedError names those that are not there; DestroyedError where one was destroyed.
        """
        self._refuse_missing(feed, hours)
        paths = [self.layout.snapshot(feed, hour) for hour in hours]
        return dataset(paths, self.layout.all_snapshots, feed.kind.rows)

    def table(self, feed: Feed, hour: Hour, columns: Sequence[str]) -> pa.Table:
        """Return columns of one committed hour, with less memory than a dataset takes.

        It raises what `dataset` does, and DamagedError where the snapshot cannot be read.
        """
        self._refuse_missing(feed, [hour])
        with opened(self.layout.snapshot(feed, hour)) as snapshot:
            return snapshot.table(feed.kind.rows, columns)

    def _refuse_missing(self, feed: Feed, hours: Sequence[Hour]) -> None:
        for hour in hours if self.layout.destructions(feed).exists() else ():
            refuse_destroyed(self.layout, feed, hour)
        missing = [hour.key for hour in hours if self.manifest(feed, hour) is None]
        if missing:
            named = ", ".join(missing[:5]) + (f" and {len(missing) - 5} more" if len(missing) > 5 else "")
            raise NotCollectedError(f"{feed}: not collected yet: {named}. Materialize these partitions first.")


def _reassuring(error: OSError) -> OSError:
    """Return the error of a disk or an object store for an hour of which nothing was written yet."""
    if error.errno is None:
        return error
    kind = type(error) if isinstance(error, ObjectStoreError) else OSError
    return kind(error.errno, f"{error.strerror}; what was committed before is as it was", error.filename)
