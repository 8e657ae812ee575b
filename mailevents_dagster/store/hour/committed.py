"""What is committed of an hour, as it is when it is first looked at, and the versions of it on an object store."""

from __future__ import annotations

from collections.abc import Callable

from mailevents_dagster.files.damage import DamagedError, set_aside
from mailevents_dagster.files.digests import digest_of
from mailevents_dagster.files.objects import Version, tag_of
from mailevents_dagster.files.once import once
from mailevents_dagster.files.stored_path import is_local
from mailevents_dagster.store.cursors import Cursor
from mailevents_dagster.store.hour.found_events import FoundEvents, Records
from mailevents_dagster.store.hour.hour_files import HourFiles
from mailevents_dagster.store.hour.known_events import Snapshot, known_events
from mailevents_dagster.store.hour.log import StoredLog
from mailevents_dagster.store.manifest import Manifest, StoredFile, read_manifest


class Committed:
    """The last commit of an hour.

    On an object store each look is a request. So cursor and manifest are trusted at first. An hour that the cursor does
    not know has no manifest, and that of a running hour is what the cursor says. Where there is none, nothing else is
    looked for. The log of a running hour is what the manifest says, and so is that of a closed one which has its ETag.
    Where that is wrong nothing can be written, since the versions are not those that are there, and the hour is looked
    at again without trust.
    """

    def __init__(
        self, files: HourFiles, empty: FoundEvents, note: Callable[[str], object], trusted: Cursor | None = None
    ) -> None:
        """Without a cursor that is trusted all files of the hour are looked at."""
        self.is_local = is_local(files.manifest)
        self._trusted = None if self.is_local else trusted
        self._is_trusted = self._trusted is not None
        self._files = files
        self._empty = empty
        self._note = note
        self.manifest_version = Version()
        self.snapshot_version = Version()
        self.stored_log = StoredLog()
        self.is_as_it_was = True
        """Whether no file of the hour was changed since."""

    @once
    def manifest(self) -> Manifest | None:
        """The manifest; a damaged one is set aside and counts as none."""
        path, start = self._files.manifest, self._files.hour.start
        if self._trusted and not self._trusted.knows(start):
            return None
        if self._trusted and start in self._trusted.manifests and start not in self._trusted.failed:
            self.manifest_version.tag, manifest = self._trusted.manifests[start]
            return manifest
        try:
            return read_manifest(path, self.manifest_version)
        except DamagedError as error:
            self._is_trusted = False
            self._note(f"{error}. It was set aside as {set_aside(path)} and is written anew.")
            return None

    @once
    def records(self) -> Records:
        """The events committed so far, oldest first; from the log where the snapshot is damaged or gone."""
        if self.manifest is None and self._is_trusted:
            return self._empty
        return known_events(self._files, self.manifest, self._empty, self._note, self.snapshot_version)

    @property
    def snapshot(self) -> StoredFile | None:
        """The snapshot, where it is just what was committed."""
        records, manifest = self.records, self.manifest
        if manifest and isinstance(records, Snapshot) and records.sha256 == manifest.snapshot.sha256:
            return manifest.snapshot
        return None

    def has_its_log(self, *, is_changing: bool) -> bool:
        """Return whether the log is just what was committed; `is_changing` says that it is replaced in any case."""
        log, manifest, stored = self._files.log, self.manifest, self.stored_log
        if manifest is None and (self.is_local or self._is_trusted):
            return False
        if manifest and self._is_trusted and not is_local(log):
            known = manifest.log.tag
            if known and (is_changing or not manifest.closed or tag_of(log) == known):
                stored.version.tag, stored.sha256 = known, manifest.log.sha256
                return True
        stored.sha256 = digest_of(log, stored.version)
        return manifest is not None and manifest.log.sha256 == stored.sha256
