"""What of a store has expired, and its destruction. Loads no Dagster."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from upath import UPath

from mailevents_dagster.feeds import Feed
from mailevents_dagster.hours import Hour
from mailevents_dagster.retention import Hold, Rule
from mailevents_dagster.rounds import HeldElsewhereError, step_aside
from mailevents_dagster.settings import Settings
from mailevents_dagster.states import retention_of
from mailevents_dagster.store.destruction import Destruction, destroying
from mailevents_dagster.store.inventory import Inventory, stored_feeds
from mailevents_dagster.store.store import Store


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

    MeaninglessHoldError, before anything else, where a hold is like no feed.
    """
    retention = retention_of(settings)
    if not retention.days:
        return
    feeds = sorted({*settings.feeds, *stored_feeds(store.layout)})
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
