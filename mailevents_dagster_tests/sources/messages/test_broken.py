"""Messages that are not as they should be."""

from __future__ import annotations

import pytest

from mailevents_dagster.sources.messages.reading import read_message
from mailevents_dagster_tests.sources.messages.messages_made import read

MIXED = "Content-Type: multipart/mixed; boundary=b"
PART = ("--b", "Content-Type: a/b; name=x", "", "content")


def test_a_multipart_without_an_end_has_its_parts() -> None:
    message = read(MIXED, "", "--b", "", "text", *PART)
    assert (message.text, message.attachments[0].size) == ("text", 7)
    assert message.faults == ("a multipart has no end",)


def test_an_inner_multipart_without_an_end_ends_with_the_outer_part() -> None:
    message = read(MIXED, "", "--b", "Content-Type: multipart/mixed; boundary=c", "", "--c", "", "text", *PART, "--b--")
    assert (message.text, len(message.attachments)) == ("text", 1)
    assert message.faults == ("a multipart has no end",)


def test_a_multipart_may_go_on_behind_its_end() -> None:
    message = read(MIXED, "", "--b", "", "text", "--b--", *PART, "--b--")
    assert (message.text, len(message.attachments)) == ("text", 1)
    assert message.faults == ("a multipart goes on behind its end",)


@pytest.mark.parametrize(
    ("declared", "faults"),
    [
        ("multipart/mixed", ("a multipart declares no boundary", "a multipart has another boundary than it declares")),
        ("multipart/mixed; boundary=other", ("a multipart has another boundary than it declares",)),
    ],
)
def test_a_boundary_that_is_not_declared_is_found(declared: str, faults: tuple[str, ...]) -> None:
    message = read(f"Content-Type: {declared}", "", "--b", "Content-Type: text/plain", "", "text", *PART, "--b--")
    assert (message.text, len(message.attachments)) == ("text", 1)
    assert message.faults == faults


def test_a_multipart_without_parts_is_text() -> None:
    message = read(MIXED, "", "text", "--", "more")
    assert message.text == "text\n--\nmore"
    assert message.faults == (
        "a multipart has no parts",
        "a multipart has no end",
        "its text stands before its parts",
    )


def test_what_old_programs_should_read_is_no_text() -> None:
    message = read(MIXED, "", "This is a multi-part message in MIME format.", *PART, "--b--")
    assert (message.text, message.faults) == (None, ())


@pytest.mark.parametrize(
    ("lines", "text", "fault"),
    [
        (["Hello,", "there"], "Hello,\nthere", "a header is missing"),
        (["Subject: s", "Hello,", "there"], "Hello,\nthere", "a header ends without a blank line"),
        (["garbage", "Subject: s", "", "text"], "text", "a line in a header is no field: it is left out"),
        (["", "\t", "Subject: s", "", "text"], "text", "blank lines stand before the header"),
        (["\ufeffSubject: s", "", "text"], "text", "a byte order mark stands before the header"),
    ],
)
def test_a_header_may_be_broken(lines: list[str], text: str, fault: str) -> None:
    message = read(*lines)
    assert message.text == text
    assert message.faults == (fault,)
    assert message.subject == ("s" if any("Subject" in line for line in lines) else "")


def test_the_line_that_begins_a_message_in_a_file_of_many_is_left_out() -> None:
    assert read("From a@b Mon Nov 30 14:47:42 2026", "Subject: s", "", "x").subject == "s"


def test_a_blank_line_of_spaces_folds_a_field_where_fields_go_on() -> None:
    message = read("Subject: a", " ", " b", "To: x@y", " ", "text")
    assert (message.subject, len(message.to), message.text) == ("a b", 1, "text")


def test_a_part_without_a_header_is_text() -> None:
    assert read(MIXED, "", "--b", "text: none", "", "x", "--b", "text", "--b--").text == "x\ntext"


def test_a_boundary_in_a_header_ends_it() -> None:
    message = read(MIXED, "", "--b", "Content-Type: a/b; name=x", *PART, "--b--")
    assert [one.size for one in message.attachments] == [0, 7]
    assert message.faults == ("a header ends without a blank line",)


def test_lines_that_begin_as_a_boundary_are_content() -> None:
    lines = ["--bc", "--", "-- ", "--b-", "x--b"]
    message = read(MIXED, "", "--b  ", "", *lines, "--b--  ")
    assert message.text == "\n".join(lines)


def test_a_long_line_is_no_boundary() -> None:
    assert len(read(MIXED, "", "--b", "", "--b" + "x" * 200_000, "--b--").text or "") == 200_003


def test_a_type_without_a_subtype_is_a_file() -> None:
    message = read('Content-Type: application-x-gzip; name="document.xml.gz"', "", "blah")
    assert [(one.safe_name, one.type) for one in message.attachments] == [
        ("document.xml.gz", "application/octet-stream")
    ]
    assert message.faults == ("a Content-Type is not a media type",)


def test_nuls_and_other_bytes_are_text_that_databases_take() -> None:
    message = read("Subject: a\0b", "", b"x\0\xff")
    assert message.subject == "a\ufffdb"
    assert "\0" not in (message.text or "")
    assert message.faults


def test_parts_may_be_nested_as_deep_as_they_like() -> None:
    lines = [
        line
        for depth in range(5_000)
        for line in (f"Content-Type: multipart/mixed; boundary=b{depth}", "", f"--b{depth}")
    ]
    message = read(*lines, "", "text")
    assert [one.type for one in message.attachments] == ["multipart/mixed"]
    assert message.faults[0] == "multiparts are nested deeper than 100: the rest is one attachment"


def test_no_more_parts_are_read_than_any_message_has() -> None:
    message = read_message([b"Content-Type: multipart/mixed; boundary=b\n\n", b"--b\nContent-Type: a/b\n\n" * 50_000])
    assert len(message.attachments) == 9_999
    assert message.size == 43 + 50_000 * 23
    assert message.faults[0] == "it has more than 10,000 parts: the rest is not read"


def test_a_field_of_any_length_is_read() -> None:
    message = read("Subject: " + "x" * 1_000_000, " " + "y" * 1_000_000, "To: a@b", "", "text")
    assert (len(message.subject), message.text) == (2_000, "text")


@pytest.mark.slow
def test_a_header_that_never_ends_is_left() -> None:
    message = read_message([b"To: a@b\n" * 200_000, b"\ntext"])
    assert (len(message.to), message.text) == (5_000, "text")
    assert message.faults[0] == "a header is too long: its end is left out"


def test_uuencoded_parts_are_decoded() -> None:
    message = read("Content-Type: a/b", "Content-Transfer-Encoding: x-uuencode", "", "begin 644 x", "#86)C", "`", "end")
    assert message.attachments[0].size == 3
