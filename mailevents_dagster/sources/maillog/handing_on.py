"""Mails that one server handed on to another whose lines are here, too: what became of them there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

LONGEST_TRANSFER: Final = 86_400_000
"""Milliseconds between the arrival there and the answer here; a slow filter may take hours."""
CLOCKS_APART: Final = 300_000
"""Milliseconds by which the clock there may be ahead."""

MOST_SERVERS: Final = 20
"""How many servers a mail is followed over; more would be a loop."""

_TAKEN: Final = r"(?s)^.*(?:(?:queued|forwarded) as |\bid=)(?P<id>[0-9A-Za-z]+(?:-[0-9A-Za-z]+){0,2})"
_FROM_THE_END: Final = ("outcome", "finished", "last_seen", "code", "enhanced_code", "text", "relay")
_LEAST_FIRST: Final = ("bounced", "rejected", "expired", "removed", "unknown", "deferred", "queued", "delivered")


@dataclass(frozen=True, slots=True)
class _Row:
    """A recipient of a mail on one server, as far as it tells whether another server's mail is the same."""

    place: int
    life: int
    started: int
    message_id: str | None
    addresses: frozenset[str]
    outcome: str


def follow(lives: pa.Table) -> pa.Table:
    """Return the lives with the next server of those that were handed on, and with what became of them in the end."""
    lives = lives.combine_chunks()
    ids = pc.extract_regex(lives["text"], _TAKEN).combine_chunks().field("id")
    ids = pc.if_else(pc.equal(lives["outcome"], "delivered"), ids, None).combine_chunks()
    next_rows = _next_rows(lives, ids)
    then = pa.array(next_rows, mask=next_rows < 0)
    handed_to = pa.StructArray.from_arrays(
        [lives[name].combine_chunks().take(then) for name in ("server", "queue_id")],
        ["server", "queue_id"],
        mask=then.is_null(),
    )
    end = np.arange(len(lives))
    for _ in range(MOST_SERVERS):
        end = np.where(next_rows[end] < 0, end, next_rows[end])
    for name in _FROM_THE_END:
        lives = lives.set_column(lives.schema.get_field_index(name), name, lives[name].take(pa.array(end)))
    return lives.append_column("handed_to", handed_to)


def _next_rows(lives: pa.Table, ids: pa.StringArray) -> NDArray[np.int64]:
    """Return the row of the same recipient on the next server; -1 where the lines of that server are not here."""
    found = np.full(len(lives), -1)
    is_taken = pc.is_in(ids, value_set=lives["queue_id"].combine_chunks(), skip_nulls=True)
    is_next = pc.is_in(lives["queue_id"], value_set=ids, skip_nulls=True)
    by_id = defaultdict(list)
    for queue_id, row in zip(lives["queue_id"].filter(is_next).to_pylist(), _rows(lives, is_next), strict=True):
        by_id[queue_id].append(row)
    times = lives["finished"].cast(pa.int64()).filter(is_taken).to_pylist()
    for queue_id, row, time in zip(ids.filter(is_taken).to_pylist(), _rows(lives, is_taken), times, strict=True):
        found[row.place] = _same_on_next(row, time, by_id[queue_id])
    return found


def _rows(lives: pa.Table, wanted: pa.BooleanArray) -> Iterator[_Row]:
    chosen = lives.append_column("place", pa.array(np.arange(len(lives)))).filter(wanted)
    columns = [chosen[name].to_pylist() for name in ("place", "life", "message_id", "outcome")]
    started = chosen["started"].cast(pa.int64()).to_pylist()
    addresses = zip(chosen["recipient"].to_pylist(), chosen["original_recipient"].to_pylist(), strict=True)
    for place, life, message_id, outcome, at, named in zip(*columns, started, addresses, strict=True):
        yield _Row(place, life, at, message_id, frozenset(name.lower() for name in named if name), outcome)


def _same_on_next(row: _Row, time: int, others: Sequence[_Row]) -> int:
    """Return where the recipient stands on the next server, which took the mail at this time; -1 if nowhere."""
    possible = [
        other
        for other in others
        if other.life != row.life
        and time - LONGEST_TRANSFER <= other.started <= time + CLOCKS_APART
        and (row.message_id is None or other.message_id in (None, row.message_id))
    ]
    if not possible:
        return -1
    latest = max(possible, key=lambda other: other.started).life
    there = [other for other in possible if other.life == latest]
    named = [other for other in there if other.addresses & row.addresses]
    return min(named or there, key=lambda other: _LEAST_FIRST.index(other.outcome)).place
