"""Which hours the segments of a spool have events of, and where: each segment is read once, and its index kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from mailevents_dagster.files.checksummed import read_value, show_sealed
from mailevents_dagster.files.damage import DamagedError
from mailevents_dagster.model.event import ReadRange
from mailevents_dagster.sources.webhook.spool.frames import Frame, Posted, frames
from mailevents_dagster.sources.webhook.spool.segments import segments

INDEX_SUFFIX: Final = ".hours"

HoursOf = Callable[[Posted], Iterable[int]]
"""Returns the starts of the hours of a request's events."""


@dataclass(frozen=True, slots=True)
class Extent:
    """Where in a segment the events of an hour stand."""

    first: int
    end: int


@dataclass(slots=True)
class Segment:
    """A segment, as far as it was read."""

    path: Path
    is_sealed: bool
    """Nothing is added any more."""
    end: int = 0
    """Up to where it was read."""
    hours: dict[int, Extent] = field(default_factory=dict)

    def is_covered(self, hour: int, ranges: Iterable[ReadRange]) -> bool:
        """Return whether all events of an hour in here were read into the hour, by what it was read from."""
        return hour not in self.hours or any(
            one.file == self.path.name and one.end >= self.hours[hour].end for one in ranges
        )

    def frames(self, hour: int) -> Iterator[Frame]:
        """Yield the frames that may hold events of an hour; none where the segment is gone."""
        extent = self.hours[hour]
        with suppress(FileNotFoundError):
            yield from (frame for frame in frames(self.path.read_bytes(), extent.first) if frame.end <= extent.end)

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)
        _index(self.path).unlink(missing_ok=True)


class Survey:
    """The segments of a spool, brought up to date before each use."""

    def __init__(self, folder: Path, hours_of: HoursOf, rule: str) -> None:
        """`rule` says how hours are found: an index that was made by another is made anew."""
        self._folder = folder
        self._hours_of = hours_of
        self._rule = rule
        self._segments: dict[Path, Segment] = {}

    def segments(self) -> list[Segment]:
        """Return all segments, oldest first, each read to its end."""
        paths = segments(self._folder)
        found = {}
        for path in paths:
            with suppress(FileNotFoundError):  # committed by another process meanwhile
                found[path] = self._read(path, is_sealed=path != paths[-1])
        self._segments = found
        return [*found.values()]

    def _read(self, path: Path, *, is_sealed: bool) -> Segment:
        known = self._segments.get(path) or self._indexed(path) or Segment(path, is_sealed=False)
        if known.is_sealed:
            return known
        for frame in frames(path.read_bytes(), known.end):
            for hour in self._hours_of(frame.posted):
                first = known.hours[hour].first if hour in known.hours else frame.first
                known.hours[hour] = Extent(first, frame.end)
            known.end = frame.end
        if is_sealed:
            known.is_sealed = True
            hours = {str(hour): [extent.first, extent.end] for hour, extent in known.hours.items()}
            show_sealed(_index(path), {"rule": self._rule, "end": known.end, "hours": hours})
        return known

    def _indexed(self, path: Path) -> Segment | None:
        def made(content: Mapping[str, object]) -> Segment | None:
            if content["rule"] != self._rule or not isinstance(content["hours"], dict):
                return None
            hours = {int(hour): Extent(*extent) for hour, extent in content["hours"].items()}
            return Segment(path, is_sealed=True, end=int(str(content["end"])), hours=hours)

        with suppress(DamagedError):  # it is made anew
            return read_value(_index(path), made, "is not an index of a segment")
        return None


def _index(path: Path) -> Path:
    return path.with_name(path.name + INDEX_SUFFIX)
