"""Rows of a day: complaints by name, and rates of those that name nobody."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import date
from typing import Any, Final

import pyarrow as pa

from mailevents_dagster.deliverability.reports.values import COMPLAINT, Feedback
from mailevents_dagster.files.json_text import canonical
from mailevents_dagster.model.columns import Column

_TEXT: Final = pa.string()
GMAIL: Final = "gmail"
SNDS: Final = "snds"
SNDS_STATUS: Final = "snds-status"
UNASKED: Final = "unasked"

COLUMNS: Final = (
    Column("kind", _TEXT, "complaint (by name), gmail, snds, snds-status, or unasked: one that did not answer."),
    Column("report", _TEXT, "Names a complaint for ever: one that arrives again has the same."),
    Column("date", pa.date32(), "The day that a rate is of, as Gmail or Microsoft counts days; null for complaints."),
    Column("reporter", _TEXT, "Who reports: the address in From of the report, or the service that was asked."),
    Column("recipient", _TEXT, "Who complained."),
    Column("feedback_type", _TEXT, "What the complaint is: abuse, fraud, virus, not-spam, other."),
    Column("source_ip", _TEXT, "The address that sent the mail, or that a rate is of."),
    Column("from_address", _TEXT, "The address in From of the mail."),
    Column("message_id", _TEXT, "The Message-ID of the mail, without < and >."),
    Column("feedback_id", _TEXT, "The Feedback-ID of the mail, or the part of one that a rate is of."),
    Column("metric", _TEXT, "What a number is: such as spam_rate, complaint_rate, trap_hits."),
    Column("value", pa.float64(), "The number; rates are percent."),
    Column("text", _TEXT, "The value as it was given, or why a service could not be asked."),
)
SCHEMA: Final = pa.schema([column.field for column in COLUMNS])

Row = dict[str, Any]


def complaint_name(complaint: Feedback) -> str:
    """Return what names a complaint for ever, without saying what is in it."""
    return hashlib.blake2b(canonical(complaint.key), digest_size=16).hexdigest()


def rows_of(complaint: Feedback, domain: str) -> Iterator[Row]:
    """Yield a row for each recipient who complained; none where the mail was of another domain."""
    fields, original = complaint.feedback, complaint.original
    named = [
        *fields.get("reported_domain", ()),
        *map(_domain_of, (original.get("from"), fields.get("original_mail_from"))),
    ]
    domains = [one.lower() for one in named if one]
    if domains and not any(one == domain or one.endswith(f".{domain}") for one in domains):
        return
    recipients = [one for one in fields.get("original_rcpt_to", ()) if "@" in one]
    recipients = recipients or fields.get("removal_recipient", []) or original.get("to", [])
    for recipient in recipients or [None]:
        yield {
            "kind": COMPLAINT,
            "report": complaint_name(complaint),
            "reporter": complaint.metadata["from"],
            "recipient": recipient,
            "feedback_type": complaint.type or None,
            "source_ip": fields.get("source_ip"),
            "from_address": original.get("from"),
            "message_id": original.get("message_id"),
            "feedback_id": original.get("feedback_id"),
        }


def rate(kind: str, day: date, metric: str, value: float | None, **more: str | None) -> Row:
    """Return the row of a number that a service gave."""
    return {"kind": kind, "date": day, "reporter": kind, "metric": metric, "value": value, **more}


def _domain_of(address: str | None) -> str:
    return (address or "").rpartition("@")[2]
