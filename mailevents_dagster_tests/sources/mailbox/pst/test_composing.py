"""Items of every kind as mails, read by the standard library and by the reader of messages."""

from __future__ import annotations

import email
import email.policy
from typing import Any

import pytest

from mailevents_dagster.sources.mailbox.pst.composing import DEEPEST, composed
from mailevents_dagster.sources.mailbox.pst.library import PstError
from mailevents_dagster.sources.mailbox.pst.properties import Tag
from mailevents_dagster.sources.messages.message import Kind, Message
from mailevents_dagster.sources.messages.reading import read_message
from mailevents_dagster_tests.sources.mailbox.pst.items import FakeItem, mail

NOON = 1_300_000_000.0


def made(item: Any) -> tuple[email.message.EmailMessage, Message, list[str]]:
    faults: list[str] = []
    raw = b"".join(composed(item, 1252, faults.append))
    return email.message_from_bytes(raw, policy=email.policy.default), read_message([raw]), faults


def file(name: str, *data: bytes | Exception, **values: Any) -> FakeItem:
    tags = {Tag[tag.upper()]: value for tag, value in values.items()}
    return FakeItem({Tag.ATTACHMENT_NAME: name, Tag.ATTACHMENT_METHOD: 1, **tags}, data=data)


def test_a_mail_made_of_properties_says_all_that_they_say() -> None:
    item = mail(
        1,
        NOON,
        subject="\x01\x05Re: Öğle",
        client_submit_time=NOON - 5,
        sent_representing_name="The Boss",
        sent_representing_smtp_address="boss@example.com",
        sender_name="Secretary",
        sender_smtp_address="secretary@example.com",
        message_id="<1@example.com>",
        in_reply_to="<0@example.com>",
        importance=2,
        body="Plain",
        html=b"<p>caf\xe9</p>",
        internet_codepage=28591,
    )
    item.people = [
        {Tag.RECIPIENT_TYPE: 1, Tag.DISPLAY_NAME: "김", Tag.SMTP_ADDRESS: "kim@example.com"},
        {Tag.RECIPIENT_TYPE: 0x10000002, Tag.DISPLAY_NAME: "x@y.example", Tag.ADDRESS_TYPE: "SMTP"},
        {Tag.RECIPIENT_TYPE: 3, Tag.DISPLAY_NAME: "Hid", Tag.ADDRESS_TYPE: "SMTP", Tag.ADDRESS: "hid@example.com"},
    ]
    parsed, message, faults = made(item)
    assert not faults
    assert not message.faults
    assert message.subject == "Re: Öğle"
    assert (message.from_.address, message.sender.address) == ("boss@example.com", "secretary@example.com")
    assert [one.address for one in (*message.to, *message.cc, *message.bcc)] == [
        "kim@example.com",
        "x@y.example",
        "hid@example.com",
    ]
    assert (message.message_id, message.in_reply_to) == ("1@example.com", ("0@example.com",))
    assert (message.sent, message.importance) == (NOON - 5, "high")
    assert (message.text.strip(), message.html.strip()) == ("Plain", "<p>café</p>")
    assert parsed.get_content_type() == "multipart/alternative"
    assert parsed["X-MAPI-Message-Class"] == "IPM.Note"


def test_fields_that_a_mail_came_with_stay_and_only_lacking_ones_are_made() -> None:
    headers = "Received: from a\r\n by b\r\nFrom: real@example.com\r\nSubject: =?utf-8?Q?a?=\r\nContent-Type: x/y\r\n"
    parsed, message, _ = made(mail(1, NOON, transport_headers=headers, sender_name="Other", message_id="<m@x>"))
    assert parsed["received"] == "from a by b"
    assert message.from_.address == "real@example.com"
    assert message.message_id == "m@x"
    assert parsed.get_all("subject") == ["a"]
    assert parsed.get_content_type() == "text/plain"


def test_a_name_in_exchanges_own_directory_is_no_address() -> None:
    _, message, _ = made(mail(1, NOON, sender_name="Ali", sender_address_type="EX", sender_address="/O=X/CN=ALI"))
    assert (message.from_.name, message.from_.address) == ("Ali", "")


def test_files_pictures_and_objects_are_attached_each_as_what_it_is() -> None:
    item = mail(1, NOON, html=b"<img src='cid:p@1'>")
    item.files = [
        file("a.pdf", b"%PDF", b"-1"),
        file("a.pdf", b"other"),
        file(
            "p.png",
            b"\x89PNG",
            attachment_content_id="<p@1>",
            attachment_flags=4,
            attachment_type="image/png",
        ),
        file("o", b"\xd0\xcf\x11", attachment_method=6),
        file("link", attachment_method=4),
    ]
    parsed, message, faults = made(item)
    assert not faults
    found = {(one.name, one.type, one.size, one.inline) for one in message.attachments}
    assert found == {
        ("a.pdf", "application/pdf", 6, False),
        ("a.pdf", "application/pdf", 5, False),
        ("p.png", "image/png", 4, True),
        ("o", "application/x-ole-storage", 3, False),
        ("link", "application/octet-stream", 0, False),
    }
    assert [one.content_id for one in message.attachments if one.inline] == ["p@1"]
    assert parsed.get_content_type() == "multipart/mixed"


def test_a_mail_in_a_mail_is_whole_with_its_own_attachments() -> None:
    inner = mail(2, NOON, subject="Inner", body="deep")
    inner.files = [file("deep.txt", b"deep down")]
    outer = mail(1, NOON, body="outer")
    outer.files = [FakeItem({Tag.ATTACHMENT_METHOD: 5, Tag.DISPLAY_NAME: "Inner"}, inner=inner)]
    parsed, message, faults = made(outer)
    assert not faults
    assert not message.faults
    nested = next(part for part in parsed.walk() if part.get_content_type() == "message/rfc822").get_payload(0)
    assert nested["subject"] == "Inner"
    assert [part.get_filename() for part in nested.walk() if part.get_filename()] == ["deep.txt"]


def test_mails_within_mails_without_end_have_an_end() -> None:
    item = mail(1, NOON)
    item.files = [FakeItem({Tag.ATTACHMENT_METHOD: 5}, inner=item)]
    _, _, faults = made(item)
    assert faults == [f"the mail in its attachment 1 lies deeper than {DEEPEST} mails and is left out"]


@pytest.mark.parametrize(
    ("item_class", "kind", "type_"),
    [
        ("REPORT.IPM.Note.NDR", Kind.BOUNCE, "multipart/report"),
        ("REPORT.IPM.Schedule.Meeting.Request.NDR", Kind.BOUNCE, "multipart/report"),
        ("REPORT.IPM.Note.DR", Kind.RECEIPT, "multipart/report"),
        ("REPORT.IPM.Note.IPNRN", Kind.RECEIPT, "multipart/report"),
        ("REPORT.IPM.Note.IPNNRN", Kind.RECEIPT, "multipart/report"),
        ("IPM.Schedule.Meeting.Request", Kind.MEETING, "multipart/alternative"),
        ("IPM.Schedule.Meeting.Canceled", Kind.MEETING, "multipart/alternative"),
        ("IPM.Schedule.Meeting.Resp.Pos", Kind.MEETING, "multipart/alternative"),
        ("IPM.Note.Rules.OofTemplate.Microsoft", Kind.NOTE, "text/plain"),
    ],
)
def test_the_class_says_what_a_mail_is(item_class: str, kind: Kind, type_: str) -> None:
    item = mail(1, NOON, message_class=item_class, body="text", start_date=NOON, end_date=NOON + 60)
    item.people = [
        {
            Tag.RECIPIENT_TYPE: 1,
            Tag.SMTP_ADDRESS: "lost@example.com",
            Tag.SUPPLEMENTARY_INFO: "<mx #5.1.1 smtp;550 5.1.1 unknown>",
        }
    ]
    parsed, message, faults = made(item)
    assert not faults
    assert (message.kind, parsed.get_content_type()) == (kind, type_)
    if kind is Kind.BOUNCE:
        status = next(part for part in parsed.walk() if part.get_content_type() == "message/delivery-status")
        assert status.get_payload(1)["Status"] == "5.1.1"
        assert status.get_payload(1)["Final-Recipient"] == "rfc822; lost@example.com"


def test_what_cannot_be_read_is_told_and_the_rest_is_there() -> None:
    item = mail(1, NOON, body=PstError("gone"), html=b"<p>there</p>", transport_headers=PstError("gone"))
    item.people = PstError("torn")
    item.files = [
        PstError("no such block"),
        file("half.bin", b"12345", PstError("torn")),
        file("short.bin", b"123"),
        file("whole.bin", b"whole"),
    ]
    item.files[1].said_size = item.files[2].said_size = 9
    _, message, faults = made(item)
    assert message.html.strip() == "<p>there</p>"
    assert {(one.name, one.size) for one in message.attachments} == {
        ("half.bin", 5),
        ("short.bin", 3),
        ("whole.bin", 5),
    }
    assert sorted(faults) == [
        "its attachment 1 cannot be read: no such block",
        "its attachment 2 cannot be read whole: torn",
        "its attachment 3 ends 6 bytes too early",
        "its header cannot be read: gone",
        "its recipients cannot be read whole: torn",
        "its text cannot be read whole: gone",
    ]


def test_copies_of_an_item_are_the_same_bytes() -> None:
    def copy() -> bytes:
        item = mail(1, NOON, body="same", html=b"<p>same</p>")
        item.files = [file("a.txt", b"1")]
        return b"".join(composed(item, 1252, lambda _: None))

    assert copy() == copy()


def test_every_item_that_was_opened_is_closed_again() -> None:
    inner, attached = mail(2, NOON), file("a.txt", b"1")
    inner.files = [attached]
    outer = mail(1, NOON)
    holder = FakeItem({Tag.ATTACHMENT_METHOD: 5}, inner=inner)
    outer.files = [holder]
    made(outer)
    assert (inner.open, attached.open, holder.open) == (0, 0, 0)


def test_odd_times_codepages_and_texts_do_no_harm() -> None:
    item = mail(1, 5e11, client_submit_time=5e11, start_date=5e11, message_class="IPM.Schedule.Meeting.Request")
    item.values = {**item.values, Tag.INTERNET_CODEPAGE: 12345, Tag.HTML: b"\xff\x00", Tag.BODY: "a\ud800\0b\0"}
    _, message, _ = made(item)
    assert message.kind is Kind.MEETING
