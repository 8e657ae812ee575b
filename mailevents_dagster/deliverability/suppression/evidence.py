"""What a table of outcomes tells of addresses, as evidence for or against them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mailevents_dagster.deliverability.addresses import comparable
from mailevents_dagster.deliverability.suppression.ledger import (
    ALIVE,
    COMPLAINT,
    ENDED,
    HARD,
    SOFT,
    UNSUBSCRIBED,
    WAITING,
    Evidence,
    Ledger,
)
from mailevents_dagster.model.day import Day

LONGEST_TEXT: Final = 500
"""Characters of a server's answer that are kept as evidence."""
NAMES: Final = ("recipient", "message_id", "queue_id", "server")
"""The columns of outcomes that name address and mail."""
COLUMNS: Final = (
    *("event_time", "outcome_at", "outcome", "class", "rule", "tried", *NAMES),
    *("code", "enhanced_code", "text", "feed", "event_id"),
)
"""The columns of outcomes that are read."""
_READ: Final = ("delivered", "opened", "clicked", "deferred", "bounced", "complained", "unsubscribed")
"""Not `accepted`, after which another outcome comes."""
AGAINST: Final = ("deferred", "bounced", "complained", "unsubscribed")
_ODD: Final = r"[^!-~]|[\"<>]|[Xx][Nn]--|\.$"
"""In addresses that may be compared by something else than their lower case."""
_WHAT: Final[Mapping[str, str]] = {"complained": COMPLAINT, "unsubscribed": UNSUBSCRIBED}


@dataclass(frozen=True, slots=True)
class Known:
    """Addresses and mails that have anything against them, as few have: whatever speaks for others says nothing."""

    addresses: pa.Array
    """As they are compared."""
    mails: pa.Array


def known_of(ledger: Ledger, failures: Iterable[pa.Table]) -> Known:
    """Return what a ledger and later failures have something against."""
    addresses, mails = {*ledger}, {one.mail for standing in ledger.values() for one in standing}
    for rows in failures:
        addresses |= {comparable(one) for one in rows["recipient"].unique().to_pylist() if one}
        mails |= {*_mails(rows).unique().to_pylist()}
    return Known(pa.array(addresses, pa.string()), pa.array(mails - {""}, pa.string()))


def counting(outcomes: pa.Table, known: Known) -> tuple[pa.Table, pa.Table]:
    """Return the rows that count, and those that count where they are the last that speaks for their address.

    What speaks for an address resets all that lies before it, so that an earlier one changes nothing; unless it is the
    last word on a mail that has something against it.
    """
    rows = outcomes.select(COLUMNS).filter(pc.is_in(outcomes["outcome"], value_set=pa.array(_READ)))
    rows = rows.filter(pc.fill_null(rows["tried"], fill_value=True))
    # A complaint may name nobody, and a local user is nobody's address.
    rows = rows.filter(pc.match_substring(pc.fill_null(rows["recipient"], ""), "@"))
    # For nearly all addresses lower case is how they are compared; the others are looked at one by one.
    is_known = pc.is_in(pc.utf8_lower(rows["recipient"]), value_set=known.addresses)
    rows = rows.filter(pc.or_(is_known, pc.match_substring_regex(rows["recipient"], _ODD)))
    rows = rows.append_column("mail", _mails(rows))
    is_against = pc.is_in(rows["outcome"], value_set=pa.array(AGAINST))
    counts = pc.or_(is_against, pc.is_in(rows["mail"], value_set=known.mails))
    return rows.filter(counts), rows.filter(pc.invert(counts))


def last_of_each(rows: pa.Table) -> pa.Table:
    """Return the last row of each address."""
    groups = pc.utf8_lower(rows["recipient"]).combine_chunks().dictionary_encode().indices.to_numpy()
    times = pc.coalesce(rows["outcome_at"], rows["event_time"]).cast(pa.int64()).to_numpy()
    order = np.lexsort((times, groups))
    is_last = np.append(np.diff(groups[order]) != 0, np.ones(min(len(order), 1), bool))
    return rows.take(order[is_last])


def evidence_in(rows: pa.Table, timezone: str) -> Iterator[tuple[str, Evidence]]:
    """Yield what rows that count tell of addresses, each with the address as it is compared."""
    for row in rows.to_pylist():
        yield comparable(row["recipient"]), _evidence(row, timezone)


def _mails(rows: pa.Table) -> pa.ChunkedArray:
    """Return the mail that each row is about: its Message-ID, else server and queue id; empty where neither is told."""
    named = pc.if_else(pc.equal(rows["message_id"], ""), None, rows["message_id"])
    queued = pc.binary_join_element_wise(pc.fill_null(rows["server"], ""), rows["queue_id"], " ")
    return pc.coalesce(named, queued, "")


def _evidence(row: Mapping[str, Any], timezone: str) -> Evidence:
    time = row["outcome_at"] or row["event_time"]
    return Evidence(
        what=_what(row["outcome"], row["class"]),
        address=row["recipient"],
        at=milliseconds(time),
        day=Day.containing(time.timestamp(), timezone).key,
        mail=row["mail"],
        rule=row["rule"] or "",
        code=row["code"],
        enhanced_code=row["enhanced_code"] or "",
        text=(row["text"] or "")[:LONGEST_TEXT],
        feed=row["feed"] or "",
        event_id=row["event_id"] or "",
    )


def _what(outcome: str, of_class: str | None) -> str:
    if outcome in _WHAT:
        return _WHAT[outcome]
    if outcome == "bounced":
        return {"hard": HARD, "soft": SOFT}.get(of_class or "", ENDED)
    if outcome == "deferred":
        return WAITING if of_class in ("soft", "hard") else ENDED
    return ALIVE


def milliseconds(time: datetime) -> int:
    return round(time.timestamp() * 1000)


def moment(at: int) -> datetime:
    """Return the time of Unix milliseconds."""
    return datetime.fromtimestamp(at / 1000, UTC)
