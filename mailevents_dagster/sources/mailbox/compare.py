"""Whether the store has what a mailbox holds: all ids, folder by folder, beside what is stored. Changes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from mailevents_dagster.files.damage import DamagedError
from mailevents_dagster.model.event import Origin, SourceError
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.settings import Settings
from mailevents_dagster.sources.mailbox.feeds import MESSAGES
from mailevents_dagster.sources.mailbox.intake import id_digest
from mailevents_dagster.sources.mailbox.opening import mailbox_of, reader_of
from mailevents_dagster.sources.mailbox.reader import Reader
from mailevents_dagster.sources.mailbox.rows import IMPORTED
from mailevents_dagster.sources.mailbox.tally import Tally
from mailevents_dagster.store.hour.snapshot_file import columns_of
from mailevents_dagster.store.manifest import Manifest
from mailevents_dagster.store.store import Store
from mailevents_dagster.store.verify import Finding, Severity

Stored = Mapping[bytes, str]
"""The folders of stored mails, by their identities."""


@dataclass(slots=True)
class Contents:
    """What a mailbox holds."""

    places: dict[bytes, tuple[int, int | None, int]] = field(default_factory=dict)
    """The times of each mail, and the number of its folder."""
    folders: list[str] = field(default_factory=list)
    uncounted: list[tuple[str, int, int]] = field(default_factory=list)
    """Folders that say another number than they list, with both numbers."""


def compare(
    settings: Settings, store: Store, hours: Sequence[tuple[Feed, Hour]]
) -> Iterator[tuple[Sequence[Finding], int]]:
    """Yield what differs in each hour and how many calls that took; a mailbox that refuses holds up no other."""
    asked = [(feed, hour) for feed, hour in hours if feed.kind == MESSAGES]
    for feed in dict.fromkeys(feed for feed, _ in asked):
        reader = reader_of(settings, mailbox_of(settings, feed.domain))
        try:
            yield from compare_mailbox(reader, store, feed, [hour for one, hour in asked if one == feed])
        finally:
            reader.close()


def compare_mailbox(
    reader: Reader, store: Store, feed: Feed, hours: Sequence[Hour]
) -> Iterator[tuple[Sequence[Finding], int]]:
    """List all ids once, and yield what differs in each hour; the first one has what concerns whole folders, too."""
    tally = Tally(lambda _: None)
    reader.observe = tally.observe
    try:
        contents = contents_of(reader)
    except SourceError as error:
        for hour in hours:
            yield [_not_compared(feed, hour, str(error))], 0
        return
    by_hour: dict[int, dict[bytes, int | None]] = {hour.start: {} for hour in hours}
    for mail, (time, other, _) in contents.places.items():
        start = Hour.containing(time, store.timezone).start
        if start in by_hour:
            by_hour[start][mail] = other
    calls, of_folders = int(tally.measures()["api_calls"]), folder_findings(feed, contents)
    for hour in hours:
        try:
            yield [*of_folders, *compare_hour(store, feed, hour, contents, by_hour[hour.start])], calls
        except DamagedError as error:
            yield [_not_compared(feed, hour, f"{error}.")], calls
        calls, of_folders = 0, []


def contents_of(reader: Reader) -> Contents:
    found = Contents()
    for number, folder in enumerate(reader.ids()):
        found.folders.append(folder.folder)
        listed = 0
        for mail in folder.mails:
            listed += 1
            if mail.time is not None:
                found.places[id_digest(mail.id)] = mail.time, mail.other_time, number
        if folder.total is not None and folder.total != listed:
            found.uncounted.append((folder.folder, folder.total, listed))
    return found


def compare_hour(
    store: Store, feed: Feed, hour: Hour, contents: Contents, there: Mapping[bytes, int | None]
) -> Iterator[Finding]:
    """Yield how the stored mails of an hour differ from those that are there, which are given with their other time."""
    # Read after the listing: what is committed meanwhile does not count as a difference.
    manifest, stored = store.manifest(feed, hour), _stored(store, feed, hour)
    missing = {mail: other for mail, other in there.items() if mail not in stored}
    missing_times = [
        contents.places[mail][0] for mail in missing if not _is_held(store, feed, hour, mail, missing[mail])
    ]
    if missing_times:
        yield _not_stored(feed, hour, manifest, [*_texts(missing_times, store.timezone)])
    gone = [mail for mail in stored if mail not in contents.places]
    if gone:
        what = f"{len(gone):,} stored mails are no longer in the mailbox: they were deleted, or moved out of it."
        yield Finding(str(feed), hour.key, Severity.NOTE, "deleted", what, "Nothing: they stay.", number=len(gone))
    moved = Counter(
        f"{stored[mail]} → {contents.folders[contents.places[mail][2]]}"
        for mail in stored
        if mail in contents.places and contents.folders[contents.places[mail][2]] != stored[mail]
    )
    if moved:
        number, what = moved.total(), "mails are in another folder than when they were collected:"
        names = tuple(f"{of_way:,}: {way}" for way, of_way in sorted(moved.items()))
        do = "Nothing: they stay as they are."
        yield Finding(str(feed), hour.key, Severity.NOTE, "moved", f"{number:,} {what}", do, names, number)


def _not_stored(feed: Feed, hour: Hour, manifest: Manifest | None, times: Sequence[str]) -> Finding:
    """Return what is said of mails that are not stored: only of an hour that was asked for and closed is it grave."""
    severity, do = Severity.NOTE, "Nothing: the hour is not closed and is listed again."
    if manifest and manifest.closed and manifest.origin is Origin.SOURCE:
        severity, do = (
            Severity.DIFFERENCE,
            "Nothing: the next `reconcile` collects them. Or materialize the hour again.",
        )
    elif manifest and manifest.closed:
        do = "Materialize the hour to have them: so far it has what was imported, and the mailbox was not asked for it."
    what = f"{len(times):,} mails of the mailbox are not stored:"
    return Finding(str(feed), hour.key, severity, "not stored", what, do, tuple(times), len(times))


def folder_findings(feed: Feed, contents: Contents) -> list[Finding]:
    """Return what concerns whole folders: those that say another number than they list."""
    if not contents.uncounted:
        return []
    names = (f"{folder}: says {total:,}, lists {listed:,}" for folder, total, listed in contents.uncounted)
    what = f"{len(contents.uncounted):,} folders say another number of items than they list:"
    do = "Verify again. If the numbers stay, the mailbox keeps what it does not list: such as what is no mail."
    return [Finding(str(feed), None, Severity.NOTE, "another number", what, do, tuple(names))]


def _stored(store: Store, feed: Feed, hour: Hour) -> Stored:
    """Return the mails of an hour that came from the mailbox; of those of a file it knows nothing."""
    names = ("identity", "folder", "source")
    try:
        table = columns_of(store.layout.snapshot(feed, hour), names)
    except FileNotFoundError:
        return {}
    rows = zip(*(table.column(name).to_pylist() for name in names), strict=True)
    return {identity: folder for identity, folder, source in rows if source != IMPORTED}


def _texts(times: Iterable[int], timezone: str) -> Iterator[str]:
    return (datetime.fromtimestamp(time, ZoneInfo(timezone)).isoformat() for time in sorted(times))


def _is_held(store: Store, feed: Feed, hour: Hour, mail: bytes, other_time: int | None) -> bool:
    """Return whether the hour of a mail's other time has it: it was moved between sent and received ones."""
    if other_time is None or hour.holds(other_time):
        return False
    return bool(store.held_in(feed, Hour.containing(other_time, store.timezone), {mail}))


def _not_compared(feed: Feed, hour: Hour, why: str) -> Finding:
    return Finding(str(feed), hour.key, Severity.FAILED, "not compared", why, "Mend that and verify again.")
