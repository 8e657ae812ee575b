"""For whom a mail still waited when it was given up: Postfix says `status=expired` once, and names nobody."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.sources.maillog.origins import HOURS_BEFORE, lines_of_mails
from mailevents_dagster.store.store import Store

_WORDS: Final = ("delivery", "bounce", "deferral")
_COLUMNS: Final = ("event_time", "event", "queue_id", "recipient")


def waiting(
    store: Store, feeds: Sequence[Feed], hour: Hour, given_up: Mapping[str, datetime]
) -> Mapping[str, Sequence[str]]:
    """Return the recipients of each mail, by its queue id, on whom the last word was that it is put off.

    Postfix gives a mail up right after it has tried all who wait, which may have begun in the hour before.
    """
    last: dict[str, dict[str, str]] = {queue_id: {} for queue_id in given_up}
    seen_in: dict[str, int] = {}
    for ago in range(HOURS_BEFORE + 1):
        wanted = [queue_id for queue_id in given_up if ago - seen_in.get(queue_id, ago) <= 1]
        if not wanted:
            break
        told = [line for line in _told(store, feeds, hour, wanted) if line["event_time"] <= given_up[line["queue_id"]]]
        for line in reversed(told):
            last[line["queue_id"]].setdefault(line["recipient"], line["event"])
            seen_in.setdefault(line["queue_id"], ago)
        hour = hour.previous
    return {id_: [person for person, word in words.items() if word == "deferral"] for id_, words in last.items()}


def _told(store: Store, feeds: Sequence[Feed], hour: Hour, queue_ids: Sequence[str]) -> Iterator[dict[str, Any]]:
    says = pc.field("event").isin(_WORDS) & pc.is_valid(pc.field("recipient"))
    return lines_of_mails(store, feeds, hour, pa.array(queue_ids, pa.string()), _COLUMNS, says)
