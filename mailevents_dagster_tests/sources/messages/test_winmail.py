"""Outlook's `winmail.dat`."""

from __future__ import annotations

import base64
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailevents_dagster.sources.messages import winmail
from mailevents_dagster.sources.messages.message import Kind, Message
from mailevents_dagster_tests.sources.messages.messages_made import read, sha256
from mailevents_dagster_tests.sources.messages.tnef_made import (
    ATTACHMENT,
    BINARY,
    LONG,
    MESSAGE,
    OBJECT,
    OBJECT_OF_A_MESSAGE,
    SEVERAL,
    STRING,
    UNICODE,
    attribute,
    file,
    long,
    named,
    properties,
    text,
    tnef,
    variable,
)

CODE_PAGE = attribute(MESSAGE, 0x69007, struct.pack("<II", 1254, 0))


def mail(content: bytes, type_: str = "application/ms-tnef") -> Message:
    fields = [f"Content-Type: {type_}; name=winmail.dat", "Content-Transfer-Encoding: base64"]
    return read(*fields, "", base64.encodebytes(content))


def message_properties(*values: bytes) -> bytes:
    return attribute(MESSAGE, 0x69003, properties(*values))


def test_its_attachments_are_those_of_the_message() -> None:
    content = bytes(range(256)) + bytes(5)
    image = file("i.png", b"png", text(0x3712, "i@x"), variable(STRING, 0x370E, b"image/png\0"))
    message = mail(tnef(CODE_PAGE, message_properties(named("own"), long(0x17, 1)), file("fön.pdf", content), image))
    assert [(one.safe_name, one.type, one.inline, one.sha256) for one in message.attachments] == [
        ("fön.pdf", "application/pdf", False, sha256(content)),
        ("i.png", "image/png", True, sha256(b"png")),
    ]
    assert not message.faults


@pytest.mark.parametrize("type_", ["application/vnd.ms-tnef", "application/octet-stream"])
def test_it_is_known_by_other_types_and_by_its_name(type_: str) -> None:
    assert mail(tnef(file("a.pdf", b"x")), type_).attachments[0].safe_name == "a.pdf"


def test_its_texts_are_those_of_the_message() -> None:
    html = variable(BINARY, 0x1013, "<p>ığş\0".encode("cp1254"))
    message = mail(tnef(CODE_PAGE, message_properties(text(0x1000, "한글"), html, long(0x3FDE, 1254))))
    assert (message.text, message.html) == ("한글", "<p>ığş")
    assert mail(tnef(CODE_PAGE, attribute(MESSAGE, 0x2800C, "ığş\0".encode("cp1254")))).text == "ığş"


def test_a_text_of_the_message_itself_comes_first() -> None:
    inner = base64.encodebytes(tnef(message_properties(text(0x1000, "inner"), text(0x1013, "<p>"))))
    head = ["--b", "Content-Type: application/ms-tnef", "Content-Transfer-Encoding: base64", ""]
    message = read("Content-Type: multipart/mixed; boundary=b", "", "--b", "", "outer", *head, inner, "--b--")
    assert (message.text, message.html) == ("outer", "<p>")


def rtf(content: bytes) -> bytes:
    return variable(BINARY, 0x1009, struct.pack("<II4sI", len(content) + 12, len(content), b"MELA", 0) + content)


PACKED_HTML = rtf(rb"{\rtf1\ansi\ansicpg1254\fromhtml1 {\*\htmltag19 <p>}\htmlrtf {\b\htmlrtf0 \'fe}\par}")


def test_html_that_is_packed_into_rtf_is_read() -> None:
    message = mail(tnef(message_properties(text(0x1000, "plain"), PACKED_HTML)))
    assert (message.text, message.html, message.faults) == ("plain", "<p>ş", ())


def test_text_that_is_rtf_alone_is_read_where_there_is_no_other() -> None:
    own = rtf(rb"{\rtf1\ansi{\stylesheet{\s1 Heading;}}NAV \u8364?5}")
    assert mail(tnef(message_properties(own))).text == "NAV €5"
    assert mail(tnef(message_properties(text(0x1000, "plain"), own))).text == "plain"


def test_html_of_the_file_comes_before_what_is_packed_into_rtf() -> None:
    html = variable(BINARY, 0x1013, b"<p>its own")
    assert mail(tnef(message_properties(html, PACKED_HTML))).html == "<p>its own"


def test_damaged_rtf_is_named_and_hides_nothing() -> None:
    message = mail(tnef(message_properties(variable(BINARY, 0x1009, b"rtf")), file("a.pdf", b"x")))
    assert (message.text, message.faults) == (None, ("the RTF of a winmail.dat is damaged: it is not read",))
    assert len(message.attachments) == 1


def test_rtf_that_unpacks_to_more_than_any_mail_has_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(winmail, "_MOST_RTF", 100)
    message = mail(tnef(message_properties(rtf(b"{\\rtf1 " + b"x" * 500 + b"}"))))
    assert message.text == "x" * (100 - 16 - 7)
    assert "longer" in message.faults[0]


@pytest.mark.parametrize(
    ("message_class", "kind"),
    [
        ("IPM.Schedule.Meeting.Request", Kind.MEETING),
        ("REPORT.IPM.Note.NDR", Kind.BOUNCE),
        ("REPORT.IPM.Note.IPNRN", Kind.RECEIPT),
        ("IPM.Note", Kind.NOTE),
    ],
)
def test_its_class_tells_what_the_message_is_for(message_class: str, kind: Kind) -> None:
    assert mail(tnef(message_properties(text(0x1A, message_class)))).kind is kind
    assert mail(tnef(attribute(MESSAGE, 0x78008, message_class.encode() + b"\0"))).kind is kind


def test_objects_are_told_without_what_says_what_they_are() -> None:
    nested = tnef()
    values = [variable(OBJECT, 0x3701, OBJECT_OF_A_MESSAGE + nested), text(0x3001, "inner")]
    content = tnef(attribute(ATTACHMENT, 0x69002, b""), attribute(ATTACHMENT, 0x69005, properties(*values)))
    [attachment] = mail(content).attachments
    assert (attachment.name, attachment.type, attachment.sha256) == (
        "inner.tnef",
        "application/ms-tnef",
        sha256(nested),
    )


WHOLE = tnef(CODE_PAGE, message_properties(text(0x1000, "x"), named("y")), file("a.pdf", b"abc"))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"rubbish that is no TNEF",
        WHOLE[:-1],
        WHOLE[:60],
        WHOLE[:70] + b"\xff" + WHOLE[71:],
        WHOLE + b"more",
        tnef(attribute(ATTACHMENT, 0x6800F, b"of nothing")),
        tnef(attribute(3, 0x6800F, b"")),
        tnef(message_properties(struct.pack("<HH", 0x99, 1))),
        tnef(attribute(MESSAGE, 0x69003, struct.pack("<I", 2**32 - 1))),
        tnef(message_properties(struct.pack("<HHI", LONG | SEVERAL, 1, 2**32 - 1))),
        tnef(message_properties(struct.pack("<HHI", BINARY, 1, 2**32 - 1))),
        tnef(message_properties(struct.pack("<HHII", UNICODE, 0x1000, 1, 40)), file("a.pdf", b"abc")),
        tnef(*[attribute(MESSAGE, 1, b"")] * 100_001),
    ],
)
def test_a_damaged_one_stays_an_attachment(content: bytes) -> None:
    message = mail(content)
    assert [(one.name, one.size, one.sha256) for one in message.attachments] == [
        ("winmail.dat", len(content), sha256(content))
    ]
    assert message.faults == ("a winmail.dat is damaged",)


def test_one_that_is_too_large_stays_an_attachment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(winmail, "_MOST", 1_000)
    content = tnef(file("a.pdf", bytes(5_000)))
    message = mail(content)
    assert [one.sha256 for one in message.attachments] == [sha256(content)]
    assert message.faults == ("a winmail.dat is too large to be looked into",)


@given(st.integers(0, len(WHOLE) - 1), st.binary(min_size=1, max_size=4))
@settings(max_examples=200, deadline=None)
def test_whatever_is_damaged_nothing_is_raised_and_nothing_lost(at: int, change: bytes) -> None:
    content = WHOLE[:at] + change + WHOLE[at + len(change) :]
    message = mail(content)
    assert {one.sha256 for one in message.attachments} <= {sha256(b"abc"), sha256(content)}


@pytest.mark.parametrize("more", [bytes(500), b"\r\n", b"\0"], ids=["zeros", "line", "zero"])
def test_what_is_no_attribute_behind_its_end_is_no_damage(more: bytes) -> None:
    whole = tnef(file("fatura.pdf", b"%PDF"))
    assert [one.name for one in mail(whole + more).attachments] == ["fatura.pdf"]
    assert mail(whole + bytes(500) + b"x").faults == ("a winmail.dat is damaged",)
