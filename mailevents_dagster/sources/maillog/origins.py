"""Where mails in a queue came from: their lines of arrival, which may be days before what became of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
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
_TELLS: Final = pc.is_valid(pc.field("sender")) | pc.is_valid(pc.field("message_id")) | (pc.field("event") == "arrival")
_TELLS_OR_ENDS: Final = _TELLS | (pc.field("event") == "completion")
"""What was over in an earlier hour was another mail with the same id."""


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
    """Return the origin of each mail by its queue id, as far as hours up to this one tell it.

    Postfix names the sender again at each try, and the Message-ID only once: it is looked for up to the hour in which
    the mail arrived. The feeds are those of the lines of one server: more than one where its program was changed.
    """
    wanted = set(pc.unique(queue_ids.drop_null()).to_pylist())
    found: dict[str, dict[str, Any]] = {}
    for ago in range(hours_before + 1):
        if not wanted:
            break
        for queue_id, mail in _told(store, feeds, hour, wanted, _TELLS_OR_ENDS if ago else _TELLS).items():
            is_another = mail.pop("is_over")
            if not is_another:
                found[queue_id] = mail | found.get(queue_id, {})
            if is_another or "arrived" in mail:
                wanted.discard(queue_id)
        hour = hour.previous
    return {queue_id: Origin(**mail) for queue_id, mail in found.items()}


def _told(
    store: Store, feeds: Sequence[Feed], hour: Hour, wanted: Collection[str], says: pc.Expression
) -> dict[str, dict[str, Any]]:
    """Return what an hour tells of mails. Of an id that came again within it, what is told last counts."""
    told: dict[str, dict[str, Any]] = {}
    for line in lines_of_mails(store, feeds, hour, pa.array(wanted, pa.string()), _COLUMNS, says):
        if line["event"] == "arrival":
            told[line["queue_id"]] = {"arrived": line["event_time"].timestamp()}
        mail = told.setdefault(line["queue_id"], {})
        mail |= {name: line[name] for name in ("sender", "message_id", "subject") if line[name] is not None}
        mail["is_over"] = line["event"] == "completion"
    return told


def lines_of_mails(
    store: Store, feeds: Sequence[Feed], hour: Hour, queue_ids: pa.Array, columns: Sequence[str], says: pc.Expression
) -> Iterator[dict[str, Any]]:
    """Yield the lines of these mails in an hour that say something; none of an hour that is not there."""
    is_wanted = pc.is_in(pc.field("queue_id"), value_set=queue_ids)
    for feed in feeds:
        try:
            table = store.dataset(feed, [hour]).to_table(columns=list(columns), filter=is_wanted & says)
        except (NotCollectedError, DestroyedError, FileNotFoundError):
            continue
        yield from table.to_pylist()
