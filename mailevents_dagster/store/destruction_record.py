"""The record of an hour that was destroyed: what went, when and why. Such an hour is not collected again."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from mailevents_dagster.files.checksummed import read_value, write_sealed
from mailevents_dagster.files.damage import DamagedError
from mailevents_dagster.files.stored_path import StoredPath
from mailevents_dagster.model.event import SourceError
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.store.layout import Layout
from mailevents_dagster.store.manifest import StoredFile, said_of

VERSION: Final = 1


class DestroyedError(SourceError):
    """An hour was destroyed for its age: it is neither collected again nor to be read."""

    cause = "destroyed"
    hour_is_gone = True


@dataclass(frozen=True, slots=True)
class Destruction:
    """What was destroyed of an hour. Times are Unix seconds; the file shows them as people read them, too."""

    domain: str
    feed: str
    hour: str
    timezone: str
    start: int
    end: int
    events: int | None
    """As its manifest says; None where no manifest can be read."""
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


def read_destruction(path: StoredPath) -> Destruction | None:
    return read_value(path, _destruction_of, "is not a record of a destroyed hour")


def _destruction_of(content: dict[str, Any]) -> Destruction:
    values = {field.name: content[field.name] for field in fields(Destruction)}
    values["files"] = tuple(StoredFile(**file) for file in values["files"])
    values["earlier"] = tuple(values["earlier"])
    return Destruction(**values)


def write_destruction(path: StoredPath, record: Destruction) -> None:
    shown = {
        f"{name}_at": datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds") if at else None
        for name, at in (("begun", record.begun), ("finished", record.finished))
    }
    write_sealed(path, {**asdict(record), "files": [said_of(file) for file in record.files], **shown})


def recorded(layout: Layout, feed: Feed, hour: Hour) -> Destruction | None:
    """Return the record of the hour's destruction, ended or not; None where none can be read."""
    for path in (layout.destruction(feed, hour), layout.begun_destruction(feed, hour)):
        with suppress(DamagedError):
            if record := read_destruction(path):
                return record
    return None


def refuse_destroyed(layout: Layout, feed: Feed, hour: Hour) -> None:
    """Raise DestroyedError, saying when and why, where the hour was destroyed or is being destroyed."""
    for path in (layout.destruction(feed, hour), layout.begun_destruction(feed, hour)):
        try:
            record = read_destruction(path)
        except DamagedError as error:
            raise DestroyedError(f"{feed} {hour} was destroyed and is not collected again. {error}.") from error
        if record:
            at = datetime.fromtimestamp(record.begun, ZoneInfo(hour.timezone)).isoformat(" ", "minutes")
            ahead = " That time is still to come: `mailevents housekeeping` takes back what a wrong clock destroyed."
            raise DestroyedError(
                f"{feed} {hour} was destroyed at {at} by the rule retention.{record.rule}, and is not collected again. "
                f"The record is {path}.{ahead if record.begun > time.time() else ''}"
            )
