"""A source that has just what every source must have: lines of text files that begin with the time of their event."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from hashlib import blake2b
from pathlib import Path
from typing import Final

import orjson
import pyarrow as pa
from pydantic import Field

from mailevents_dagster.model.columns import Column, RowFormat
from mailevents_dagster.model.event import Collection, Detail, Event
from mailevents_dagster.model.feed import Feed, FeedKind
from mailevents_dagster.model.source import FeedSettings, Source
from mailevents_dagster.settings import Settings
from mailevents_dagster.settings.fields import Strict
from mailevents_dagster.sources.client import Options
from mailevents_dagster.store.hour.open_hour import OpenHour


class TextFile(Strict):
    """A file whose lines are events."""

    name: str = Field(description="Names the feed.", examples=["notes"])
    file: str = Field(description="The file.", examples=["/var/log/notes.txt"])


class TextFilesSettings(Strict):
    text_files: tuple[TextFile, ...] = Field(
        default=(), description="Files of lines.", examples=[[{"name": "notes", "file": "/var/log/notes.txt"}]]
    )


def _event(raw: bytes, at: int) -> Event:
    digest = blake2b(raw, digest_size=16).digest()
    return Event(at, digest, digest, Detail.WHOLE, raw)


def _read(raws: pa.StringArray) -> list[pa.Array]:
    return [pa.array([orjson.loads(raw)["text"] for raw in raws.to_pylist()], pa.string())]


ROWS: Final = RowFormat((Column("text", pa.string(), "The line."),), _read, _event, lambda _: None)
LINES: Final = FeedKind(
    "text_lines", "lines", "text", "lines", "Lines of a file.", lambda: ROWS, ("lines",), log_folder="text"
)


class TextLines:
    """Collects the lines of a file."""

    def __init__(self, file: str) -> None:
        self._file = Path(file)

    def collect(self, work: OpenHour, options: Options) -> Collection:
        now = time.time()
        events = [event for event in self._events() if work.hour.start <= event.time < work.hour.end]
        closed = now >= work.hour.end + options.settle_seconds
        return Collection(events, frozenset(), (), now, closed, {"lines": len(events)})

    def stop(self) -> None: ...

    def close(self) -> None: ...

    def _events(self) -> Iterator[Event]:
        for line in self._file.read_text("utf-8").splitlines():
            at = int(datetime.fromisoformat(line.partition(" ")[0]).timestamp())
            yield _event(orjson.dumps({"time": at, "text": line.partition(" ")[2]}), at)


def _configured(settings: Settings) -> Iterator[FeedSettings]:
    for one in settings.section(TextFilesSettings).text_files:
        yield FeedSettings(Feed(one.name, LINES), settings.start)


def _client(settings: Settings, owner: str) -> TextLines:
    return TextLines(next(one.file for one in settings.section(TextFilesSettings).text_files if one.name == owner))


TEXT_LINES: Final = Source("text_lines", {LINES.name: LINES}, TextFilesSettings, "text_files", _configured, _client)
