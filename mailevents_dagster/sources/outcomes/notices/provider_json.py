"""Notifications of Amazon SES (through SNS) in the text of a mail: bounces, complaints, deliveries, delays as JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from mailevents_dagster.failures.replies import reply_in
from mailevents_dagster.sources.outcomes.notices.fields import typed
from mailevents_dagster.sources.outcomes.notices.notice import Notice, NoticeKind, Original
from mailevents_dagster.sources.outcomes.notices.verdicts import failed

_FOLDED: Final = re.compile(r"(?<=[^\n]{700})\n[ \t]?")
"""Lines of mails have at most 998 characters; longer ones are divided, also within words."""
_KINDS: Final = {
    "bounce": ("bounce", "bouncedRecipients", NoticeKind.BOUNCE),
    "complaint": ("complaint", "complainedRecipients", NoticeKind.COMPLAINT),
    "delivery": ("delivery", "recipients", NoticeKind.RECEIPT),
    "deliverydelay": ("deliveryDelay", "delayedRecipients", NoticeKind.DEFERRAL),
}
"""For each type of notification the object and the list that tell of recipients."""
_STATUSES: Final = {
    "noemail": "5.1.1",
    "mailboxfull": "5.2.2",
    "messagetoolarge": "5.3.4",
    "contentrejected": "5.6.0",
    "attachmentrejected": "5.6.0",
    "suppressed": "5.1.1",
    "onaccountsuppressionlist": "5.1.1",
}
"""Sub-types of bounces as enhanced codes, for those that come without one."""

Json = Mapping[str, Any]


def notices_in_json(text: str) -> list[Notice]:
    """Return what a notification says of each recipient; none where the text is no notification."""
    if not text.lstrip().startswith("{"):
        return []
    content = _loaded(text)
    if isinstance(content.get("Message"), str):
        content = _loaded(content["Message"])
    kind = content.get("notificationType") or content.get("eventType")
    if not isinstance(kind, str) or kind.lower() not in _KINDS:
        return []
    name, list_name, notice_kind = _KINDS[kind.lower()]
    told, mail = _object(content, name), _object(content, "mail")
    recipients = told.get(list_name)
    original = _original(mail)
    return [
        _notice(notice_kind, told, one if isinstance(one, dict) else {"emailAddress": one}, original)
        for one in (recipients if isinstance(recipients, list) else [])[:1_000]
    ]


def _loaded(text: str) -> Json:
    for written in (text, _FOLDED.sub("", text)):
        try:
            content = json.loads(written[: text.rfind("}") + 1] if written is text else written, strict=False)
        except (ValueError, RecursionError):
            continue
        if isinstance(content, dict):
            return content
    return {}


def _object(content: Json, name: str) -> Json:
    value = content.get(name)
    return value if isinstance(value, dict) else {}


def _word(content: Json, name: str) -> str:
    """Return a text, without halves of characters, which no JSON can be made of again."""
    value = content.get(name)
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else ""


def _original(mail: Json) -> Original:
    headers = _object(mail, "commonHeaders")
    destinations = mail.get("destination")
    return Original(
        message_id=_word(headers, "messageId").strip("<>") or _word(mail, "messageId") or None,
        sender=_word(mail, "source") or None,
        recipients=tuple(one.lower() for one in _texts(destinations)),
        sent=_seconds(_word(mail, "timestamp")),
    )


def _texts(values: object) -> Iterable[str]:
    return (one for one in values if isinstance(one, str)) if isinstance(values, list) else ()


def _notice(kind: NoticeKind, told: Json, one: Json, original: Original) -> Notice:
    notice = Notice(
        kind=kind,
        recipient=_word(one, "emailAddress") or None,
        rule="provider-notification",
        action="delivered" if kind is NoticeKind.RECEIPT else _word(one, "action").lower() or None,
        feedback_type=_word(told, "complaintFeedbackType") or ("abuse" if kind is NoticeKind.COMPLAINT else None),
        reporting_host=_word(told, "reportingMTA").rpartition(";")[2].strip() or None,
        last_attempt=_seconds(_word(told, "timestamp")),
        original=original,
    )
    if kind not in (NoticeKind.BOUNCE, NoticeKind.DEFERRAL):
        return notice
    diagnostic_type, text = typed(_word(one, "diagnosticCode"))
    reply = reply_in(text)
    sub_type = _word(told, "bounceSubType") or _word(told, "delayType")
    status = _word(one, "status") or _STATUSES.get(sub_type.lower(), "")
    # Transient by the word of the provider, and no more is known.
    status = status or ("4.0.0" if _word(told, "bounceType").lower() == "transient" else "")
    text = text or " ".join(filter(None, (_word(told, "bounceType"), sub_type)))
    return failed(notice, reply.code, reply.enhanced or status or None, text, diagnostic_type=diagnostic_type or None)


def _seconds(written: str) -> int | None:
    try:
        return int(datetime.fromisoformat(written).timestamp())
    except (ValueError, OverflowError):
        return None
