"""What of a store has expired, and its destruction. Loads no Dagster."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from upath import UPath

from mailevents_dagster.collecting.configuration import retention_of
from mailevents_dagster.collecting.outcomes import HeldElsewhereError, step_aside
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.settings import Settings
from mailevents_dagster.store.destruction import destroying, take_back
from mailevents_dagster.store.destruction_record import Destruction, recorded
from mailevents_dagster.store.inventory import Inventory
from mailevents_dagster.store.retention import Clocks, Hold, Rule
from mailevents_dagster.store.store import Store
from mailevents_dagster.store.witness import newest_witnessed

DESTROYED_TOO_EARLY: Final = "destroyed by a clock that was ahead, before they had expired"


class MeaninglessHoldError(Exception):
    """A legal hold protects nothing; the text says which."""


@dataclass(frozen=True, slots=True)
class ExpiredHours:
    """What the store holds of a feed that is older than its rule allows, oldest hour first, with the files."""

    feed: Feed
    rule: Rule
    due: Mapping[Hour, Sequence[UPath]]
    held: Mapping[Hold, Mapping[Hour, Sequence[UPath]]]
    """What legal holds keep back."""


@dataclass(frozen=True, slots=True)
class NotDestroyed:
    """An hour that could not be destroyed; the next housekeeping tries again."""

    feed: Feed
    hour: Hour
    said: str


def expired_hours(settings: Settings, store: Store, now: float) -> Iterator[ExpiredHours]:
    """The expired hours of every feed that has any, also of feeds that the settings no longer name.

    `now` is what can be trusted of the time: see Clocks.
    MeaninglessHoldError, before anything else, where a hold is like no feed.
    """
    retention = retention_of(settings)
    if not retention.days:
        return
    feeds = sorted({*settings.feeds, *store.feeds()})
    for hold in retention.meaningless_holds(feeds):
        raise MeaninglessHoldError(
            f"retention.legal_hold: `{hold.feeds}` ({hold.reason}) is like no feed of the settings or of the storage. "
            f"Mend the pattern or take it out; until then nothing is destroyed."
        )
    inventory = Inventory(store.layout, store.timezone, now)
    for feed in feeds:
        if rule := retention.rule(feed):
            files = inventory.files(feed, rule.cutoff(now))
            due: dict[Hour, Sequence[UPath]] = {}
            held: dict[Hold, dict[Hour, Sequence[UPath]]] = {}
            for expired in retention.expired(feed, files, now):
                kept_by = due if expired.hold is None else held.setdefault(expired.hold, {})
                kept_by[expired.hour] = files[expired.hour]
            if due or held:
                yield ExpiredHours(feed, rule, due, held)


def clocks_of(settings: Settings, store: Store, now: float) -> Clocks:
    """This machine's clock and the newest time that a source showed."""
    return Clocks(now, newest_witnessed(store, {*settings.feeds, *store.feeds()}))


def destroyed_too_early(settings: Settings, store: Store, clocks: Clocks) -> Iterator[Destruction]:
    """Records of hours that had not expired by any clock: the one that they were destroyed by was wrong.

    Newest hours first, up to the first of each feed that has expired: looking at years of records takes minutes.
    """
    inventory = Inventory(store.layout, store.timezone, clocks.later)
    for feed in sorted({*settings.feeds, *store.feeds()}):
        for hour in sorted(inventory.destroyed_or_begun(feed), reverse=True):
            record = recorded(store.layout, feed, hour)
            if record is None or has_expired(feed, record, clocks.later):
                break
            yield record


def has_expired(feed: Feed, record: Destruction, now: float) -> bool:
    """Whether the hour is older than the rule allowed that it was destroyed by."""
    try:
        return record.end < Rule.of(feed, record.rule).cutoff(now)
    except ValueError:  # of no version that we know
        return True


def take_back_destructions(store: Store, records: Iterable[Destruction]) -> int:
    """Has these hours collected again; returns how many. Those that another process holds are left to another time."""
    taken = 0
    for record in list(records):
        with suppress(HeldElsewhereError):
            take_back(store, record, step_aside)
            taken += 1
    return taken


def destroy(store: Store, expired: ExpiredHours, most: int, until: float) -> Iterator[Destruction | NotDestroyed]:
    """Destroys the oldest hours that are due, so many at most, begun before a time (`time.monotonic()`).

    Each is handed out while its record still counts as begun: if the process is killed before the next is asked for,
    it is handed out again another time. An hour that another process has is left to another time, too.
    """
    for hour, files in list(expired.due.items())[:most]:
        if time.monotonic() >= until:
            return
        try:
            with destroying(store, expired.feed, hour, files, str(expired.rule), step_aside) as record:
                if record:
                    yield record
        except HeldElsewhereError:
            continue
        except OSError as error:  # whatever befalls an hour, the others go on
            yield NotDestroyed(expired.feed, hour, str(error))
