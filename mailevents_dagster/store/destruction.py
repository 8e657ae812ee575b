"""Destroying an hour: what holds its events goes, its manifest stays, and a record says what went, when and why."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from upath import UPath

from mailevents_dagster.files.atomic import digest_of, local, sync_folder
from mailevents_dagster.files.checksummed import read_sealed, write_sealed
from mailevents_dagster.files.damage import DamagedError, set_aside
from mailevents_dagster.model.event import SourceError
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.store.cursor_file import write_cursor
from mailevents_dagster.store.layout import Layout
from mailevents_dagster.store.manifest import Manifest, StoredFile

if TYPE_CHECKING:
    from mailevents_dagster.store.store import Store

VERSION: Final = 1


class DestroyedError(SourceError):
    """An hour was destroyed for its age: it is neither collected again nor to be read."""

    cause = "destroyed"
    hour_is_gone = True


@dataclass(frozen=True, slots=True)
class Destruction:
    """The record of an hour that was destroyed. Times are Unix seconds; the file shows them as people read them."""

    domain: str
    feed: str
    hour: str
    timezone: str
    start: int
    end: int
    events: int | None
    """As its manifest says; None where there is no manifest that can be read."""
    files: tuple[StoredFile, ...]
    """What the manifest names, with its digests, and whatever else there was of the hour."""
    rule: str
    begun: float
    finished: float | None
    """None until everything is deleted."""
    program: str
    earlier: tuple[Mapping[str, Any], ...] = ()
    """The records of destructions before, where files had come back since."""
    version: int = VERSION

    @property
    def bytes(self) -> int:
        return sum(file.bytes for file in self.files)


def read_destruction(path: UPath) -> Destruction | None:
    """The record, or None where there is none; DamagedError where it is not as it was written."""
    content = read_sealed(path)
    if content is None:
        return None
    try:
        values = {field.name: content[field.name] for field in fields(Destruction)}
        values["files"] = tuple(StoredFile(**file) for file in values["files"])
        values["earlier"] = tuple(values["earlier"])
        return Destruction(**values)
    except (KeyError, TypeError) as error:
        raise DamagedError(f"{path} is no record of a destroyed hour ({type(error).__name__}: {error})") from error


def refuse_destroyed(store: Store, feed: Feed, hour: Hour) -> None:
    """Raises DestroyedError, saying when and why, where the hour was destroyed or is being destroyed."""
    for path in (store.layout.destruction(feed, hour), store.layout.begun_destruction(feed, hour)):
        try:
            record = read_destruction(path)
        except DamagedError as error:
            raise DestroyedError(f"{feed} {hour} was destroyed and is not collected again. {error}.") from error
        if record:
            at = datetime.fromtimestamp(record.begun, ZoneInfo(store.timezone)).isoformat(" ", "minutes")
            ahead = " That time is still to come: `mailevents housekeeping` takes back what a wrong clock destroyed."
            raise DestroyedError(
                f"{feed} {hour} was destroyed at {at} by the rule retention.{record.rule}, and is not collected again. "
                f"The record is {path}.{ahead if record.begun > time.time() else ''}"
            )


@contextmanager
def destroying(
    store: Store, feed: Feed, hour: Hour, files: Collection[UPath], rule: str, when_held: Callable[[str], object]
) -> Iterator[Destruction | None]:
    """Destroys an hour and hands out the record; None where there was nothing left to destroy.

    The record is there before anything is deleted, and counts as begun until the block ends well: after a kill at any
    moment the next call for the hour goes on, and hands out the record again.
    """
    begun, final = store.layout.begun_destruction(feed, hour), store.layout.destruction(feed, hour)
    with store.holding(feed, hour, when_held):
        with store.writing(feed):
            manifest = _manifest(store, feed, hour)
            there = _by_name(store.layout, manifest, [*files, *store.layout.personal_summaries(feed, hour)])
            if not there and not begun.exists():
                yield None
                return
            record = _begun(begun, there, _record(store, feed, hour, manifest, rule))
            _delete(store.layout, feed, there.values())
            record = replace(record, finished=time.time())
            _write(final, record)
            _close(store, feed, hour)
        yield record
        begun.unlink()


def recorded(store: Store, feed: Feed, hour: Hour) -> Destruction | None:
    """The record of the hour's destruction, ended or not; None where there is none that can be read."""
    for path in (store.layout.destruction(feed, hour), store.layout.begun_destruction(feed, hour)):
        with suppress(DamagedError):
            if record := read_destruction(path):
                return record
    return None


def take_back(store: Store, record: Destruction, when_held: Callable[[str], object]) -> None:
    """Makes an hour that should not have been destroyed one that was never collected; its record is kept aside.

    The manifest goes with it, since there is nothing left that it proves; its digests are in the record. The record is
    moved last: after a kill at any moment the next call goes on.
    """
    feed, hour = store.feed(record.domain, record.feed), Hour(record.start, store.timezone)
    with store.holding(feed, hour, when_held), store.writing(feed):
        with store.noting(feed):
            cursor = store.readable_cursor(feed)
            if cursor is not None:
                write_cursor(store.layout.cursor(feed), cursor.missing_again(hour), store.timezone)
        store.layout.manifest(feed, hour).unlink(missing_ok=True)
        _write(store.layout.undone_destruction(feed, hour), record)
        store.layout.begun_destruction(feed, hour).unlink(missing_ok=True)
        store.layout.destruction(feed, hour).unlink(missing_ok=True)


def _manifest(store: Store, feed: Feed, hour: Hour) -> Manifest | None:
    with suppress(DamagedError):  # it holds no events and stays as it is
        return store.manifest(feed, hour)
    return None


def _by_name(layout: Layout, manifest: Manifest | None, files: Collection[UPath]) -> dict[str, UPath]:
    """The files that are there, those of the manifest among them: log files may have been named otherwise before."""
    committed = (manifest.log.path, manifest.snapshot.path) if manifest else ()
    named = {**{name: layout.root / name for name in committed}, **{layout.relative(file): file for file in files}}
    return {name: file for name, file in sorted(named.items()) if file.exists()}


def _record(store: Store, feed: Feed, hour: Hour, manifest: Manifest | None, rule: str) -> Destruction:
    before = _readable(store.layout.destruction(feed, hour)) or _readable(store.layout.undone_destruction(feed, hour))
    return Destruction(
        domain=feed.domain,
        feed=feed.name,
        hour=hour.key,
        timezone=hour.timezone,
        start=hour.start,
        end=hour.end,
        events=manifest.events if manifest else None,
        files=(manifest.log, manifest.snapshot) if manifest else (),
        rule=rule,
        begun=time.time(),
        finished=None,
        program=f"mailevents-dagster {version('mailevents-dagster')}",
        earlier=(asdict(replace(before, earlier=())), *before.earlier) if before else (),
    )


def _begun(path: UPath, there: Mapping[str, UPath], new: Destruction) -> Destruction:
    """The record, written; that of a destruction which was cut short is taken up again, with what it did not know."""
    before = _readable(path)
    record = before or new
    known = {file.path for file in record.files}
    more = [
        StoredFile(name, file.stat().st_size, digest_of(file) or "")
        for name, file in there.items()
        if name not in known
    ]
    record = replace(record, files=(*record.files, *more))
    if more or not before:
        _write(path, record)
    return record


def _readable(path: UPath) -> Destruction | None:
    """The record; a damaged one is set aside and counts as none."""
    try:
        return read_destruction(path)
    except DamagedError:
        set_aside(path)
        return None


def _write(path: UPath, record: Destruction) -> None:
    shown = {
        f"{name}_at": datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds") if at else None
        for name, at in (("begun", record.begun), ("finished", record.finished))
    }
    write_sealed(path, {**asdict(record), **shown})


def _delete(layout: Layout, feed: Feed, files: Iterable[UPath]) -> None:
    """Deletes the files, so that a power cut does not bring them back, and the folders that are empty then."""
    folders: set[Path] = set()
    for file in files:
        file.unlink(missing_ok=True)
        if here := local(file.parent):
            folders.add(here)
    for folder in folders:
        sync_folder(folder)
    folders.discard(layout.journals(feed))  # others make it and write into it without a lock
    for folder in (*folders, Path(layout.snapshots(feed).path)) if folders else ():
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def _close(store: Store, feed: Feed, hour: Hour) -> None:
    """The hour counts as done, so that nothing asks for it; a cursor that cannot be read is made anew elsewhere."""
    with store.noting(feed):
        cursor = store.readable_cursor(feed)
        if cursor is not None and (closed := cursor.destroyed(hour)) != cursor:
            write_cursor(store.layout.cursor(feed), closed, store.timezone)
