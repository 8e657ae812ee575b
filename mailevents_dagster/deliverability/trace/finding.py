"""Finds the mails that somebody asks for: by a Message-ID, a queue id, or an address.

Days whose last words are stored are looked up there, all at once; of other days, each hour is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from mailevents_dagster.deliverability.outcomes_of_day import mails_of, outcomes_of_day
from mailevents_dagster.deliverability.proof.part import NAME as PROOF
from mailevents_dagster.deliverability.stored import said_in
from mailevents_dagster.files.stored_path import is_local, name_for_arrow
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
    words = _words(store, domain, known)
    ids = _ids(words.to_table(columns=list(_KEYS), filter=sought.is_meant).sort_by("first_at")) if words else []
    for place, day in enumerate(unknown):
        note(f"{place:,} of {len(unknown):,} days read hour by hour, since they have no last words: {day}")
        ids += _ids(outcomes_of_day(store, domain, day, READ, note, sought.is_meant).rows)
    newest = list(dict.fromkeys(reversed(ids)))[:most]
    if not newest:
        return {}
    of_them = _named(newest)
    told = [*_days_of(words, of_them, sought.first.timezone), *unknown]
    return _by_mail([outcomes_of_day(store, domain, day, READ, note, of_them).rows for day in sorted(set(told))])


def _is_whole(store: Store, domain: str, day: Day) -> bool:
    """Return whether the last words of a day are stored, and of all of its hours."""
    said = said_in(store.layout, domain, PROOF, day)
    return bool(said and said["numbers"].get("complete"))


def _words(store: Store, domain: str, days: Sequence[Day]) -> ds.Dataset | None:
    """Return the last words of these days, not read yet."""
    if not days:
        return None
    paths = [store.layout.part(domain, PROOF, day.key) for day in days]
    root = store.layout.root
    filesystem = None if is_local(root) else root.fs
    return ds.dataset([name_for_arrow(path) for path in paths], filesystem=filesystem, format="parquet")


def _ids(rows: pa.Table) -> list[tuple[str | None, str | None]]:
    """Return the Message-ID and the queue id of each mail."""
    pairs = zip(rows["message_id"].to_pylist(), rows["queue_id"].to_pylist(), strict=True)
    return list(dict.fromkeys(pairs))


def _named(ids: Iterable[tuple[str | None, str | None]]) -> pc.Expression:
    """Return what is told of these mails, whoever it is for and whichever of their ids it names."""
    values = pa.array(sorted({one for pair in ids for one in pair if one}), pa.string())
    return pc.is_in(pc.field("message_id"), value_set=values) | pc.is_in(pc.field("queue_id"), value_set=values)


def _days_of(words: ds.Dataset | None, of_them: pc.Expression, timezone: str) -> Iterator[Day]:
    """Yield the days of last words on which something is told of mails."""
    if words:
        told = words.to_table(columns=["first_at", "last_at"], filter=of_them)
        for time in (*told["first_at"].to_pylist(), *told["last_at"].to_pylist()):
            yield Day.containing(time.timestamp(), timezone)


def _by_mail(tables: Sequence[pa.Table]) -> dict[str, pa.Table]:
    rows = pa.concat_tables(tables)
    rows = rows.append_column("mail", mails_of(rows))
    by_mail = {one: rows.filter(pc.equal(rows["mail"], one)) for one in pc.unique(rows["mail"]).to_pylist()}
    return dict(sorted(by_mail.items(), key=lambda one: pc.max(one[1]["event_time"]).as_py(), reverse=True))
