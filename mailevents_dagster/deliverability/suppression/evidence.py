"""What a table of outcomes tells of addresses, as evidence for or against them. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

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
)
from mailevents_dagster.model.day import Day

LONGEST_TEXT: Final = 500
"""Characters of a server's answer that are kept as evidence."""
COLUMNS: Final = (
    *("event_time", "outcome_at", "outcome", "class", "rule", "recipient", "message_id", "queue_id", "server"),
    *("code", "enhanced_code", "text", "feed", "event_id"),
)
"""The columns of outcomes that are read."""
_READ: Final = pa.array(["delivered", "opened", "clicked", "deferred", "bounced", "complained", "unsubscribed"])
"""Not `accepted`, after which another outcome comes."""
AGAINST: Final = pa.array(["deferred", "bounced", "complained", "unsubscribed"])
_ODD: Final = r"[^!-~]|[\"<>]|[Xx][Nn]--|\.$"
"""In addresses that may be compared by something else than their lower case."""
_WHAT: Final[Mapping[str, str]] = {"complained": COMPLAINT, "unsubscribed": UNSUBSCRIBED}


def events_of(outcomes: pa.Table, known: pa.StringArray, timezone: str) -> Iterator[tuple[str, Evidence]]:
    """Yield what these outcomes tell of addresses, each with the address as it is compared.

    What speaks for an address is left out where the address is not known for anything else, as nearly all of it is.
    """
    rows = outcomes.select(COLUMNS).filter(pc.is_in(outcomes["outcome"], value_set=_READ))
    # A complaint may name nobody, and a local user is nobody's address.
    rows = rows.filter(pc.match_substring(pc.fill_null(rows["recipient"], ""), "@"))
    is_against = pc.is_in(rows["outcome"], value_set=AGAINST)
    # For nearly all addresses lower case is how they are compared; the others are looked at one by one.
    is_known = pc.is_in(pc.utf8_lower(rows["recipient"]), value_set=known)
    is_odd = pc.match_substring_regex(rows["recipient"], _ODD)
    for row in rows.filter(pc.or_(pc.or_(is_against, is_known), is_odd)).to_pylist():
        yield comparable(row["recipient"]), _evidence(row, timezone)


def _evidence(row: Mapping[str, Any], timezone: str) -> Evidence:
    time = row["outcome_at"] or row["event_time"]
    return Evidence(
        what=_what(row["outcome"], row["class"]),
        address=row["recipient"],
        at=milliseconds(time),
        day=Day.containing(time.timestamp(), timezone).key,
        mail=row["message_id"] or (f"{row['server']} {row['queue_id']}" if row["queue_id"] else ""),
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
