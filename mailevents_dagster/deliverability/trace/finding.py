"""Finds the mails that somebody asks for: by a Message-ID, a queue id, or an address.

Days whose last words are stored are looked up there, all at once; of other days, each hour is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from mailevents_dagster.deliverability.outcomes_of_day import mails_of, outcomes_of_day
from mailevents_dagster.deliverability.proof.part import NAME as PROOF
from mailevents_dagster.deliverability.stored import said_in
from mailevents_dagster.model.day import Day
from mailevents_dagster.sources.outcomes.columns import COLUMNS
from mailevents_dagster.store.store import Store

NAMED_IN: Final = ("message_id", "queue_id", "recipient", "sender")
READ: Final = ("event_time", *(column.name for column in COLUMNS))
_KEYS: Final = ("message_id", "queue_id", "server", "recipient", "first_at", "last_at")


@dataclass(frozen=True, slots=True)
class Sought:
    """What is asked for, on which days."""

    text: str
    first: Day
    last: Day

    @property
    def is_meant(self) -> pc.Expression:
        wanted = self.text.strip().strip("<>").lower()
        meant = [pc.utf8_lower(pc.field(name)) == wanted for name in NAMED_IN]
        return meant[0] | meant[1] | meant[2] | meant[3]

    @property
    def days(self) -> Iterator[Day]:
        for ahead in range((self.last.date - self.first.date).days + 1):
            yield Day(self.first.date + timedelta(days=ahead), self.first.timezone)


def find(store: Store, domain: str, sought: Sought, most: int, note: Callable[[str], object]) -> dict[str, pa.Table]:
    """Return all outcomes of each mail that is meant, the newest mails first and no more than so many."""
    known: list[Day] = []
    unknown: list[Day] = []
    for day in sought.days:
        (known if _is_whole(store, domain, day) else unknown).append(day)
    ids, days = _from_stored(store, domain, known, sought)
    for place, day in enumerate(unknown):
        note(f"{place:,} of {len(unknown):,} days read hour by hour, since they have no last words: {day}")
        rows = outcomes_of_day(store, domain, day, READ, note, sought.is_meant).rows
        if len(rows):
            days.add(day.date)
            ids += _ids(rows)
    newest = list(dict.fromkeys(reversed(ids)))[:most]
    return _outcomes(store, domain, sought, days, newest, note)


def _is_whole(store: Store, domain: str, day: Day) -> bool:
    """Return whether the last words of a day are stored, and of all of its hours."""
    said = said_in(store.layout, domain, PROOF, day)
    return bool(said and said["numbers"].get("complete"))


def _from_stored(
    store: Store, domain: str, days: Sequence[Day], sought: Sought
) -> tuple[list[tuple[str | None, str | None]], set[date]]:
    """Return the ids of mails that last words mean, oldest first, and the days on which something is told of them."""
    if not days:
        return [], set()
    paths = [store.layout.part(domain, PROOF, day.key) for day in days]
    words = ds.dataset([path.path for path in paths], filesystem=_filesystem(paths[0]), format="parquet")
    found = words.to_table(columns=list(_KEYS), filter=sought.is_meant).sort_by("first_at")
    mine = _ids(found)
    # What else is told of these mails: other recipients, other days.
    ids = pa.array([one for pair in mine for one in pair if one], pa.string())
    is_of_mine = pc.is_in(pc.field("message_id"), value_set=ids) | pc.is_in(pc.field("queue_id"), value_set=ids)
    told = words.to_table(columns=["first_at", "last_at"], filter=is_of_mine) if len(ids) else found
    zone = days[0].timezone
    times = [*told["first_at"].to_pylist(), *told["last_at"].to_pylist()]
    return mine, {Day.containing(time.timestamp(), zone).date for time in times}


def _filesystem(path: Any) -> Any:
    return None if path.protocol in ("", "file") else path.fs


def _ids(rows: pa.Table) -> list[tuple[str | None, str | None]]:
    pairs = zip(rows["message_id"].to_pylist(), rows["queue_id"].to_pylist(), strict=True)
    return list(dict.fromkeys(pairs))


def _outcomes(
    store: Store,
    domain: str,
    sought: Sought,
    days: set[date],
    ids: Sequence[tuple[str | None, str | None]],
    note: Callable[[str], object],
) -> dict[str, pa.Table]:
    """Return all that is told of these mails on these days, by mail."""
    values = pa.array(sorted({one for pair in ids for one in pair if one}), pa.string())
    wanted = pc.is_in(pc.field("message_id"), value_set=values) | pc.is_in(pc.field("queue_id"), value_set=values)
    tables = [
        outcomes_of_day(store, domain, Day(one, sought.first.timezone), READ, note, wanted).rows for one in sorted(days)
    ]
    if not tables:
        return {}
    rows = pa.concat_tables(tables)
    rows = rows.append_column("mail", mails_of(rows))
    by_mail = {one: rows.filter(pc.equal(rows["mail"], one)) for one in pc.unique(rows["mail"]).to_pylist()}
    return dict(sorted(by_mail.items(), key=lambda one: pc.max(one[1]["event_time"]).as_py(), reverse=True))
