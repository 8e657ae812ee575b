"""Mailgun: its webhooks of events, and routes that forward mails. Both are signed, within the body.

The signature is the HMAC-SHA256 of timestamp and token with the HTTP webhook signing key. It does not cover the rest of
the body: only TLS keeps that as it was. A token counts once.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Any, Final

from mailevents_dagster.sources.webhook.providers.forms import Form, form_of, media_type
from mailevents_dagster.sources.webhook.providers.provider import (
    Access,
    Kind,
    Provider,
    RefusedError,
    Request,
    Status,
    Told,
    bare_id,
    check_age,
    dig,
    digest_id,
    json_object,
    text,
)
from mailevents_dagster.sources.webhook.providers.values import (
    address,
    code_of,
    enhanced_code_of,
    number,
    seconds,
    tags_of,
)
from mailevents_dagster.sources.webhook.spool.frames import Posted

SIGNED: Final = ("timestamp", "token", "signature")
RAW: Final = "body-mime"
_KINDS: Final = {
    "accepted": Kind.ACCEPTED,
    "delivered": Kind.DELIVERED,
    "rejected": Kind.BOUNCED,
    "opened": Kind.OPENED,
    "clicked": Kind.CLICKED,
    "unsubscribed": Kind.UNSUBSCRIBED,
    "complained": Kind.COMPLAINED,
    # As webhooks of before 2018 name them.
    "bounced": Kind.BOUNCED,
    "dropped": Kind.BOUNCED,
}
_LONGEST_TOKEN: Final = 200


def _is_json(type_: str) -> bool:
    return media_type(type_) == "application/json"


def _prove(request: Request, access: Access, now: float) -> str:
    posted = request.posted
    if _is_json(posted.type):
        signature = json_object(posted.body).get("signature")
        given = [text(dig(signature, name)) or "" for name in SIGNED]
    else:
        form = form_of(posted.type, posted.body)
        given = [form.text(name) for name in SIGNED]
    timestamp, token, signed = given
    if not timestamp or not token or not signed:
        raise RefusedError(Status.UNPROVEN, "it is not signed")
    expected = hmac.new(access.secret.encode(), f"{timestamp}{token}".encode("utf-8", "replace"), hashlib.sha256)
    if not hmac.compare_digest(expected.hexdigest().encode(), signed.encode("utf-8", "replace")):
        raise RefusedError(Status.FORGED, "its signature is not that of the signing key")
    at = seconds(timestamp)
    if at is None or len(token) > _LONGEST_TOKEN:
        raise RefusedError(Status.FORGED, "its timestamp or token is none")
    check_age(at, access.max_age, now, Status.NOT_ACCEPTABLE)
    # Of both: only their concatenation is signed, which can be cut in another place.
    return hashlib.blake2b(f"{timestamp}{token}".encode(), digest_size=16).hexdigest()


def _tell(posted: Posted) -> Sequence[Told]:
    if not _is_json(posted.type):
        form = form_of(posted.type, posted.body)
        return [_old_event(form) if form.text("event") else _mail(form)]
    event = json_object(posted.body).get("event-data")
    if not isinstance(event, dict):
        raise RefusedError(Status.GARBAGE, "it holds no event-data")
    return [_event(event)]


def _event(event: Mapping[str, Any]) -> Told:
    answer = dig(event, "delivery-status")
    said = [text(dig(answer, name)) for name in ("message", "description")]
    kind = _kind_of(event)
    return Told(
        id=text(event.get("id")) or digest_id(event),
        time=seconds(event.get("timestamp")),
        fields={
            "kind": kind,
            "event": text(event.get("event")),
            "message_id": bare_id(dig(event, "message", "headers", "message-id")),
            "recipient": text(event.get("recipient")),
            "sender": text(dig(event, "envelope", "sender")),
            "class": _class_of(kind, event),
            "code": _code(dig(answer, "code")) or code_of(*said),
            "enhanced_code": enhanced_code_of(text(dig(answer, "enhanced-code")), *said),
            "text": said[0] or said[1] or text(dig(event, "reject", "reason")) or text(event.get("reason")),
            "relay_host": text(dig(answer, "mx-host")),
            "sending_ip": text(dig(event, "envelope", "sending-ip")),
            "ip": text(event.get("ip")),
            "user_agent": text(dig(event, "client-info", "user-agent")),
            "subject": text(dig(event, "message", "headers", "subject")),
            "tags": tags_of(event.get("tags")),
            "size": number(dig(event, "message", "size")),
            "tls": tls if isinstance(tls := dig(answer, "tls"), bool) else None,
        },
        said=event,
    )


def _code(value: object) -> int | None:
    """Return a reply code; Mailgun's own, such as 605 for an address that it suppresses, are none."""
    code = number(value)
    return code if code and 200 <= code < 600 else None


def _kind_of(event: Mapping[str, Any]) -> Kind:
    if event.get("event") == "failed":
        return Kind.DEFERRED if event.get("severity") == "temporary" else Kind.BOUNCED
    return _KINDS.get(str(event.get("event")), Kind.OTHER)


def _class_of(kind: Kind, event: Mapping[str, Any]) -> str | None:
    if kind is Kind.DEFERRED:
        return "soft"
    if kind is not Kind.BOUNCED:
        return None
    return {"bounce": "hard", "espblock": "policy", "old": "soft"}.get(str(event.get("reason")), "other")


def _old_event(form: Form) -> Told:
    said = form.texts(*SIGNED)
    kind = _KINDS.get(said["event"], Kind.OTHER)
    answer = text(said.get("error")) or text(said.get("description")) or text(said.get("notification"))
    return Told(
        id=text(said.get("event-id")) or digest_id({**said, "at": form.text("timestamp")}),
        time=seconds(form.text("timestamp")),
        fields={
            "kind": kind,
            "event": said["event"],
            "message_id": bare_id(said.get("Message-Id") or said.get("message-id")),
            "recipient": text(said.get("recipient")),
            "class": _class_of(kind, said),
            "code": _code(said.get("code")) or code_of(answer),
            "enhanced_code": enhanced_code_of(answer),
            "text": answer,
            "ip": text(said.get("ip")),
            "user_agent": text(said.get("user-agent")),
            "tags": tags_of(said.get("tag")),
        },
        said=said,
    )


def _mail(form: Form) -> Told:
    """Return a mail that a route forwards: raw, to an address that ends in /mime, or in pieces with files."""
    said = form.texts(*SIGNED, RAW)
    raw = form.fields.get(RAW)
    files = [file for _, file in form.files]
    content = [(raw or b"").hex(), [hashlib.blake2b(file.content).hexdigest() for file in files]]
    return Told(
        id=digest_id([said, content]),
        time=None,
        fields={
            "kind": Kind.INBOUND,
            "event": "inbound",
            "message_id": bare_id(said.get("Message-Id") or said.get("message-id")),
            "recipient": text(said.get("recipient")),
            "sender": text(said.get("sender")) or address(said.get("from")),
            "subject": text(said.get("subject") or said.get("Subject")),
        },
        said=said,
        message=raw,
        files=files,
    )


MAILGUN: Final = Provider(
    "mailgun",
    _prove,
    _tell,
    sends_again_hours=8,
    sends_all_again_seconds=0,  # that a mail was delivered is told once
    secret_signs=True,
    when_repeated=Status.NOT_ACCEPTABLE,
)
