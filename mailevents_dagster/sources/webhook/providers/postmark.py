"""Postmark: its webhooks of events and its inbound stream, all JSON.

Postmark signs nothing: a user and a password in the address of the webhook are the proof.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from mailevents_dagster.sources.webhook.providers.provider import (
    Access,
    File,
    Kind,
    Provider,
    RefusedError,
    Request,
    Status,
    Told,
    bare_id,
    dig,
    digest_id,
    json_object,
    text,
)
from mailevents_dagster.sources.webhook.providers.values import (
    address,
    code_of,
    enhanced_code_of,
    seconds,
    tags_of,
)
from mailevents_dagster.sources.webhook.spool.frames import Posted

_KINDS: Final = {
    "Delivery": Kind.DELIVERED,
    "Bounce": Kind.BOUNCED,
    "SpamComplaint": Kind.COMPLAINED,
    "Open": Kind.OPENED,
    "Click": Kind.CLICKED,
    "SubscriptionChange": Kind.OTHER,
}
_TIMES: Final = ("DeliveredAt", "BouncedAt", "ReceivedAt", "ChangedAt")
_BOUNCES: Final = {
    "HardBounce": (Kind.BOUNCED, "hard"),
    "BadEmailAddress": (Kind.BOUNCED, "hard"),
    "SoftBounce": (Kind.BOUNCED, "soft"),
    "DnsError": (Kind.BOUNCED, "soft"),
    "Transient": (Kind.DEFERRED, "soft"),
    "Blocked": (Kind.BOUNCED, "policy"),
    "SpamNotification": (Kind.BOUNCED, "policy"),
    "VirusNotification": (Kind.BOUNCED, "policy"),
    "DMARCPolicy": (Kind.BOUNCED, "policy"),
    "SpamComplaint": (Kind.COMPLAINED, None),
    "Unsubscribe": (Kind.UNSUBSCRIBED, None),
    "Subscribe": (Kind.OTHER, None),
    "AutoResponder": (Kind.OTHER, None),
    "AddressChange": (Kind.OTHER, None),
    "OpenRelayTest": (Kind.OTHER, None),
    "ChallengeVerification": (Kind.OTHER, None),
}
"""What a type of Bounce is; Postmark calls answers of programs bounces, too."""


def _prove(_request: Request, _access: Access, _now: float) -> str:
    return ""  # the secret, which must come with each request, is all the proof that there is


def _tell(posted: Posted) -> Sequence[Told]:
    event = json_object(posted.body)
    if event.get("RecordType") in (None, "Inbound"):
        if "From" not in event and "FromFull" not in event:
            raise RefusedError(Status.GARBAGE, "it is neither an event nor a mail")
        return [_mail(event)]
    return [_event(event)]


def _event(event: Mapping[str, Any]) -> Told:
    record = str(event["RecordType"])
    kind, class_ = _KINDS.get(record, Kind.OTHER), None
    if record == "Bounce":
        kind, class_ = _BOUNCES.get(str(event.get("Type")), (Kind.BOUNCED, "other"))
    if record == "SubscriptionChange" and event.get("SuppressSending") is True:
        kind = Kind.UNSUBSCRIBED
    said = [text(event.get(name)) for name in ("Details", "Description")]
    number_ = text(event.get("ID"))
    return Told(
        id=f"{record}:{number_}" if number_ else digest_id(event),
        time=next(filter(None, (seconds(event.get(name)) for name in _TIMES)), None),
        fields={
            "kind": kind,
            "event": record if record != "Bounce" else f"Bounce:{event.get('Type')}",
            "message_id": bare_id(event.get("MessageID")),
            "recipient": text(event.get("Recipient")) or text(event.get("Email")),
            "sender": text(event.get("From")),
            "class": class_,
            "code": code_of(*said),
            "enhanced_code": enhanced_code_of(*said),
            "text": said[0] or said[1],
            "ip": text(dig(event, "Geo", "IP")),
            "user_agent": text(event.get("UserAgent")),
            "subject": text(event.get("Subject")),
            "tags": tags_of(event.get("Tag")),
        },
        said=event,
    )


def _mail(event: Mapping[str, Any]) -> Told:
    raw = event.get("RawEmail")
    headers = event.get("Headers")
    said = {name: value for name, value in event.items() if name not in ("RawEmail", "Attachments")}
    files = list(_files(event.get("Attachments")))
    # Postmark names it for ever; each recipient of one mail is a request of its own.
    own = text(event.get("MessageID"))
    return Told(
        id=f"{own}:{text(event.get('OriginalRecipient')) or ''}" if own else digest_id(event),
        time=None,
        fields={
            "kind": Kind.INBOUND,
            "event": "Inbound",
            "message_id": next(_message_ids(headers), None) or bare_id(own),
            "recipient": text(event.get("OriginalRecipient")) or address(event.get("To")),
            "sender": text(dig(event, "FromFull", "Email")) or address(event.get("From")),
            "subject": text(event.get("Subject")),
            "tags": tags_of(event.get("Tag")),
        },
        said=said,
        message=raw.encode("utf-8", "replace") if isinstance(raw, str) and raw else None,
        files=files,
    )


def _message_ids(headers: object) -> Iterator[str]:
    for header in headers if isinstance(headers, list) else ():
        if str(dig(header, "Name")).lower() == "message-id" and (found := bare_id(dig(header, "Value"))):
            yield found


def _files(attachments: object) -> Iterator[File]:
    for one in attachments if isinstance(attachments, list) else ():
        try:
            content = base64.b64decode(str(dig(one, "Content") or ""))
        except (ValueError, binascii.Error):
            raise RefusedError(Status.GARBAGE, "an attachment is not in base64") from None
        content_id = (text(dig(one, "ContentID")) or "").strip("<> ")
        yield File(
            text(dig(one, "Name")) or "", text(dig(one, "ContentType")) or "", content, content_id, bool(content_id)
        )


# Mails and bounces for ten hours; what was delivered, opened or clicked three times within twenty minutes.
POSTMARK: Final = Provider("postmark", _prove, _tell, sends_again_hours=10, sends_all_again_seconds=1_200)
