"""Raw messages of made-up mails: the same bytes each time, in all the forms that real ones have."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime
from email.header import Header
from email.message import EmailMessage, Message
from email.policy import SMTP
from email.utils import format_datetime, formataddr
from typing import TYPE_CHECKING, Final

from mailevents_dagster.sources.mailbox.simulator.words import FILES, SENTENCES

if TYPE_CHECKING:
    from mailevents_dagster.sources.mailbox.simulator.mails import Mail

_PICTURE: Final = bytes.fromhex("89504e470d0a1a0a0000000d4948445200000001000000010806000000")


def raw_message(mail: Mail) -> bytes:
    """Return the message as it was sent."""
    chance = random.Random(f"raw {mail.id}")  # noqa: S311 - made-up mail
    message = FORMS[mail.form](mail, chance)
    _add_headers(message, mail)
    for number, part in enumerate(message.walk()):
        if part.is_multipart() and part.get_content_maintype() == "multipart":
            part.set_boundary(f"=_{number}_{mail.id[-24:].strip('=')}")
    data: bytes = message.as_bytes(policy=SMTP)
    return data


def _add_headers(message: Message, mail: Mail) -> None:
    message["From"] = _person(*mail.author)
    if mail.sender != mail.author:
        message["Sender"] = _person(*mail.sender)
    message["To"] = ", ".join(_person(*person) for person in mail.to)
    if mail.cc:
        message["Cc"] = ", ".join(_person(*person) for person in mail.cc)
    message["Subject"] = Header(mail.subject, "utf-8").encode() if not mail.subject.isascii() else mail.subject
    message["Message-ID"] = mail.message_id
    message["Date"] = format_datetime(datetime.fromtimestamp(mail.sent, UTC))
    message["Authentication-Results"] = "mx.example; spf=pass; dkim=pass; dmarc=pass"
    if "MIME-Version" not in message:
        message["MIME-Version"] = "1.0"


def _person(name: str, address: str) -> str:
    return formataddr((name, address))


def _text(chance: random.Random, lines: int = 6) -> str:
    return "\r\n".join(chance.choice(SENTENCES) for _ in range(lines)) + "\r\n"


def _plain(mail: Mail, chance: random.Random) -> EmailMessage:
    message = EmailMessage(policy=SMTP)
    message.set_content(_text(chance) + ("x" * 74 + "\r\n") * (mail.padding // 76))
    return message


def _both(mail: Mail, chance: random.Random) -> EmailMessage:
    message = _plain(mail, chance)
    message.add_alternative(f"<html><body><p>{_text(chance, 2)}</p></body></html>", subtype="html")
    return message


def _attached(mail: Mail, chance: random.Random) -> EmailMessage:
    message = _both(mail, chance)
    _attach(message, chance, chance.choice(FILES))
    return message


def _two_of_one_name(mail: Mail, chance: random.Random) -> EmailMessage:
    message, name = _plain(mail, chance), chance.choice(FILES)
    _attach(message, chance, name)
    _attach(message, chance, name)
    return message


def _inline(_: Mail, chance: random.Random) -> EmailMessage:
    message = EmailMessage(policy=SMTP)
    message.set_content('<html><body><img src="cid:logo@simulator"></body></html>', subtype="html")
    message.add_related(
        _PICTURE + chance.randbytes(400),
        maintype="image",
        subtype="png",
        cid="<logo@simulator>",
        filename="로고.png",
        disposition="inline",
    )
    return message


def _nested(mail: Mail, chance: random.Random) -> EmailMessage:
    inner = _plain(mail, chance)
    inner["Subject"] = "Inner: günlük"
    inner["From"] = "deniz@portfoy.example"
    message = _plain(mail, chance)
    message.add_attachment(inner)
    return message


def _bounce(*_: object) -> EmailMessage:
    message = EmailMessage(policy=SMTP)
    message["Content-Type"] = 'multipart/report; report-type="delivery-status"'
    message.set_payload([])
    text, status, original = (EmailMessage(policy=SMTP) for _ in range(3))
    text.set_content("Your message could not be delivered.\r\n")
    status["Content-Type"] = "message/delivery-status"
    fields, recipient = Message(policy=SMTP), Message(policy=SMTP)
    fields["Reporting-MTA"] = "dns; mx.example"
    recipient["Final-Recipient"] = "rfc822; nobody@fund.example"
    recipient["Action"] = "failed"
    recipient["Status"] = "5.1.1"
    status.set_payload([fields, recipient])
    original.set_content("What was sent.\r\n")
    for part in (text, status, original):
        message.attach(part)
    return message


def _meeting(mail: Mail, chance: random.Random) -> EmailMessage:
    message = _plain(mail, chance)
    message.add_alternative(
        "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nEND:VCALENDAR\r\n", subtype="calendar", params={"method": "REQUEST"}
    )
    return message


def _absent(mail: Mail, chance: random.Random) -> EmailMessage:
    message = _plain(mail, chance)
    message["Auto-Submitted"] = "auto-replied"
    return message


def _attach(message: EmailMessage, chance: random.Random, name: str) -> None:
    content = chance.randbytes(chance.randint(50, 4000))
    message.add_attachment(content, maintype="application", subtype="octet-stream", filename=name)


FORMS: Final[dict[str, Callable[[Mail, random.Random], EmailMessage]]] = {
    "plain": _plain,
    "both": _both,
    "attached": _attached,
    "two of one name": _two_of_one_name,
    "inline": _inline,
    "nested": _nested,
    "bounce": _bounce,
    "meeting": _meeting,
    "absent": _absent,
}
"""The forms of messages."""
