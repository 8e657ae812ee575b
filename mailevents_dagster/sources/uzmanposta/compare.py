"""Whether the store has what the API shows now: hours listed again, row by row. Changes nothing. Loads no Dagster."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from mailevents_dagster.files.damage import DamagedError
from mailevents_dagster.files.json_text import parse
from mailevents_dagster.model.event import Event
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.sources.uzmanposta.api import UzmanPostaApi
from mailevents_dagster.sources.uzmanposta.errors import ApiError, Cause
from mailevents_dagster.sources.uzmanposta.formats import UNKNOWN_ROW
from mailevents_dagster.sources.uzmanposta.listing import edges, list_window
from mailevents_dagster.sources.uzmanposta.neighbours import Timed, kept_here
from mailevents_dagster.sources.uzmanposta.page_size import PageSize
from mailevents_dagster.sources.uzmanposta.rows import Row
from mailevents_dagster.store.cursors import Cursor
from mailevents_dagster.store.hour.snapshot_file import read_events
from mailevents_dagster.store.store import Store
from mailevents_dagster.store.verify import Finding, Severity

Named = tuple[int, str | None]
"""A record as people tell it: its time, and its queue id if it is a mail."""


@dataclass(frozen=True, slots=True)
class Differences:
    """What tells the rows of an hour from its stored events."""

    lacking: Sequence[Named] = ()
    """Rows that the API shows and the store does not have."""
    changed: Sequence[Named] = ()
    """Mails whose row says something else since."""
    unseen: Sequence[Named] = ()
    """Stored events that the API does not show."""


def differences(known: Sequence[Event], rows: Iterable[tuple[int, Row]], feed: Feed) -> Differences:
    """Like rows are told apart by counting them, as a commit does it."""
    stored: defaultdict[bytes, list[Event]] = defaultdict(list)
    for event in known:
        stored[event.identity].append(event)
    lacking: list[Named] = []
    changed: list[Named] = []
    shown: defaultdict[bytes, list[tuple[int, Row]]] = defaultdict(list)
    for at, row in rows:
        same = next((one for one in stored[row.identity] if one.listing in (row.content, UNKNOWN_ROW)), None)
        if same is None:
            shown[row.identity].append((at, row))
        else:
            stored[row.identity].remove(same)
    for identity, others in shown.items():
        for at, row in others:
            if stored[identity]:
                stored[identity].pop(0)
                changed.append((at, row.queue_id))
            else:
                lacking.append((at, row.queue_id))
    unseen = [(event.time, _queue_id(event, feed)) for events in stored.values() for event in events]
    return Differences(*(sorted(named, key=lambda one: one[0]) for named in (lacking, changed, unseen)))


def rows_of_hour(
    packs: Iterable[Sequence[Timed]], strays: Iterable[Timed], elsewhere: Set[bytes]
) -> list[tuple[int, Row]]:
    """The rows that belong in the hour, less those that an hour beside holds."""
    rows = [pair for pack in packs for pair in pack if pair[1].time is None or pair[1].identity not in elsewhere]
    at_edges = edges(len(rows), {place for place, (_, row) in enumerate(rows) if row.time is None})
    beside = {place for place in at_edges if rows[place][1].identity in elsewhere}
    kept = (pair for pair in strays if pair[1].identity not in elsewhere)
    return [*(pair for place, pair in enumerate(rows) if place not in beside), *kept]


def compare_hour(api: UzmanPostaApi, store: Store, feed: Feed, hour: Hour) -> list[Finding]:
    """Lists the hour, without details, and names what differs; an hour that is not closed may lack something."""
    learnt = (store.readable_cursor(feed) or Cursor()).learnt

    def ask(first: int, last: int) -> Sequence[Row]:
        return api.rows(feed, first, last)

    listing = list_window(ask, hour.start, hour.end, PageSize.of(api.access.page_limit, learnt), pack=list)

    def held_in(beside: Hour, identities: Set[bytes]) -> Set[bytes]:
        return store.held_in(feed, beside, identities)

    strays = kept_here(listing.outside, hour, held_in, ask)
    # Read after the listing: what was committed meanwhile is no difference.
    manifest, known = store.manifest(feed, hour), read_events(store.layout.snapshot(feed, hour))
    found = differences(known, rows_of_hour(listing.packs, strays, store.strays_beside(feed, hour)), feed)
    closed = manifest is not None and manifest.closed
    grave = Severity.DIFFERENCE if closed else Severity.NOTE
    again = "Materialize the hour again." if closed else "Nothing: the hour is not closed and is listed again."
    known_gaps = {gap.second for gap in manifest.gaps} if manifest else set()
    gaps = [(gap.second, None) for gap in listing.gaps if gap.second not in known_gaps]
    said = (
        (found.lacking, grave, "not stored", "rows of the API are not stored:", again),
        (found.changed, grave, "changed", "rows of the API changed since they were stored:", again),
        (found.unseen, Severity.NOTE, "unseen", "stored events are no longer shown by the API:", "Nothing: they stay."),
        (gaps, grave, "gap", "seconds hold more rows than the API can show, and did not when stored:", again),
    )
    return [
        Finding(str(feed), hour.key, severity, kind, f"{len(named):,} {what}", do, tuple(_names(named, store.timezone)))
        for named, severity, kind, what, do in said
        if named
    ]


def _names(named: Sequence[Named], timezone: str) -> Iterable[str]:
    """A mail by queue id and time; the rest by time and how many there are."""
    for (time, queue_id), number in Counter(named).items():
        at = datetime.fromtimestamp(time, ZoneInfo(timezone)).isoformat()
        yield f"{queue_id} at {at}" if queue_id else f"{number:,} at {at}"


def _queue_id(event: Event, feed: Feed) -> str | None:
    record = parse(event.raw) if feed.kind.category == "mail" else None
    return str(record["queue_id"]) if isinstance(record, dict) and record.get("queue_id") else None


def compare_hours(api: UzmanPostaApi, store: Store, hours: Sequence[tuple[Feed, Hour]]) -> Iterator[Sequence[Finding]]:
    """What differs, hour by hour; what could not be listed is a finding, and a refused key ends it."""
    for feed, hour in hours:
        try:
            yield compare_hour(api, store, feed, hour)
        except DamagedError as error:
            yield [_not_compared(feed, hour, f"{error}.", "Mend the file first.")]
        except ApiError as error:
            yield [_not_compared(feed, hour, str(error), "Mend that and verify again.")]
            if error.cause is Cause.PERMISSION:
                return


def _not_compared(feed: Feed, hour: Hour, why: str, do: str) -> Finding:
    return Finding(str(feed), hour.key, Severity.FAILED, "not compared", why, do)
