"""An item of a PST as one mail of RFC 822, in pieces.

The mail is the same bytes each time, and in each copy of the item, so that blobs are kept once.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterator
from typing import Final

from mailevents_dagster.sources.mailbox.pst.attachments import MESSAGE, Attached, attached, file_part
from mailevents_dagster.sources.mailbox.pst.bodies import bodies_of
from mailevents_dagster.sources.mailbox.pst.calendar import calendar_part
from mailevents_dagster.sources.mailbox.pst.headers import (
    addresses_field,
    date_field,
    field,
    sent_field,
    sent_fields,
)
from mailevents_dagster.sources.mailbox.pst.library import Item, PstError
from mailevents_dagster.sources.mailbox.pst.parts import Part, disposition, group, text_part
from mailevents_dagster.sources.mailbox.pst.people import People, people_of
from mailevents_dagster.sources.mailbox.pst.properties import Properties, Tag
from mailevents_dagster.sources.mailbox.pst.reports import report_part, report_type

DEEPEST: Final = 32
"""Mails within mails; more have no end that anybody reads."""
IMPORTANCE: Final = {0: "low", 2: "high"}

Fault = Callable[[str], object]


def composed(item: Item, codepage: int, fault: Fault) -> Iterator[bytes]:
    """Yield an item as a mail. What of it cannot be read is told to `fault`; the rest is there."""
    return _message(item, codepage, fault, depth=0)


def _message(item: Item, codepage: int, fault: Fault, depth: int) -> Iterator[bytes]:
    properties = Properties(item, Properties(item, codepage).number(Tag.MESSAGE_CODEPAGE) or codepage)
    people = people_of(properties, fault)
    yield b"".join(_fields(properties, people, fault))
    yield from _content(properties, fault, depth).written()


def _fields(properties: Properties, people: People, fault: Fault) -> Iterator[bytes]:
    """Yield the fields that the mail came with, and behind them those that only its properties say."""
    try:
        sent = sent_fields(properties.text(Tag.TRANSPORT_HEADERS))
    except PstError as error:
        fault(f"its header cannot be read: {error}")
        sent = []
    there = {name.lower() for name, _ in sent}
    yield from (sent_field(name, value) for name, value in sent)
    made = _made(properties, people)
    yield from (line for name, line in made if name.lower() not in there)
    yield b"MIME-Version: 1.0\r\n"


def _made(properties: Properties, people: People) -> Iterator[tuple[str, bytes]]:
    """Yield fields made of properties, each with its name."""
    for name, persons in (("From", [people.seeming]), ("Sender", [people.sending]), *people.recipients.items()):
        if any(map(any, persons)):
            yield name, addresses_field(name, persons)
    yield "Subject", field("Subject", subject_of(properties))
    times = (Tag.CLIENT_SUBMIT_TIME, Tag.DELIVERY_TIME, Tag.CREATION_TIME)
    time = next((found for tag in times if (found := properties.time(tag)) is not None), None)
    if time is not None:
        yield "Date", date_field("Date", time)
    texts = {
        "Message-ID": properties.text(Tag.MESSAGE_ID),
        "In-Reply-To": properties.text(Tag.IN_REPLY_TO),
        "References": properties.text(Tag.REFERENCES),
        "Importance": IMPORTANCE.get(properties.number(Tag.IMPORTANCE), ""),
        "Thread-Topic": properties.text(Tag.CONVERSATION_TOPIC),
        "Thread-Index": b64encode(properties.bytes(Tag.CONVERSATION_INDEX)).decode(),
        "X-MAPI-Message-Class": properties.text(Tag.MESSAGE_CLASS),
    }
    yield from ((name, field(name, value)) for name, value in texts.items() if value)


def subject_of(properties: Properties) -> str:
    """Return the subject. Two signs before it can say how long its prefix is, such as `Re: `."""
    subject = properties.text(Tag.SUBJECT)
    return subject[2:] if subject.startswith("\x01") else subject


def _content(properties: Properties, fault: Fault, depth: int) -> Part:
    files = list(_attachments(properties, fault))
    inline = [_part(properties, one, fault, depth) for one in files if one.is_inline]
    others = [_part(properties, one, fault, depth) for one in files if not one.is_inline]
    part = _body(properties, fault, depth)
    if inline:
        part = group("related", [part, *inline], depth)
    item_class = properties.text(Tag.MESSAGE_CLASS)
    if kind := report_type(item_class):
        report = report_part(properties, kind, item_class)
        return group("report", [part, report, *others], depth, f";\r\n report-type={kind}")
    return group("mixed", [part, *others], depth) if others else part


def _body(properties: Properties, fault: Fault, depth: int) -> Part:
    bodies = bodies_of(properties, fault)
    forms = []
    if bodies.plain or not bodies.html:
        forms.append(text_part("text/plain", bodies.plain.encode("utf-8", "replace"), "utf-8"))
    if bodies.html:
        forms.append(text_part("text/html", bodies.html, bodies.charset))
    if calendar := calendar_part(properties, subject_of(properties)):
        forms.append(calendar)
    return group("alternative", forms, depth) if len(forms) > 1 else forms[0]


def _attachments(properties: Properties, fault: Fault) -> Iterator[Attached]:
    try:
        count = properties.item.attachments
    except PstError as error:
        fault(f"its attachments cannot be read: {error}")
        return
    for index in range(count):
        try:
            with properties.item.attachment(index) as item:
                yield attached(Properties(item, properties.codepage), index)
        except PstError as error:
            fault(f"its attachment {index + 1} cannot be read: {error}")


def _part(properties: Properties, one: Attached, fault: Fault, depth: int) -> Part:
    if one.method != MESSAGE:
        return file_part(properties.item, one, fault)
    head = "Content-Type: message/rfc822\r\n" + disposition("attachment", f"{one.name or 'message'}.eml")
    return Part(head.encode("utf-8", "replace"), _attached_message(properties, one, fault, depth + 1))


def _attached_message(properties: Properties, one: Attached, fault: Fault, depth: int) -> Iterator[bytes]:
    if depth > DEEPEST:
        fault(f"the mail in its attachment {one.index + 1} lies deeper than {DEEPEST} mails and is left out")
        return
    try:
        with properties.item.attachment(one.index) as attachment, attachment.attached_message as item:
            yield from _message(item, properties.codepage, fault, depth)
    except PstError as error:
        fault(f"the mail in its attachment {one.index + 1} cannot be read whole: {error}")
