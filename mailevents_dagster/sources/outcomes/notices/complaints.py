"""Complaints: reports of the Abuse Reporting Format (RFC 5965), and Hotmail's mails that are none."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from mailevents_dagster.sources.messages.values import seconds_of, text_value
from mailevents_dagster.sources.outcomes.notices.examined import Examined
from mailevents_dagster.sources.outcomes.notices.fields import Group, address_of, first, groups_of
from mailevents_dagster.sources.outcomes.notices.notice import Notice, NoticeKind, Original

_TYPE: Final = "message/feedback-report"
_KNOWN_TYPES: Final = ("abuse", "fraud", "virus", "not-spam", "auth-failure", "opt-out", "opt-out-list")
_HOTMAIL: Final = re.compile(r"\s*complaint about message from [\d.:a-fx*]+\s*", re.IGNORECASE)
_IN_TEXT: Final = re.compile(
    r"^feedback-type[ \t]*:.*^user-agent[ \t]*:|^user-agent[ \t]*:.*^feedback-type[ \t]*:", re.I | re.M | re.S
)
_RECIPIENTS: Final = ("original-rcpt-to", "original-recipient", "removal-recipient", "final-recipient")


def complaints_in(message: Examined) -> list[Notice]:
    """Return a complaint for each recipient that a report names; none where the message is no complaint."""
    mail = message.mail
    report = next(iter(mail.of_types(_TYPE)), None)
    subject = text_value(mail.head.first("subject") or b"")
    is_report = (mail.root.report_type or "").lower() == "feedback-report"
    if report is None and not _HOTMAIL.fullmatch(subject):
        text = mail.text
        if not (is_report or mail.of_types("message/rfc822")) or not _IN_TEXT.search(text[:20_000]):
            return []
        groups = groups_of(text)
    else:
        groups = groups_of(report.text) if report else []
    group = next((one for one in groups if "feedback-type" in one), {})
    original = message.original
    type_ = first(group, "feedback-type").lower() or "abuse"
    told = Notice(
        kind=NoticeKind.COMPLAINT,
        rule=f"feedback-{type_ if type_ in _KNOWN_TYPES else 'other'}",
        feedback_type=type_,
        arrived=seconds_of((first(group, "arrival-date", "received-date")).encode()),
        reporting_host=first(group, "reporting-mta").rpartition(";")[2].strip() or None,
        envelope_id=first(group, "original-envelope-id") or None,
        original=replace(original, sender=address_of(first(group, "original-mail-from")) or original.sender),
    )
    return [replace(told, recipient=recipient) for recipient in _recipients(group, original) or [None]]


def _recipients(group: Group, original: Original) -> list[str | None]:
    """Return whom the mail was for: as the report says, or else the only one that its header names."""
    for name in _RECIPIENTS:
        named = dict.fromkeys(address for value in group.get(name, ()) if (address := address_of(value)))
        if named:
            return [*named]
    return [*original.recipients] if len(original.recipients) == 1 else []
