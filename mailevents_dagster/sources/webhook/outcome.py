"""What became of a mail, by what a provider told of it, in the words that all sources share. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

OUTCOMES: Final = frozenset(
    {"accepted", "delivered", "deferred", "bounced", "complained", "opened", "clicked", "unsubscribed"}
)
"""The kinds of events that are outcomes; mails that came in and whatever else is told are none."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of one recipient and attempt."""

    outcome: str
    class_hint: str | None
    """hard, soft, policy or other, by the provider's own class: codes and text may say it better. Of failures alone."""
    recipient: str | None
    code: int | None
    enhanced_code: str | None
    text: str | None
    message_id: str | None
    time: float
    """Unix seconds."""


def outcome_of(record: Mapping[str, Any]) -> Outcome | None:
    """Return the outcome that a row or a record of a webhook's feed tells of; None where it tells of none."""
    if record.get("kind") not in OUTCOMES:
        return None
    at = record["time"] if "time" in record else record["event_time"]
    return Outcome(
        str(record["kind"]),
        record.get("class"),
        record.get("recipient"),
        record.get("code"),
        record.get("enhanced_code"),
        record.get("text"),
        record.get("message_id"),
        at.timestamp() if isinstance(at, datetime) else float(at),
    )
