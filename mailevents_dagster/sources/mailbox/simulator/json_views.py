"""Graph's JSON of made-up mails, folders and attachments. Pure."""

from __future__ import annotations

from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from hashlib import sha256
from typing import Any, Final

from mailevents_dagster.sources.mailbox.simulator.mailbox import Placed
from mailevents_dagster.sources.mailbox.simulator.raw import raw_message

Json = dict[str, Any]
_PREVIEW: Final = 255


@dataclass(frozen=True, slots=True)
class Attached:
    """An attachment of a mail."""

    id: str
    kind: str
    name: str
    type: str
    is_inline: bool
    content: bytes
    content_id: str | None = None

    @property
    def json(self) -> Json:
        row: Json = {
            "@odata.type": f"#microsoft.graph.{self.kind}",
            "id": self.id,
            "lastModifiedDateTime": "2026-11-01T00:00:00Z",
            "name": self.name,
            "contentType": self.type,
            "size": len(self.content),
            "isInline": self.is_inline,
        }
        if self.kind == "fileAttachment":
            row |= {"contentId": self.content_id, "contentBytes": b64encode(self.content).decode()}
        return row


def folder_id(path: str) -> str:
    return f"AAMkAGFolder{urlsafe_b64encode(sha256(path.encode()).digest()[:18]).decode()}AAA="


def shown_id(placed: Placed, *, immutable: bool) -> str:
    """Return the id of a mail; one that is not immutable is another in each folder."""
    if immutable:
        return placed.mail.id
    digest = sha256(f"{placed.mail.id} {placed.folder}".encode()).digest()
    return f"AAMkAG{urlsafe_b64encode(digest).decode()}"


def folder_json(path: str, children: int, total: int, *, hidden: bool) -> Json:
    above, _, name = path.rpartition("/")
    return {
        "id": folder_id(path),
        "displayName": name,
        "parentFolderId": folder_id(above or "the top of the information store"),
        "childFolderCount": children,
        "unreadItemCount": 0,
        "totalItemCount": total,
        "isHidden": hidden,
    }


def message_json(placed: Placed, *, immutable: bool) -> Json:
    """Return what needs no look at the message itself."""
    mail = placed.mail
    return {
        "@odata.etag": f'W/"{sha256(f"{mail}{placed.folder}".encode()).hexdigest()[:24]}"',
        "id": shown_id(placed, immutable=immutable),
        "createdDateTime": stamp(mail.received),
        "lastModifiedDateTime": stamp(mail.received),
        "changeKey": sha256(f"{mail}".encode()).hexdigest()[:24],
        "categories": [],
        "receivedDateTime": stamp(mail.received),
        "sentDateTime": stamp(mail.sent),
        "hasAttachments": mail.form in ("attached", "two of one name", "nested"),
        "internetMessageId": mail.message_id,
        "subject": mail.subject,
        "importance": "normal",
        "parentFolderId": folder_id(placed.folder),
        "conversationId": sha256(mail.subject.encode()).hexdigest()[:32],
        "isDeliveryReceiptRequested": False,
        "isReadReceiptRequested": False,
        "isRead": mail.is_read,
        "isDraft": mail.is_draft,
        "webLink": "https://outlook.office365.com/owa/",
        "inferenceClassification": "focused",
        "sender": _recipient(mail.sender),
        "from": _recipient(mail.author),
        "toRecipients": [_recipient(person) for person in mail.to],
        "ccRecipients": [_recipient(person) for person in mail.cc],
        "bccRecipients": [],
        "replyTo": [],
        "flag": {"flagStatus": "notFlagged"},
    }


def whole_json(placed: Placed, *, immutable: bool) -> Json:
    """Return the JSON of a single message, with its body and headers."""
    message = _parsed(placed)
    body = message.get_body(("html", "plain"))
    content = body.get_content() if body else ""
    headers = [{"name": name, "value": str(value)} for name, value in message.items()]
    return {
        **message_json(placed, immutable=immutable),
        "bodyPreview": content[:_PREVIEW],
        "body": {
            "contentType": body.get_content_subtype().replace("plain", "text") if body else "text",
            "content": content,
        },
        "internetMessageHeaders": headers,
    }


def attachments(placed: Placed) -> Iterator[Attached]:
    for number, part in enumerate(_parsed(placed).iter_attachments()):
        id_ = f"{placed.mail.id}AAAB{number}="
        name = part.get_filename() or ""
        if part.get_content_type() == "message/rfc822":
            inner: Any = part.get_content()
            subject = str(inner["Subject"] or "")
            yield Attached(id_, "itemAttachment", subject, "message/rfc822", is_inline=False, content=inner.as_bytes())
            continue
        inline = part.get_content_disposition() == "inline"
        content: Any = part.get_payload(decode=True)
        cid = str(part["Content-ID"]).strip("<>") if part["Content-ID"] else None
        yield Attached(id_, "fileAttachment", name, part.get_content_type(), inline, content or b"", cid)


def selected(row: Mapping[str, Any], names: str | None) -> Json:
    """Return the fields of a row that were asked for, and what always comes with it."""
    if not names:
        return dict(row)
    wanted = {name.rpartition("/")[2] for name in names.split(",")} | {"id"}
    return {name: value for name, value in row.items() if name in wanted or name.startswith("@odata.")}


def stamp(time: int) -> str:
    return f"{datetime.fromtimestamp(time, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _recipient(person: tuple[str, str]) -> Json:
    return {"emailAddress": {"name": person[0] or person[1], "address": person[1]}}


def _parsed(placed: Placed) -> EmailMessage:
    message = message_from_bytes(raw_message(placed.mail), policy=default)
    assert isinstance(message, EmailMessage)  # noqa: S101 - as the policy makes it
    return message
