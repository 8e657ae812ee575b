"""The manifest of an hour: the small file whose appearance commits it, with the proof of what it holds."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Final

from upath import UPath

from mailevents_dagster.files.checksummed import read_sealed, write_sealed
from mailevents_dagster.files.damage import DamagedError
from mailevents_dagster.model.event import Collection, Detail, Gap, Origin
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.store.hour.index import Index

VERSION = 1
OWED: Final = tuple(detail for detail in Detail if detail.is_owed)


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One file of an hour: where below the storage, how long, and the digest of its content."""

    path: str
    bytes: int
    sha256: str


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
    """When the API was asked, or when the logs were read that the hour comes from."""
    closed: bool
    strays: tuple[str, ...]
    log: StoredFile
    snapshot: StoredFile
    version: int = field(default=VERSION)
    origin: Origin = field(default=Origin.API)
    details_purged: int = field(default=0)
    """Mails of which the source says that it has no detail."""

    @property
    def complete(self) -> bool:
        """Whether everything the source has of the hour is here; never so where nobody asked the source."""
        return self.origin is Origin.API and not self.gaps and not self.details_owed


def write_manifest(path: UPath, manifest: Manifest) -> None:
    listed = datetime.fromtimestamp(manifest.listed_at, UTC).isoformat(timespec="seconds")
    write_sealed(path, {**asdict(manifest), "complete": manifest.complete, "listed": listed})


def read_manifest(path: UPath) -> Manifest | None:
    """The manifest, or None where the hour was never committed."""
    content = read_sealed(path)
    if content is None:
        return None
    try:
        content = {"origin": Origin.API, "details_purged": 0, **content}  # which earlier versions did not write
        fields = {name: content[name] for name in Manifest.__dataclass_fields__}
        fields["origin"] = Origin(fields["origin"])
        fields["gaps"] = tuple(Gap(**gap) for gap in fields["gaps"])
        fields["strays"] = tuple(fields["strays"])
        fields["log"], fields["snapshot"] = StoredFile(**fields["log"]), StoredFile(**fields["snapshot"])
        return Manifest(**fields)
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedError(f"{path} is no manifest of an hour ({type(error).__name__}: {error})") from error


def manifest_of(
    feed: Feed,
    hour: Hour,
    index: Index,
    found: Collection,
    before: Manifest | None,
    log: StoredFile,
    snapshot: StoredFile,
) -> Manifest:
    """Return what is committed of an hour that was collected."""
    strays = {stray.hex() for stray in found.strays}.union(before.strays if before else ())
    return Manifest(
        domain=feed.domain,
        feed=feed.name,
        hour=hour.key,
        timezone=hour.timezone,
        start=hour.start,
        end=hour.end,
        events=len(index),
        details_owed=index.count(*OWED),
        gaps=found.gaps,
        first_event=int(index.times.min()) if len(index) else None,
        last_event=int(index.times.max()) if len(index) else None,
        listed_at=found.listed_at,
        closed=found.closed or (before is not None and before.closed),
        strays=tuple(sorted(strays)),
        log=log,
        snapshot=snapshot,
        origin=Origin.API if before and before.origin is Origin.API else found.origin,
        details_purged=index.count(Detail.PURGED),
    )
