"""Who was mailed for six months and showed no sign of life, as far as the stored hours tell."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from mailevents_dagster.deliverability.addresses import comparable
from mailevents_dagster.deliverability.hygiene.notes import Notes
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import hours_between
from mailevents_dagster.settings import Settings
from mailevents_dagster.sources.outcomes.feeds import outcomes_of
from mailevents_dagster.store.store import Store
from mailevents_dagster.summaries.making import events_of

SILENCE: Final = 183 * 86_400
"""Seconds of six months."""
_SIGNS: Final = ["opened", "clicked"]


@dataclass(slots=True)
class Activity:
    """What can be known of activity here."""

    hours_kept: int = 0
    hours: int = 0
    opens: int = 0
    """Opens and clicks of the last six months."""
    replies: int = 0
    """Mails that came into the mailboxes in that time."""
    goes_back_far_enough: bool = False
    """Whether deliveries are stored that are older than six months."""

    @property
    def can_tell(self) -> bool:
        return self.goes_back_far_enough and bool(self.opens or self.replies)

    def unknown(self) -> Iterator[str]:
        """Yield what cannot be known, as sentences."""
        if not self.goes_back_far_enough:
            yield "No delivery is stored that is older than six months, so nobody can be called inactive."
        if not self.opens:
            yield "Nothing stored tells of opens or clicks: who only reads is not known to be active."
        if not self.replies:
            yield "No mailbox is stored: who only replies is not known to be active."
        if self.hours_kept < self.hours:
            yield f"{self.hours - self.hours_kept:,} of {self.hours:,} hours of outcomes are not stored."

    def content(self) -> Mapping[str, Any]:
        return {**asdict(self), "unknown": list(self.unknown())}


def note_activity(
    settings: Settings, store: Store, domain: str, remembered: Notes, now: int, said: Callable[[str, int], object]
) -> Activity:
    """Note the deliveries to addresses, and their signs of life in the last six months (now: Unix, in seconds)."""
    found, since = Activity(), now - SILENCE
    for one in settings.configured:
        if one.feed == outcomes_of(domain):
            _note_outcomes(store, one.feed, one.start, now, remembered, found, said)
        elif one.feed.kind.source == "mailbox" and one.feed.kind.category == "mailbox":
            for _, table in _tables(store, one.feed, max(one.start, since), now, ["from_address"], said):
                found.replies += 0 if table is None else len(table)
                remembered.note_alive(_addresses(table, "from_address"), now)
    return found


def _note_outcomes(
    store: Store,
    feed: Feed,
    start: int,
    now: int,
    remembered: Notes,
    found: Activity,
    said: Callable[[str, int], object],
) -> None:
    since = now - SILENCE
    wanted = pc.field("outcome").isin(["delivered", *_SIGNS])
    for hour, table in _tables(store, feed, start, now, ["outcome", "recipient"], said, wanted):
        found.hours += 1
        if table is None:
            continue
        found.hours_kept += 1
        is_sign = pc.is_in(table["outcome"], value_set=pa.array(_SIGNS))
        delivered, signs = table.filter(pc.invert(is_sign)), table.filter(is_sign)
        found.goes_back_far_enough |= hour < since and bool(len(delivered))
        remembered.note_delivered(_addresses(delivered, "recipient"), hour)
        if hour >= since:
            found.opens += len(signs)
            remembered.note_alive(_addresses(signs, "recipient"), hour)


def _tables(
    store: Store,
    feed: Feed,
    start: int,
    now: int,
    columns: list[str],
    said: Callable[[str, int], object],
    wanted: pc.Expression | None = None,
) -> Iterator[tuple[int, pa.Table | None]]:
    for hour in hours_between(start, now // 3600 * 3600, store.timezone):
        yield hour.start, events_of(store, feed, hour, columns, lambda _: None, wanted)
        said("hours read", 1)


def _addresses(table: pa.Table | None, column: str) -> Iterable[str]:
    return () if table is None else (comparable(one) for one in table[column].unique().to_pylist() if one)
