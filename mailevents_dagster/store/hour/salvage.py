"""What can be had of an hour whose snapshot is damaged: from what is readable of it, and from the log beside it.

The two hold the same records. A record that stands in both is right, since no damage is the same twice.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from difflib import SequenceMatcher

import pyarrow as pa

from mailevents_dagster.files.atomic import opened as open_file
from mailevents_dagster.files.damage import DamagedError
from mailevents_dagster.files.stored_path import StoredPath
from mailevents_dagster.model.event import Detail, Event
from mailevents_dagster.store.hour.snapshot_columns import INDEX_SCHEMA, RAW_SCHEMA, seconds_of
from mailevents_dagster.store.hour.snapshot_file import SnapshotFile, opened, reading

EventOf = Callable[[bytes, int], Event]
"""Returns the event of a record; the number is its time where the record has none."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a damaged snapshot, as far as it can be read; nothing of it is to be believed by itself."""

    text: bytes | None
    said: Event | None
    """What stands beside the record."""


@dataclass(frozen=True, slots=True)
class Text:
    """A record that was found."""

    raw: bytes
    is_sure: bool
    said: Event | None = None
    """Whose record it must be, where it does not say so itself."""


@dataclass(frozen=True, slots=True)
class Salvage:
    """The events that were found, oldest first."""

    events: Sequence[Event]
    doubtful: int = 0
    """Those whose record nothing proves. They count as owed, so that they are asked for again."""


def salvage(
    snapshot: StoredPath | None, log: StoredPath, committed: str | None, event_of: EventOf, start: int
) -> Salvage:
    """Return the events of an hour that begins at `start`. A log with the digest that was committed is believed."""
    lines, digest = _lines_of(log)
    rows, content = _rows_of(snapshot, with_texts=digest != committed) if snapshot else ([], b"")
    texts = [Text(line, is_sure=True) for line in lines]
    exact = _as_written(rows, texts, content)
    if not exact and digest != committed:
        texts = list(united(rows, lines, event_of))
        exact = _as_written(rows, texts, content)
    if exact:
        return Salvage(exact)
    events: list[Event] = []
    for text in texts:
        at = events[-1].time if events else start
        if event := _event(text.raw, event_of, at):
            events.append(_as_far_as_known(event, text))
    events.sort(key=lambda event: event.time)
    return Salvage(events, sum(not text.is_sure for text in texts))


def united(rows: Sequence[Row], lines: Sequence[bytes], event_of: EventOf) -> Iterator[Text]:
    """Yield the records of a snapshot and of a log, each once, in their order."""
    matcher = SequenceMatcher(None, [row.text for row in rows], lines, autojunk=False)
    for kind, first, end, first_line, end_line in matcher.get_opcodes():
        if kind == "equal":
            yield from (Text(line, is_sure=True) for line in lines[first_line:end_line])
        else:
            yield from _either(rows[first:end], lines[first_line:end_line], event_of)


def _either(rows: Sequence[Row], lines: Sequence[bytes], event_of: EventOf) -> list[Text]:
    """Return, where snapshot and log differ, the records that match what stands beside them in the snapshot."""
    wanted = Counter(row.said.identity if row.said else None for row in rows)
    found: list[tuple[int, Text]] = []
    for place, raw in (*enumerate(row.text for row in rows), *enumerate(lines)):
        event = _event(raw, event_of) if raw else None
        if raw is None or event is None:
            continue
        identity = event.identity if wanted[event.identity] > 0 else None
        if wanted[identity] > 0 or not rows:
            wanted[identity] -= 1
            found.append((place, Text(raw, is_sure=False)))
    for place, row in enumerate(rows):
        if row.said and wanted[row.said.identity] > 0:
            beside = lines[place] if len(lines) == len(rows) else None
            raw = next((raw for raw in (row.text, beside) if raw and _event(raw, event_of)), None)
            if raw:
                wanted[row.said.identity] -= 1
                found.append((place, Text(raw, is_sure=False, said=row.said)))
    return [text for _, text in sorted(found, key=lambda one: one[0])]


def _event(raw: bytes, event_of: EventOf, at: int = 0) -> Event | None:
    """Return the event of a record; None where it is not a record."""
    try:
        raw.decode()  # text alone can be kept
        return event_of(raw, at) if b"\n" not in raw else None
    except ValueError:
        return None


def _as_far_as_known(event: Event, text: Text) -> Event:
    if text.said:
        event = replace(event, time=text.said.time, identity=text.said.identity)
    is_doubtful = not text.is_sure and event.detail is Detail.WHOLE
    return replace(event, detail=Detail.STALE) if is_doubtful else event


def _lines_of(log: StoredPath) -> tuple[list[bytes], str]:
    """Return the lines of a log and the digest of the file; no lines where it is gone."""
    digest, lines = hashlib.sha256(), []
    with suppress(FileNotFoundError), open_file(log) as file:
        for line in file:
            digest.update(line)
            lines.append(line.removesuffix(b"\n"))
    return [line for line in lines if line], digest.hexdigest()


def _rows_of(path: StoredPath, *, with_texts: bool) -> tuple[list[Row], bytes]:
    """Return what can be read of a snapshot, and the digest that its content had."""
    rows: list[Row] = []
    with suppress(DamagedError), opened(path) as snapshot:
        for group in range(len(snapshot.group_sizes)):
            texts, said = _texts(snapshot, group) if with_texts else (), _said(snapshot, group)
            count = len(texts) or len(said)
            rows += map(Row, texts or [None] * count, said if len(said) == count else [None] * count)
        return rows, snapshot.content
    return rows, b""


def _texts(snapshot: SnapshotFile, group: int) -> Sequence[bytes | None]:
    with suppress(DamagedError), reading(snapshot.path):
        texts: list[bytes | None] = snapshot.group(group, RAW_SCHEMA).column("raw").cast(pa.binary()).to_pylist()
        return texts
    return []


def _said(snapshot: SnapshotFile, group: int) -> Sequence[Event | None]:
    """Return what stands beside the records of a row group."""
    states = {state.value: state for state in Detail}
    said: list[Event | None] = []
    with suppress(DamagedError), reading(snapshot.path):
        batch = snapshot.group(group, INDEX_SCHEMA)
        columns = (seconds_of(batch), *(batch.column(name) for name in ("identity", "listing", "detail")))
        for at, identity, listing, detail in zip(*(column.to_pylist() for column in columns), strict=True):
            whole = at is not None and identity and listing and detail in states
            said.append(Event(at, identity, listing, states[detail], b"") if whole else None)
    return said


def _as_written(rows: Sequence[Row], texts: Sequence[Text], content: bytes) -> Sequence[Event]:
    """Return the events of these records with what stands beside them; none where that is not what was written."""
    if len(rows) != len(texts):
        return []
    digest = hashlib.sha256()
    events = [replace(row.said, raw=text.raw) for row, text in zip(rows, texts, strict=True) if row.said]
    for one in events:
        digest.update(b"%d %s %s%s%s" % (one.time, one.detail.encode(), one.identity, one.listing, one.raw))
    return events if digest.hexdigest().encode() == content else []
