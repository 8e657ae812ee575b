"""The manifest of an hour: the small file whose appearance commits it, with the proof of what it holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import Any

from mailevents_dagster.files.checksummed import read_value, write_sealed
from mailevents_dagster.files.objects import Version
from mailevents_dagster.files.stored_path import StoredPath
from mailevents_dagster.model.event import Gap, Origin, ReadRange

VERSION = 1


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One file of an hour: where below the storage, how long, and the digest of its content."""

    path: str
    bytes: int
    sha256: str
    tag: str = ""
    """The ETag that it got, on an object store."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What is committed of an hour. Times are Unix seconds; the file shows them as people read them, too."""

    domain: str
    feed: str
    hour: str
    timezone: str
    start: int
    end: int
    events: int
    details_owed: int
    gaps: tuple[Gap, ...]
    first_event: int | None
    last_event: int | None
    listed_at: float
    """When the source was asked, or when the logs were read that the hour comes from."""
    closed: bool
    strays: tuple[str, ...]
    log: StoredFile
    snapshot: StoredFile
    version: int = VERSION
    origin: Origin = Origin.SOURCE
    details_purged: int = 0
    """Events whose detail the source says it does not have."""
    ranges: tuple[ReadRange, ...] = ()
    """What the hour was read from, where its source has files."""

    @property
    def complete(self) -> bool:
        """Whether everything the source has of the hour is here; never so where nobody asked the source."""
        return self.origin is Origin.SOURCE and not self.gaps and not self.details_owed


def write_manifest(path: StoredPath, manifest: Manifest, version: Version | None = None) -> None:
    listed = datetime.fromtimestamp(manifest.listed_at, UTC).isoformat(timespec="seconds")
    content = manifest_content(manifest)
    write_sealed(path, {**content, "complete": manifest.complete, "listed": listed}, version)


def manifest_content(manifest: Manifest) -> dict[str, object]:
    """Return the manifest as files hold it."""
    return {**asdict(manifest), "log": said_of(manifest.log), "snapshot": said_of(manifest.snapshot)}


def said_of(file: StoredFile) -> dict[str, object]:
    """Return a file as records name it; only one on an object store has a tag."""
    return {name: value for name, value in asdict(file).items() if name != "tag" or value}


def read_manifest(path: StoredPath, version: Version | None = None) -> Manifest | None:
    """Return the manifest, or None where the hour was never committed."""
    return read_value(path, manifest_of, "is not a manifest of an hour", version)


def manifest_of(content: Mapping[str, Any]) -> Manifest:
    """Return the manifest that a file holds."""
    content = {
        "origin": Origin.SOURCE,
        "details_purged": 0,
        "ranges": (),
        **content,
    }  # which earlier versions did not write
    values = {field.name: content[field.name] for field in fields(Manifest)}
    values["origin"] = Origin(values["origin"])
    values["gaps"] = tuple(Gap(**gap) for gap in values["gaps"])
    values["strays"] = tuple(values["strays"])
    values["ranges"] = tuple(ReadRange(**one) for one in values["ranges"])
    values["log"], values["snapshot"] = StoredFile(**values["log"]), StoredFile(**values["snapshot"])
    return Manifest(**values)
