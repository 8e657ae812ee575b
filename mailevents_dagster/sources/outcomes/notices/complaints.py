"""Complaints: reports of the Abuse Reporting Format (RFC 5965), and Hotmail's mails that are none."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from mailevents_dagster.sources.messages.values import seconds_of, text_value
from mailevents_dagster.sources.outcomes.notices.examined import Examined
from mailevents_dagster.sources.outcomes.notices.fields import Group, address_of, first, groups_of
from mailevents_dagster.sources.outcomes.notices.mail import Mail
from mailevents_dagster.sources.outcomes.notices.notice import Notice, NoticeKind, Original
from mailevents_dagster.sources.outcomes.notices.returned import RETURNED

_TYPE: Final = "message/feedback-report"
_KNOWN_TYPES: Final = ("abuse", "fraud", "virus", "not-spam", "auth-failure", "opt-out", "opt-out-list")
_HOTMAIL: Final = re.compile(r"\s*complaint about message from [\d.:a-fx*]+\s*", re.IGNORECASE)
_IN_TEXT: Final = re.compile(
    r"^feedback-type[ \t]*:.*^user-agent[ \t]*:|^user-agent[ \t]*:.*^feedback-type[ \t]*:", re.I | re.M | re.S
)
_WORD: Final = re.compile(r"[\w-]+")
_RECIPIENTS: Final = ("original-rcpt-to", "original-recipient", "removal-recipient", "final-recipient")


def complaints_in(message: Examined) -> list[Notice]:
    """Return a complaint for each recipient that a report names; none where the message is no complaint."""
    group = _group(message.mail)
    if group is None:
        return []
    original = message.original
    said = _WORD.match(first(group, "feedback-type"))
    type_ = said[0].lower() if said else "abuse"
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


def _group(mail: Mail) -> Group | None:
    """Return the fields of the report, which may be none; None where the message is no complaint."""
    typed = mail.of_types(_TYPE)
    is_report = (mail.root.report_type or "").lower() == "feedback-report"
    looked_at = [part.text for part in typed]
    if not typed and (is_report or mail.of_types("message/rfc822")):
        others = (part.text for part in mail.parts if part.type not in RETURNED and (is_report or not part.is_attached))
        looked_at = [text for text in others if _IN_TEXT.search(text[:20_000])]
    if not looked_at:
        is_hotmail = _HOTMAIL.fullmatch(text_value(mail.head.first("subject") or b""))
        return {} if is_hotmail else None
    groups = groups_of(looked_at[0])
    begins = next((at for at, group in enumerate(groups) if "feedback-type" in group), 0)
    # Some part the fields by blank lines; of one that is there again the first counts.
    return {name: values for group in reversed(groups[begins:]) for name, values in group.items()}


def _recipients(group: Group, original: Original) -> list[str | None]:
    """Return whom the mail was for: as the report says, or else the only one that its header names."""
    for name in _RECIPIENTS:
        named = dict.fromkeys(address for value in group.get(name, ()) if (address := address_of(value)))
        if named:
            return [*named]
    return [*original.recipients] if len(original.recipients) == 1 else []
