"""The outcomes of a domain's mails on a day, and what became of each mail for each recipient in the end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mailevents_dagster.model.day import Day
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.outcome import Became
from mailevents_dagster.settings import Settings
from mailevents_dagster.sources.outcomes.columns import COLUMNS
from mailevents_dagster.sources.outcomes.feeds import outcomes_of
from mailevents_dagster.sources.outcomes.settings.section import DomainSettings
from mailevents_dagster.store.store import Store
from mailevents_dagster.summaries.making import events_of

OF_DELIVERY: Final = (Became.ACCEPTED, Became.DEFERRED, Became.DELIVERED, Became.BOUNCED)
"""What counts for the last word on a mail; a complaint or an opening comes after it."""
WORDS: Final = (Became.DEFERRED, Became.DELIVERED, Became.BOUNCED)
"""What a server says of a delivery."""
_TYPES: Final = {"event_time": pa.timestamp("ms", tz="UTC"), **{column.name: column.type for column in COLUMNS}}
_KEYS: Final = (
    *("message_id", "queue_id", "server", "event_id", "recipient", "outcome", "outcome_at", "accepted_at"),
    "tried",
)


@dataclass(frozen=True, slots=True)
class OutcomesOfDay:
    """Rows of the hours that are there, the oldest first."""

    rows: pa.Table
    hours_kept: int
    hours: int

    @property
    def numbers(self) -> dict[str, float | str | bool]:
        return {
            "hours_kept": self.hours_kept,
            "hours": self.hours,
            "complete": self.hours_kept == self.hours,
        }


def made_of_outcomes(_settings: Settings, domain: DomainSettings) -> Sequence[Feed]:
    """Return the feed of a domain's outcomes, as what a part is made of."""
    return [outcomes_of(domain.domain)]


def outcomes_of_day(
    store: Store,
    domain: str,
    day: Day,
    columns: Sequence[str],
    note: Callable[[str], object],
    wanted: pc.Expression | None = None,
) -> OutcomesOfDay:
    """Return the outcomes of a day, all or what is wanted; hours that are not there, or not readable, are left out."""
    feed = outcomes_of(domain)
    hours = list(day.hours)
    found = [table for hour in hours if (table := events_of(store, feed, hour, columns, note, wanted)) is not None]
    nothing = pa.schema([(name, _TYPES[name]) for name in columns]).empty_table()
    rows = pa.concat_tables([nothing, *(table.cast(nothing.schema) for table in found)])
    return OutcomesOfDay(rows.combine_chunks(), len(found), len(hours))


def with_keys(*others: str) -> list[str]:
    """Return the columns that the last words are found by, and others."""
    return list(dict.fromkeys((*_KEYS, *others)))


def last_words(rows: pa.Table, told: Iterable[Became] = OF_DELIVERY) -> pa.Table:
    """Return the last row of each mail and recipient, with `mail`, `attempts`, `first_at` and `last_at`.

    A mail is known by its Message-ID, or else by server and queue id, and is otherwise one of its own. That it was
    accepted, opened or complained of counts where no word on its delivery is said; that it was put off without a try,
    where no try is told.
    """
    rows = rows.filter(pc.is_in(rows["outcome"], value_set=pa.array([str(one) for one in told])))
    rows = rows.append_column("mail", mails_of(rows))
    person = pc.utf8_lower(pc.fill_null(rows["recipient"], ""))
    group = pc.binary_join_element_wise(rows["mail"], person, "\n").combine_chunks().dictionary_encode().indices
    at = pc.fill_null(rows["outcome_at"].cast(pa.int64()), 0)
    is_word = pc.is_in(rows["outcome"], value_set=pa.array([str(one) for one in WORDS]))
    groups, times, words = group.to_numpy(), at.to_numpy(), is_word.to_numpy(zero_copy_only=False)
    tried = words & was_tried(rows).to_numpy()
    order = np.lexsort((times, tried, words, groups))
    ends = np.flatnonzero(np.append(groups[order][1:] != groups[order][:-1], True)) if len(order) else order
    last = rows.take(pa.array(order[ends]))
    of_last = groups[order[ends]]
    size = int(groups.max()) + 1 if len(groups) else 0
    first_at, last_at = np.full(size, np.iinfo(np.int64).max), np.zeros(size, np.int64)
    np.minimum.at(first_at, groups, times)
    np.maximum.at(last_at, groups, times)
    attempts = np.bincount(groups[tried], minlength=size)
    time = pa.timestamp("ms", tz="UTC")
    return (
        last.append_column("attempts", pa.array(attempts[of_last].astype(np.int32)))
        .append_column("first_at", pa.array(first_at[of_last]).cast(time))
        .append_column("last_at", pa.array(last_at[of_last]).cast(time))
    )


def was_tried(rows: pa.Table) -> pa.ChunkedArray:
    """Return whether each row is about a try, and not about one that the sending server put off."""
    return pc.fill_null(rows["tried"], fill_value=True)


def mails_of(rows: pa.Table) -> pa.ChunkedArray:
    """Return what each row's mail is known by."""
    queued = pc.binary_join_element_wise("queue", rows["server"], rows["queue_id"], " ")
    return pc.coalesce(rows["message_id"], queued, rows["event_id"])
