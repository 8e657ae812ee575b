"""Whether what is stored is what was committed: log, snapshot and manifest of an hour, and the cursor of a feed.

Nothing is changed. What does not fit is read again while nobody writes to the feed, and only then is it a finding: an
hour may be in the middle of its commit. No event becomes a Python object, so that a disk is read at its own pace.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from mailevents_dagster.files.damage import DamagedError
from mailevents_dagster.files.stored_path import StoredPath
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import SECONDS, Hour, hours_between
from mailevents_dagster.store.blob_names import named_in_snapshot
from mailevents_dagster.store.blobs import blob_faults
from mailevents_dagster.store.cursor_file import read_cursor
from mailevents_dagster.store.cursors import merged
from mailevents_dagster.store.hour.content import Content, LogRead, read_content, read_log
from mailevents_dagster.store.inventory import Inventory
from mailevents_dagster.store.manifest import Manifest, StoredFile, read_manifest
from mailevents_dagster.store.store import Store

FROM_THE_LOG: Final = "Materialize the hour again: its events are taken from the log."
FROM_ITSELF: Final = "Materialize the hour again: its events can be read and are written anew."
FROM_THE_SNAPSHOT: Final = "Materialize the hour again: the log is written anew from the snapshot."
FROM_ANYWHERE: Final = "Restore the file, or materialize the hour again: what the source still has is fetched."
BY_HAND: Final = "Restore log, snapshot and manifest of the hour together from a copy of the storage."
REBUILD: Final = "`mailevents status --rebuild-cursors` makes it anew, and so does the next collection."
REBUILD_AND_COLLECT: Final = "run `mailevents status --rebuild-cursors`: these hours are then collected again."
FOR_EVER: Final = 253_402_300_800
"""The end of the year 9999."""
NO_TIME: Final = -1


class Severity(StrEnum):
    """How bad a finding is."""

    DAMAGE = "damage"
    """Something is not as it was committed."""
    DIFFERENCE = "difference"
    """The source shows something else than what was committed."""
    INCOMPLETE = "incomplete"
    """The hour does not hold everything that the source has of it."""
    FAILED = "failed"
    """It could not be looked at."""
    NOTE = "note"
    """Something to know of; nothing that was committed is lost."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it should be, and what to do about it."""

    feed: str
    hour: str | None
    """None where it concerns the feed as a whole."""
    severity: Severity
    kind: str
    """One or two words for those who count."""
    what: str
    do: str
    names: tuple[str, ...] = ()
    """What it is about, one by one, where that is more than a file."""
    number: int = 1
    """How many it is about, where they are counted."""


@dataclass(frozen=True, slots=True)
class Verified:
    """One hour that was looked at."""

    feed: Feed
    hour: Hour
    events: int
    log_bytes: int
    findings: tuple[Finding, ...]


def kept_hours(inventory: Inventory, feed: Feed, first: int, end: int) -> list[Hour]:
    """Return the hours in this span that have a manifest or a snapshot and were not destroyed, oldest first."""
    kept = (inventory.manifests(feed) | inventory.snapshots(feed)) - inventory.destroyed(feed)
    return [hour for hour in sorted(kept) if first <= hour.start < end]


def verify_hour(store: Store, feed: Feed, hour: Hour) -> Verified:
    """Look at the hour as it is, whatever is being written to it."""
    seen = _HourCheck(store, feed, hour).look()
    if not seen.findings:
        return seen
    with _nobody_writes(store, feed):
        return _HourCheck(store, feed, hour).look()


def verify_feed(store: Store, inventory: Inventory, feed: Feed, first: int, end: int) -> list[Finding]:
    """Look at what concerns the feed as a whole: its cursor, logs that no hour has, and what was set aside."""
    findings = _cursor_findings(store, inventory, feed, first, end)
    if findings:
        with _nobody_writes(store, feed):
            findings = _cursor_findings(store, inventory, feed, first, end)
    return [*findings, *_lone_logs(inventory, feed, first, end), *_set_aside(store, feed)]


@contextmanager
def _nobody_writes(store: Store, feed: Feed) -> Iterator[None]:
    """Keep writers out, if this user may: where the storage can only be read, nobody here writes to it."""
    with ExitStack() as held:
        with suppress(OSError):
            held.enter_context(store.writing(feed))
        yield


@dataclass(slots=True)
class _HourCheck:
    """One look at one hour."""

    store: Store
    feed: Feed
    hour: Hour
    findings: list[Finding] = field(default_factory=list)

    def look(self) -> Verified:
        manifest = self._manifest()
        if manifest is None:
            return Verified(self.feed, self.hour, 0, 0, tuple(self.findings))
        content = self._snapshot(manifest)
        log = content.log if content else read_log(self.store.layout.root / manifest.log.path)
        self._log(manifest, log, FROM_THE_SNAPSHOT if content else FROM_ANYWHERE)
        if content:
            self._events(manifest, content)
        return Verified(self.feed, self.hour, manifest.events, log.bytes, tuple(self.findings))

    def _add(self, kind: str, what: str, do: str, severity: Severity = Severity.DAMAGE) -> None:
        self.findings.append(Finding(str(self.feed), self.hour.key, severity, kind, what, do))

    def _manifest(self) -> Manifest | None:
        path = self.store.layout.manifest(self.feed, self.hour)
        try:
            manifest = read_manifest(path)
        except (DamagedError, OSError) as error:
            self._add("manifest", f"{error}.", "Materialize the hour again: it is written anew from what is there.")
            return None
        if manifest is None:
            self._unfinished()
        elif (manifest.domain, manifest.feed, manifest.start) != (self.feed.domain, self.feed.name, self.hour.start):
            what = f"{path} is that of {manifest.domain} {manifest.feed} {manifest.hour}."
            self._add("manifest", what, FROM_ANYWHERE)
            return None
        return manifest

    def _unfinished(self) -> None:
        snapshot = self.store.layout.snapshot(self.feed, self.hour)
        if snapshot.exists():
            what = f"{snapshot} has no manifest: a commit was killed before its end, or the manifest is gone."
            self._add("unfinished", what, "The next collection of the hour completes it.", Severity.NOTE)

    def _snapshot(self, manifest: Manifest) -> Content | None:
        """Return what the snapshot holds, beside the log; None where there is nothing in it to believe."""
        root = self.store.layout.root
        path = root / manifest.snapshot.path
        try:
            stored = path.read_bytes()
            content = read_content(stored, path, root / manifest.log.path, self.hour, self._may_stand_here(manifest))
        except FileNotFoundError:
            self._add("snapshot", f"{path} is gone.", FROM_THE_LOG)
        except DamagedError as error:
            self._add("snapshot", f"{error}.", FROM_THE_LOG)
        except OSError as error:
            self._add("snapshot", f"{path} cannot be read: {error}.", FROM_THE_LOG)
        else:
            if differs := _difference(manifest.snapshot, len(stored), hashlib.sha256(stored).hexdigest()):
                self._add("snapshot", f"{path} is not what was committed: {differs}.", FROM_ITSELF)
            if column := self.feed.kind.rows.blob_column:
                self._blobs(path, column)
            return content
        return None

    def _blobs(self, snapshot: StoredPath, column: str) -> None:
        """Read the blobs of the hour's events to their ends."""
        try:
            named = sorted(named_in_snapshot(snapshot, column))
        except DamagedError as error:
            self._add("snapshot", f"{error}.", FROM_ITSELF)
            return
        for fault, do, names in blob_faults(self.store.blobs, named):
            what = f"{len(names):,} messages below {self.store.layout.blobs} {fault}:"
            self.findings.append(
                Finding(str(self.feed), self.hour.key, Severity.DAMAGE, "blob", what, do, tuple(names))
            )

    def _may_stand_here(self, manifest: Manifest) -> Callable[[bytes, bytes], bool]:
        """Allow events of other hours that are recorded strays, or have no time of their own."""
        event_of = self.feed.kind.rows.event_of
        strays = {bytes.fromhex(stray) for stray in manifest.strays}

        def may(identity: bytes, raw: bytes) -> bool:
            return identity in strays or event_of(raw, NO_TIME).time == NO_TIME

        return may

    def _log(self, manifest: Manifest, log: LogRead, do: str) -> None:
        path = self.store.layout.root / manifest.log.path
        line = "" if log.differs_at is None else f" From line {log.differs_at:,} on it is not what the snapshot says."
        if log.error:
            self._add("log", f"{path} {log.error}.", do)
        elif differs := _difference(manifest.log, log.bytes, log.sha256):
            self._add("log", f"{path} is not what was committed: {differs}.{line}", do)
        elif line:
            self._add("log", f"{path} is as it was committed, and the snapshot is not the same.{line}", BY_HAND)

    def _events(self, manifest: Manifest, content: Content) -> None:
        path = self.store.layout.root / manifest.snapshot.path
        if content.out_of_order is not None:
            what = f"{path} is not in the order of time: event {content.out_of_order:,} is older than the one before."
            self._add("order", what, BY_HAND)
        if content.foreign:
            what = f"{path} holds {len(content.foreign):,} events of other hours that are not recorded strays"
            self._add("hour", f"{what}; the first is event {content.foreign[0]:,}.", BY_HAND)
        counts = (
            ("events", manifest.events, content.events),
            ("details owed", manifest.details_owed, content.details_owed),
            ("first event", manifest.first_event, content.first),
            ("last event", manifest.last_event, content.last),
        )
        wrong = [f"{name} {there}, not {said}" for name, said, there in counts if there != said]
        if wrong:
            what = f"{path} is not what its manifest counts: {', '.join(wrong)}."
            self._add("counts", what, "Materialize the hour again: the manifest is written anew.")


def _difference(said: StoredFile, size: int, sha256: str) -> str:
    """Say how a file differs from what its manifest says, or nothing."""
    if size != said.bytes:
        return f"it has {size:,} bytes, not {said.bytes:,}"
    return "" if sha256 == said.sha256 else "its SHA-256 differs"


def _cursor_findings(store: Store, inventory: Inventory, feed: Feed, first: int, end: int) -> list[Finding]:
    """Find hours that the cursor has and that have no manifest, and the other way round."""
    path = store.layout.cursor(feed)

    def found(severity: Severity, what: str, do: str, hours: Sequence[Hour] = ()) -> list[Finding]:
        return [Finding(str(feed), None, severity, "cursor", what, do, tuple(hour.key for hour in hours))]

    there = inventory.manifests(feed) | inventory.destroyed(feed)
    committed = {hour for hour in there if first <= hour.start < end}
    try:
        cursor = read_cursor(path)
    except (DamagedError, OSError) as error:
        return found(Severity.DAMAGE, f"{error}.", REBUILD)
    if cursor is None:
        gone = f"{path} is gone; {len(committed):,} hours are there."
        return found(Severity.NOTE, gone, REBUILD) if committed else []
    spans = [*cursor.closed, *((start, start + SECONDS) for start in cursor.open)]
    within = [(max(first, one), min(end, other)) for one, other in merged(spans)]
    said = {hour for span in within for hour in hours_between(*span, store.timezone)}
    findings = []
    if lost := sorted(said - committed):
        what = f"{path} has {len(lost):,} hours that have no manifest, from {lost[0]} to {lost[-1]}."
        findings += found(Severity.DAMAGE, what, f"Restore the manifests, or {REBUILD_AND_COLLECT}", lost)
    if unknown := sorted(committed - said):
        what = f"{path} lacks {len(unknown):,} hours that have a manifest, from {unknown[0]} to {unknown[-1]}."
        findings += found(Severity.NOTE, what, REBUILD, unknown)
    return findings


def _lone_logs(inventory: Inventory, feed: Feed, first: int, end: int) -> list[Finding]:
    """Find logs of hours that have neither manifest nor snapshot."""
    kept = inventory.manifests(feed) | inventory.snapshots(feed)
    what, do = "{} belongs to no hour that was committed.", "If it is not yours, collect its hour: it is completed."
    return [
        Finding(str(feed), hour.key, Severity.NOTE, "log alone", what.format(path), do)
        for hour, path in sorted(inventory.logs(feed).items())
        if hour not in kept and first <= hour.start < end
    ]


def _set_aside(store: Store, feed: Feed) -> list[Finding]:
    do = "The hour was made whole as its run said. Delete the file when nobody needs it."
    return [
        Finding(str(feed), None, Severity.NOTE, "set aside", f"{path} was found damaged and set aside.", do)
        for path in store.layout.set_aside(feed)
    ]
