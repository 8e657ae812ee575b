"""Which log files are there now, under which names, and which of them became what since they were looked at last."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from mailevents_dagster.sources.maillog.errors import Cause, LogError
from mailevents_dagster.sources.maillog.reading.content import Content, Measures, open_content
from mailevents_dagster.sources.maillog.reading.index import Index, KnownFile, Seen, rewritten
from mailevents_dagster.sources.maillog.reading.names import log_name
from mailevents_dagster.sources.maillog.reading.places import TRIES, Place, places_of
from mailevents_dagster.sources.maillog.reading.recognising import is_as_before, is_hopeless, recognise
from mailevents_dagster.sources.maillog.stamps import Stamps

Node = tuple[int, int]
"""A device and an inode."""
KEPT: Final = 40 * 86_400
"""Files that are gone are remembered for so long before the oldest that is there."""


@dataclass(frozen=True, slots=True)
class Part:
    """A file of a log, where it is to be read."""

    file: str
    place: Place
    latest: float
    """No line of it is later, but for a day."""
    is_rotated: bool
    """Whether the log goes on in another file, so that a last line without an end is one."""
    is_packed: bool


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A path that could not be read, and why."""

    place: Place
    why: str
    is_lasting: bool = False
    """It holds no log: nobody can mend that."""


@dataclass(slots=True)
class Survey:
    """What is there of a server's logs."""

    at: int
    """When it was looked."""
    places: list[Place]
    parts: dict[str, list[Part]] = field(default_factory=dict)
    """By log; the oldest file first."""
    unreadable: list[Unreadable] = field(default_factory=list)
    numbers: dict[str, set[int]] = field(default_factory=dict)
    """What rotation counts of each log, empty files with it."""
    seen: list[Seen] = field(default_factory=list)
    taken: dict[str, str] = field(default_factory=dict)
    """Files in the place of which another is now, and which one; nothing where an empty one is."""

    @property
    def files(self) -> set[str]:
        """Return the ids of the files that are there."""
        return {part.file for parts in self.parts.values() for part in parts}

    def damaged_after(self, part: Part) -> Place | None:
        """Return a file that holds no log where the one after this should be."""
        log, age = part.place.name.log, part.place.name.age
        ages = [one.place.name.age for one in self.parts[log] if one.place.name.age < age]
        damaged = [one.place for one in self.unreadable if one.is_lasting and one.place.name.log == log]
        return next((one for one in damaged if max(ages, default=(-1, (), 0)) < one.name.age < age), None)


class Surveyor:
    """Looks at the files of a pattern; opens those alone that changed."""

    def __init__(self, pattern: str, stamps: Stamps, index: Index, measures: Measures) -> None:
        self._pattern = pattern
        self._stamps = stamps
        self._index = index
        self._measures = measures
        self._open: dict[tuple[int, int], Content] = {}
        """By device and inode."""

    def survey(self, now: float) -> Survey:
        for _ in range(TRIES):
            try:
                return self._survey(places_of(self._pattern), int(now))
            except FileNotFoundError:  # it was renamed or removed meanwhile
                continue
        raise LogError(
            Cause.CHANGED, f"{self._pattern}: files vanish while they are opened. Collect again later.", is_passing=True
        )

    def _survey(self, places: Sequence[Place], now: int) -> Survey:
        before = {(one.device, one.inode): one for one in self._index.seen}
        survey = Survey(now, list(places))
        logs: defaultdict[str, list[Place]] = defaultdict(list)
        for place in places:
            logs[place.name.log].append(place)
            survey.numbers.setdefault(place.name.log, set()).add(place.name.number or 0)
        for node in [node for node in self._open if node not in {place.node for place in places}]:
            self._open.pop(node).close()
        for log, its_places in logs.items():
            survey.parts[log] = self._parts(sorted(its_places, key=lambda one: one.name.age), before, survey)
        self._note_losses(survey)
        self._forget(survey)
        self._index.seen = tuple(survey.seen)
        return survey

    def _parts(self, places: Iterable[Place], before: Mapping[Node, Seen], survey: Survey) -> list[Part]:
        """Return the files of one log, of which the places come newest first."""
        found: dict[str, Part] = {}
        latest = float("inf")
        for place in places:
            part = self._part(place, before.get(place.node), latest, survey, has_newer=bool(found))
            if part:
                found[part.file] = _better(found[part.file], part) if part.file in found else part
                latest = min(latest, self._index.files[part.file].begins)
        for part in found.values():
            self._verify(part, before.get(part.place.node))
        oldest_first = list(found.values())[::-1]
        return sorted(oldest_first, key=lambda part: self._index.files[part.file].begins)

    def _part(self, place: Place, old: Seen | None, latest: float, survey: Survey, *, has_newer: bool) -> Part | None:
        """Return the file at a place; None where no line of it can be read."""
        latest, is_rotated = min(latest, place.mtime), has_newer and not place.name.is_bare
        try:
            file = self._file_at(place, old, latest, survey.at, is_rotated=is_rotated)
        except FileNotFoundError:
            raise
        except OSError as error:
            survey.unreadable.append(Unreadable(place, error.strerror or type(error).__name__))
            survey.seen += [old] if old else []
            return None
        is_packed = self._is_packed(place, old)
        # Only what stays where it is was truncated: elsewhere, a number that comes again is that of a new file.
        is_in_place = old is not None and old.path == place.path and not old.is_packed and not is_packed
        earlier = (old.file or old.before) if old and is_in_place else ""
        survey.seen.append(_seen(place, file, "" if file else earlier, is_packed=is_packed))
        if not file:
            if earlier and not place.size:
                survey.taken[earlier] = ""
            if place.size and is_hopeless(self._content(place), is_rotated=is_rotated):
                survey.unreadable.append(Unreadable(place, "no line of it begins with a time", is_lasting=is_rotated))
            return None
        if earlier and earlier != file:
            survey.taken[earlier] = file
        if old and old.file == file and log_name(old.path).is_bare and not place.name.is_bare:
            self._index.renamed |= {place.name.log}
        return Part(file, place, latest, is_rotated, is_packed)

    def _file_at(self, place: Place, old: Seen | None, latest: float, now: int, *, is_rotated: bool) -> str:
        """Return the id of the file at a place; empty as long as it has no line with a time."""
        files = self._index.files
        if not place.size:
            return ""
        if old and old.file in files and _is_unchanged(place, old):
            return old.file
        if place.node in self._open and self._open[place.node].is_packed:
            self._open.pop(place.node).close()
        content = self._content(place)
        if old and old.file in files and _is_still(content, files[old.file]):
            return old.file
        name = place.name.log
        new = recognise(content, place.path, name, self._stamps, latest, size=place.size, is_rotated=is_rotated)
        if new is None:
            return ""
        if old and old.file == new.id and not content.is_packed:
            files[new.id] = rewritten(files[new.id])
        if name in self._index.copied and not place.name.is_bare:
            new = replace(new, lost_by=now)
        files.setdefault(new.id, new)
        return new.id

    def _content(self, place: Place) -> Content:
        if place.node not in self._open:
            content = open_content(place.path, self._measures)
            self._open[place.node] = content
            if content.node != place.node:
                self._open.pop(place.node).close()
                raise FileNotFoundError(place.path)
        return self._open[place.node]

    def content(self, file: str, place: Place, now: float) -> Content:
        """Return the open content of a file, wherever rotation moved it since."""
        for _ in range(TRIES):
            try:
                return self._content(place)
            except FileNotFoundError:
                parts = [part for parts in self.survey(now).parts.values() for part in parts if part.file == file]
                if not parts:
                    break
                place = parts[0].place
        raise LogError(
            Cause.CHANGED,
            f"{place.path} was removed while it was to be read. Nothing was committed; the next collection reads what "
            f"is there then.",
            is_passing=True,
        )

    def close(self) -> None:
        """Let go of all files."""
        while self._open:
            self._open.popitem()[1].close()

    def _is_packed(self, place: Place, old: Seen | None) -> bool:
        if old and _is_unchanged(place, old):
            return old.is_packed
        return bool(place.size) and self._content(place).is_packed

    def _verify(self, part: Part, old: Seen | None) -> None:
        """Note where a file is now; one that no longer holds what was read from it is read anew."""
        known = self._index.files[part.file]
        is_here_since = old is not None and old.file == part.file
        # A copy lacks what was read from its original before that was truncated.
        is_shorter = bool(known.stretches) and known.stretches[-1].end > part.place.size
        if not part.is_packed and (
            is_shorter or not (is_here_since or is_as_before(self._content(part.place), known.tail))
        ):
            known = rewritten(known)
        if part.is_packed != known.is_packed or (part.is_packed and old and not _is_unchanged(part.place, old)):
            is_scanned = part.is_packed and known.quiet_since == int(part.place.mtime)
            length = known.stretches[-1].end if is_scanned and known.stretches else None
            known = replace(known, is_packed=part.is_packed, length=length, cut="")
        self._index.files[part.file] = replace(known, name=part.place.path)

    def _note_losses(self, survey: Survey) -> None:
        """Note which files were truncated, or copied before that: something else is in their place now, or nothing."""
        files, there = self._index.files, survey.files
        for old, new in survey.taken.items():
            if old not in files or (old in there and files[old].log in self._index.renamed):
                continue
            if old in there:
                self._index.copied |= {files[old].log}
            until = files[new].begins if new else float("inf")
            for file in [one for one in files.values() if one.log == files[old].log]:
                if files[old].begins <= file.begins < until and file.lost_by is None:
                    files[file.id] = replace(file, lost_by=survey.at)
        nodes = {one.place.node for one in survey.unreadable}
        hidden = {one.file for one in self._index.seen if (one.device, one.inode) in nodes}
        for log, parts in survey.parts.items():
            known = [files[one.file] for one in self._index.seen if one.file in files and files[one.file].log == log]
            newest = max(known, key=lambda one: one.begins, default=None)
            is_gone = newest is not None and newest.id not in {*there, *hidden}
            if newest and is_gone and parts and newest.lost_by is None:
                files[newest.id] = replace(newest, lost_by=survey.at)

    def _forget(self, survey: Survey) -> None:
        """Forget files that rotation removed: nothing that is there is older."""
        files = self._index.files
        there = survey.files
        for file in [one for one in files.values() if one.id not in there]:
            oldest = min((files[part.file].begins for part in survey.parts.get(file.log, [])), default=0)
            is_needed = file.begins >= oldest or (file.lost_by is not None and file.until >= oldest - KEPT)
            if not is_needed:
                del files[file.id]


def _better(one: Part, other: Part) -> Part:
    """Return which of two paths with one file is read: one that is not packed, and the longer one."""
    best = max(one, other, key=lambda part: (not part.is_packed, part.place.size))
    # While a copy is made, the original still grows.
    return replace(best, is_rotated=one.is_rotated and other.is_rotated)


def _is_still(content: Content, known: KnownFile) -> bool:
    """Return whether this is the file that was here; a last line without an end may be too short to say so alone."""
    return is_as_before(content, known.head, None if content.is_packed else known.tail)


def _is_unchanged(place: Place, old: Seen) -> bool:
    return (place.node, place.size, place.mtime_ns) == ((old.device, old.inode), old.size, old.mtime_ns)


def _seen(place: Place, file: str, before: str, *, is_packed: bool) -> Seen:
    return Seen(place.path, place.device, place.inode, place.size, place.mtime_ns, file, is_packed, before)
