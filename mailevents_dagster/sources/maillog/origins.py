"""Where mails in a queue came from: their lines of arrival, which may be days before what became of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.store.destruction_record import DestroyedError
from mailevents_dagster.store.store import NotCollectedError, Store

HOURS_BEFORE: Final = 5 * 24
"""Postfix and Exim give a mail up after four or five days, unless they are told otherwise."""
_COLUMNS: Final = ("event_time", "event", "queue_id", "message_id", "sender", "subject")


@dataclass(frozen=True, slots=True)
class Origin:
    """What is known of a mail from when it arrived."""

    sender: str | None = None
    message_id: str | None = None
    subject: str | None = None
    arrived: float | None = None


def origins(
    store: Store, feeds: Sequence[Feed], hour: Hour, queue_ids: pa.ChunkedArray, hours_before: int = HOURS_BEFORE
) -> Mapping[str, Origin]:
    """Return the origin of each mail by its queue id, from the newest hour that tells its sender, up to this one.

    The feeds are those of the lines of one server: more than one where its program was changed.
    """
    wanted = pc.unique(queue_ids.drop_null())
    found: dict[str, Origin] = {}
    for _ in range(hours_before + 1):
        if not len(wanted):
            break
        found |= _told(store, feeds, hour, wanted)
        wanted = wanted.filter(pc.invert(pc.is_in(wanted, value_set=pa.array(found.keys(), pa.string()))))
        hour = hour.previous
    return found


def _told(store: Store, feeds: Sequence[Feed], hour: Hour, wanted: pa.Array) -> dict[str, Origin]:
    """Return the mails whose sender an hour tells. Of an id that came again within it, what is told last counts."""
    told: dict[str, dict[str, Any]] = {}
    for line in _lines(store, feeds, hour, wanted):
        mail = told.setdefault(line["queue_id"], {})
        if line["event"] == "arrival":
            mail["arrived"] = line["event_time"].timestamp()
        mail |= {name: line[name] for name in ("sender", "message_id", "subject") if line[name] is not None}
    return {queue_id: Origin(**mail) for queue_id, mail in told.items() if "sender" in mail}


def _lines(store: Store, feeds: Sequence[Feed], hour: Hour, wanted: pa.Array) -> Iterator[dict[str, Any]]:
    is_wanted = pc.is_in(pc.field("queue_id"), value_set=wanted)
    says = pc.is_valid(pc.field("sender")) | pc.is_valid(pc.field("message_id")) | (pc.field("event") == "arrival")
    for feed in feeds:
        try:
            table = store.dataset(feed, [hour]).to_table(columns=list(_COLUMNS), filter=is_wanted & says)
        except (NotCollectedError, DestroyedError, FileNotFoundError):
            continue
        yield from table.to_pylist()
