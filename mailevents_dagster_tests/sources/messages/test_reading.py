"""What messages say of themselves."""

from __future__ import annotations

import base64
from itertools import chain, repeat

import pytest

from mailevents_dagster.sources.messages.message import Address, AttachmentHead, BinarySink, Message
from mailevents_dagster.sources.messages.reading import read_message
from mailevents_dagster_tests.sources.messages.messages_made import Kept, read, sha256

MIXED = "Content-Type: multipart/mixed; boundary=b"


def test_the_fields_of_the_header_are_read() -> None:
    message = read(
        "From: =?utf-8?q?Ay=C5=9Fe?= <ayse@example.com>",
        "Sender: Office <office@example.com>",
        "To: A <a@x>, b@x",
        "To: c@x",
        "Cc: d@x",
        "Bcc: e@x",
        "Reply-To: f@x",
        "Subject: A long",
        "\tsubject",
        "Date: Mon, 20 Sep 2021 21:29:21 +0900",
        "Message-ID: <1@example.com>",
        "In-Reply-To: <0@example.com>",
        "References: <a@example.com> <0@example.com>",
        "Importance: High",
        "Authentication-Results: mx; spf=pass",
        "Authentication-Results: mx; dkim=pass",
        "",
        "text",
    )
    assert message.from_ == Address("Ayşe", "ayse@example.com")
    assert message.sender == Address("Office", "office@example.com")
    assert [one.address for one in message.to] == ["a@x", "b@x", "c@x"]
    assert [one.address for one in (*message.cc, *message.bcc, *message.reply_to)] == ["d@x", "e@x", "f@x"]
    assert (message.subject, message.sent, message.message_id) == ("A long subject", 1632140961, "1@example.com")
    assert message.in_reply_to == ("0@example.com",)
    assert message.references == ("a@example.com", "0@example.com")
    assert message.importance == "high"
    assert message.authentication_results == ("mx; spf=pass", "mx; dkim=pass")
    assert message.headers[7] == ("Subject", "A long subject")
    assert (message.text, message.html, message.faults) == ("text", None, ())


def test_whoever_it_seems_to_be_from_sent_it_where_nobody_else_did() -> None:
    assert read("From: a@x", "", "").sender == Address("", "a@x")


@pytest.mark.parametrize(
    ("field", "importance"),
    [
        ("X-Priority: 1 (Highest)", "high"),
        ("X-Priority: 5", "low"),
        ("X-MSMail-Priority: Low", "low"),
        ("Priority: urgent", "high"),
        ("Importance: nonsense", "normal"),
    ],
)
def test_importance_has_many_names(field: str, importance: str) -> None:
    assert read(field, "", "").importance == importance


def test_texts_and_attachments_are_told_apart() -> None:
    message = read(
        MIXED,
        "",
        "--b",
        "Content-Type: multipart/alternative; boundary=c",
        "",
        "--c",
        "",
        "plain",
        "--c",
        "Content-Type: multipart/related; boundary=d",
        "",
        "--d",
        "Content-Type: text/html",
        "",
        "<p>html",
        "--d",
        "Content-Type: image/png",
        "Content-ID: <i@x>",
        "",
        "png",
        "--d--",
        "--c--",
        "--b",
        "Content-Type: text/plain; name=notes.txt",
        "",
        "notes",
        "--b",
        "Content-Type: text/html",
        "Content-Disposition: attachment",
        "",
        "page",
        "--b",
        "Content-Type: text/plain",
        "Content-Disposition: inline",
        "",
        "more",
        "--b--",
    )
    assert (message.text, message.html) == ("plain\nmore", "<p>html")
    assert [(one.safe_name, one.type, one.inline, one.content_id, one.size) for one in message.attachments] == [
        ("attachment-1.png", "image/png", True, "i@x", 3),
        ("notes.txt", "text/plain", False, None, 5),
        ("attachment-3.html", "text/html", False, None, 4),
    ]
    assert message.attachments[0].sha256 == sha256(b"png")
    assert not message.faults


@pytest.mark.parametrize("end", [b"\r\n", b"\n", b"\r"])
def test_lines_end_as_they_like(end: bytes) -> None:
    message = read(
        MIXED, "Subject: s", "", "--b", "", "one", "two", "--b", "Content-Type: a/b", "", "", "x", "", "--b--", end=end
    )
    assert (message.subject, message.text) == ("s", "one\ntwo")
    assert message.attachments[0].sha256 == sha256(end + b"x" + end)
    assert not message.faults


def test_a_nested_message_is_an_attachment_named_by_its_subject() -> None:
    nested = b"Subject: =?utf-8?b?7ZWc6riA?=\r\nContent-Type: multipart/mixed; boundary=n\r\n\r\n--n\r\n\r\nx\r\n--n--"
    heads: list[AttachmentHead] = []
    sink = Kept(AttachmentHead(None, "", "", False, None))

    def keep(head: AttachmentHead) -> BinarySink:
        heads.append(head)
        return sink

    lines = [MIXED.encode(), b"", b"--b", b"Content-Type: message/rfc822", b"", nested, b"--b--"]
    message = read_message([b"\r\n".join(lines)], keep)
    assert heads[0].safe_name == message.attachments[0].safe_name == "한글.eml"
    assert sink.data == nested
    assert message.text is None
    assert not message.faults


def test_a_nested_message_may_be_encoded_and_have_a_name_of_its_own() -> None:
    nested = base64.encodebytes(b"Subject: inner\n\nx").strip()
    fields = ["--b", "Content-Type: message/rfc822", "Content-Transfer-Encoding: base64"]
    assert read(MIXED, "", *fields, "", nested, "--b--").attachments[0].safe_name == "inner.eml"
    named = read(MIXED, "", *fields, "Content-Disposition: attachment; filename=a.eml", "", nested, "--b--")
    assert (named.attachments[0].safe_name, named.attachments[0].size) == ("a.eml", 17)


def test_the_parts_of_a_digest_are_messages() -> None:
    message = read(
        "Content-Type: multipart/digest; boundary=b", "", "--b", "", "Subject: one", "", "x", "--b", "", "y", "--b--"
    )
    assert [one.safe_name for one in message.attachments] == ["one.eml", "attachment-2.eml"]


def test_a_piece_of_a_message_is_kept_as_it_is_and_said_to_be_one() -> None:
    message = read("Content-Type: message/partial; id=x; number=2; total=3", "", "a", "b")
    assert [(one.type, one.size) for one in message.attachments] == [("message/partial", 4)]
    assert message.faults == ("it holds a piece of a message that was sent in pieces",)


def test_texts_are_cut_and_said_to_be() -> None:
    message = read_message(chain([b"Content-Type: text/html; charset=utf-8\n\n"], repeat("가".encode(), 2**19)))
    assert message.html == "가" * (2**20 // 3)
    assert message.faults == ("the HTML is longer than 1,048,576 bytes: its end is left out",)


def test_texts_are_cut_as_utf_8_too() -> None:
    message = read_message([b"Content-Type: text/plain; charset=euc-kr\n\n", "가".encode("cp949") * 2**19])
    assert message.text == "가" * (2**20 // 3)
    assert message.faults == ("the text is longer than 1,048,576 bytes: its end is left out",)


def test_html_says_its_charset_itself_where_the_header_does_not() -> None:
    html = '<html><meta charset="windows-1254"><p>ığş'.encode("cp1254")
    assert (read("Content-Type: text/html", "", html).html or "").endswith("ığş")


def test_headers_are_kept_as_far_as_there_is_room() -> None:
    message = read(*[f"X-{number}: {'x' * 1000}" for number in range(100)], "Y: " + "y" * 10_000, "", "text")
    assert 60 <= len(message.headers) <= 66
    assert message.faults == ("its headers are long: some are cut or left out",)
    assert message.text == "text"


def test_a_long_header_is_cut() -> None:
    message = read("Subject: " + "y" * 10_000, "", "text")
    assert message.headers == (("Subject", "y" * 2**13),)
    assert message.faults == ("its headers are long: some are cut or left out",)


def test_a_sink_that_fails_is_not_hidden() -> None:
    class Full:
        def write(self, data: bytes, /) -> None:
            raise OSError(28, "No space left on device")

        def close(self) -> None:
            pass

    with pytest.raises(OSError, match="No space"):
        read_message([b"Content-Type: a/b\n\nx"], lambda _: Full())


def test_a_message_without_anything_is_one() -> None:
    assert read_message([]) == Message(text="")
    assert read_message([b"", b""]).size == 0
