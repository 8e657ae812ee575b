"""Stories: what became of a mail for each recipient, step by step. Pure values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from mailevents_dagster.model.outcome import Became

STEP_FIELDS: Final = (
    *("outcome", "server", "relay_host", "relay_ip", "tls", "code", "enhanced_code", "text", "class", "reason", "rule"),
    *("queue_id", "feed", "event_id"),
)
_LAST_WORDS: Final = (Became.DELIVERED, Became.BOUNCED, Became.DEFERRED)


@dataclass(frozen=True, slots=True)
class Record:
    """What a source gave, and where it lies."""

    feed: str
    hour: str
    time: datetime
    raw: str
    raw_sha256: str
    snapshot: str
    snapshot_sha256: str
    log: str
    log_sha256: str


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that became of a mail for one recipient."""

    time: datetime
    said: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Recipient:
    """A recipient of a mail, and what became of it for them."""

    address: str | None
    final: str
    """The last word of a server; else the last that is told."""
    steps: Sequence[Step]


@dataclass(frozen=True, slots=True)
class Story:
    """A mail, as all feeds tell it."""

    message_id: str | None
    queue_ids: Sequence[str]
    sender: str | None
    subject: str | None
    accepted_at: datetime | None
    recipients: Sequence[Recipient]
    records: Sequence[Record]

    @property
    def began(self) -> datetime:
        times = [self.accepted_at, *(step.time for one in self.recipients for step in one.steps)]
        return min(time for time in (*times, *(one.time for one in self.records)) if time)


def story(outcomes: Sequence[Mapping[str, Any]], records: Sequence[Record]) -> Story:
    """Return the story of a mail from what is told of it, oldest first."""
    by_recipient: dict[str, list[Mapping[str, Any]]] = {}
    for row in sorted(outcomes, key=lambda row: row["outcome_at"] or row["event_time"]):
        by_recipient.setdefault((row["recipient"] or "").lower(), []).append(row)
    return Story(
        _first(outcomes, "message_id"),
        sorted({row["queue_id"] for row in outcomes if row["queue_id"]}),
        _first(outcomes, "sender"),
        _first(outcomes, "subject"),
        min((row["accepted_at"] for row in outcomes if row["accepted_at"]), default=None),
        [_recipient(rows) for rows in by_recipient.values()],
        records,
    )


def _recipient(rows: Sequence[Mapping[str, Any]]) -> Recipient:
    words = [row["outcome"] for row in rows if row["outcome"] in _LAST_WORDS]
    steps = [
        Step(
            row["outcome_at"] or row["event_time"],
            {name: row[name] for name in STEP_FIELDS if row[name] not in (None, "")},
        )
        for row in rows
    ]
    return Recipient(rows[0]["recipient"], (words or [rows[-1]["outcome"]])[-1], steps)


def _first(rows: Iterable[Mapping[str, Any]], name: str) -> Any:
    return next((row[name] for row in rows if row[name]), None)
