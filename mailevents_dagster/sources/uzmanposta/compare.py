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
from mailevents_dagster.settings import Settings
from mailevents_dagster.sources.uzmanposta.accounts import access_of
from mailevents_dagster.sources.uzmanposta.api import UzmanPostaApi
from mailevents_dagster.sources.uzmanposta.errors import ApiError, Cause, PermanentError
from mailevents_dagster.sources.uzmanposta.formats import UNKNOWN_ROW
from mailevents_dagster.sources.uzmanposta.listing import list_window
from mailevents_dagster.sources.uzmanposta.neighbours import Timed, edges, kept_here
from mailevents_dagster.sources.uzmanposta.page_size import PageSize
from mailevents_dagster.sources.uzmanposta.rows import Row
from mailevents_dagster.store.cursors import Cursor
from mailevents_dagster.store.hour.snapshot_file import read_events
from mailevents_dagster.store.store import Store
from mailevents_dagster.store.verify import Finding, Severity

Name = tuple[int, str | None]
"""A record as people know it: its time, and its queue id if it is a mail."""


@dataclass(frozen=True, slots=True)
class Differences:
    """How the rows of an hour differ from its stored events."""

    lacking: Sequence[Name]
    """Rows that the API shows and the store does not have."""
    changed: Sequence[Name]
    """Mails whose row has changed since."""
    unseen: Sequence[Name]
    """Stored events that the API does not show."""


def compare_hours(api: UzmanPostaApi, store: Store, hours: Sequence[tuple[Feed, Hour]]) -> Iterator[Sequence[Finding]]:
    """Return what differs, hour by hour; what cannot be listed is a finding, and a refusal of the feed ends it."""
    for feed, hour in hours:
        try:
            yield compare_hour(api, store, feed, hour)
        except DamagedError as error:
            yield [_not_compared(feed, hour, f"{error}.", "Mend the file first.")]
        except ApiError as error:
            yield [_not_compared(feed, hour, str(error), "Mend that and verify again.")]
            if error.refuses_feed:
                return


def compare_hour(api: UzmanPostaApi, store: Store, feed: Feed, hour: Hour) -> list[Finding]:
    """List the hour, without details, and return what differs; an hour that is not closed may lack something."""
    learnt = (store.readable_cursor(feed) or Cursor()).learnt

    def ask(first: int, last: int) -> Sequence[Row]:
        return api.rows(feed, first, last)

    def held_in(beside: Hour, identities: Set[bytes]) -> Set[bytes]:
        return store.held_in(feed, beside, identities)

    listing = list_window(ask, hour.start, hour.end, PageSize.of(api.access.page_limit, learnt), pack=list)
    strays = kept_here(listing.outside, hour, held_in, ask)
    # Read after the listing: what is committed meanwhile does not count as a difference.
    manifest, known = store.manifest(feed, hour), read_events(store.layout.snapshot(feed, hour))
    found = _differences(known, _rows_of_hour(listing.packs, strays, store.strays_beside(feed, hour)), feed)
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
        Finding(str(feed), hour.key, severity, kind, f"{len(names):,} {what}", do, tuple(_texts(names, store.timezone)))
        for names, severity, kind, what, do in said
        if names
    ]


def _rows_of_hour(packs: Iterable[Sequence[Timed]], strays: Iterable[Timed], elsewhere: Set[bytes]) -> list[Timed]:
    """Return the rows that belong in the hour, without those that an hour beside holds."""
    rows = [(at, row) for pack in packs for at, row in pack if row.time is None or row.identity not in elsewhere]
    at_edges = {*edges(len(rows), {place for place, (_, row) in enumerate(rows) if row.time is None})}
    inside = [pair for place, pair in enumerate(rows) if place not in at_edges or pair[1].identity not in elsewhere]
    return [*inside, *((at, row) for at, row in strays if row.identity not in elsewhere)]


def _differences(known: Sequence[Event], rows: Iterable[Timed], feed: Feed) -> Differences:
    """Compare by identity, and count those that are equal, as a commit does."""
    stored: defaultdict[bytes, list[Event]] = defaultdict(list)
    for event in known:
        stored[event.identity].append(event)
    others: list[Timed] = []
    for at, row in rows:
        same = next((one for one in stored[row.identity] if one.listing in (row.content, UNKNOWN_ROW)), None)
        if same is None:
            others.append((at, row))
        else:
            stored[row.identity].remove(same)
    lacking: list[Name] = []
    changed: list[Name] = []
    for at, row in others:
        of_mail = stored[row.identity]
        (changed if of_mail else lacking).append((at, row.queue_id))
        del of_mail[:1]
    unseen = [(event.time, _queue_id(event, feed)) for events in stored.values() for event in events]
    return Differences(*(sorted(names, key=lambda name: name[0]) for names in (lacking, changed, unseen)))


def _queue_id(event: Event, feed: Feed) -> str | None:
    record = parse(event.raw) if feed.kind.category == "mail" else None
    return str(record["queue_id"]) if isinstance(record, dict) and record.get("queue_id") else None


def _texts(names: Sequence[Name], timezone: str) -> Iterator[str]:
    """Return a mail by queue id and time, and other records by time and how many there are."""
    for (time, queue_id), number in Counter(names).items():
        at = datetime.fromtimestamp(time, ZoneInfo(timezone)).isoformat()
        yield f"{queue_id} at {at}" if queue_id else f"{number:,} at {at}"


def compare(
    settings: Settings, store: Store, hours: Sequence[tuple[Feed, Hour]]
) -> Iterator[tuple[Sequence[Finding], int]]:
    """Yield what differs in each hour and how many calls that took; an account that refuses holds up no other."""
    for domain in dict.fromkeys(feed.domain for feed, _ in hours):
        try:
            client = UzmanPostaApi(access_of(settings, domain))
        except ValueError as error:  # the value of the key cannot be one
            raise PermanentError(Cause.PERMISSION, str(error)) from error
        with client as api:
            calls = 0
            for findings in compare_hours(api, store, [pair for pair in hours if pair[0].domain == domain]):
                yield findings, api.tally.lists - calls
                calls = api.tally.lists


def _not_compared(feed: Feed, hour: Hour, why: str, do: str) -> Finding:
    return Finding(str(feed), hour.key, Severity.FAILED, "not compared", why, do)
