"""Messages that want to be expensive: whatever stands in them, they are read, and in time that grows with them."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailevents_dagster.sources.outcomes.notices.mail import LONGEST_PART
from mailevents_dagster.sources.outcomes.notices.notice import NoticeKind
from mailevents_dagster.sources.outcomes.notices.reading import notices_of
from mailevents_dagster_tests.sources.outcomes.notices.messages_made import head, only, report, written

pytestmark = pytest.mark.slow

LONG: Final = 100_000
STATUS: Final = "Final-Recipient: rfc822; ada@post.example\nAction: failed\nStatus: 5.1.1\n"
TEXTS: Final = {
    "addresses": "x@y.example " * (LONG // 12),
    "lines of one address": "x@y.example\n" * (LONG // 12),
    "spaces before a sign": (" " * 900 + "@\n") * (LONG // 900),
    "blank lines": "\n" * LONG,
    "signs": "<" * LONG,
    "quotes": '"' * LONG + "@x.example",
    "codes": "550 " * (LONG // 4),
    "replies": ": 550-" * (LONG // 6),
    "enhanced codes": "5.1.1." * (LONG // 6),
    "dots": "... " * (LONG // 4),
    "rules": ("-" * 79 + "\n") * (LONG // 80),
    "headers": "From: a\n b\n" * (LONG // 11),
    "headers that are folded": "From: a\n" + ("        x\n" * 19 + "\tFrom\n") * (LONG // 200),
    "words that begin a failure": "could not " * (LONG // 10),
    "labels": ("recipient " * 90 + " a@b.example\n") * (LONG // 900),
    "brackets": ("a@b.example (" + "x" * 900 + "\n") * (LONG // 900),
    "JSON": '{"a":' * (LONG // 5),
    "JSON on long lines": "{" + "x" * 998 + "\n" * LONG,
    "fields": "Final-Recipient: rfc822; a@b.example\nAction: failed\nStatus: 5.1.1\n" * (LONG // 70),
    "feedback": "feedback-type: x\n" * (LONG // 17),
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_a_text_of_one_thing_over_and_over_is_read(text: str) -> None:
    assert notices_of([written(text)])
    assert notices_of([written(text).replace(b"text/plain", b"text/html")])
    assert notices_of([report(f"{STATUS}Diagnostic-Code: smtp; {text}")])


@pytest.mark.parametrize(
    "name", ["From", "Subject", "X_Failed_Recipients", "Return_Path", "Auto_Submitted", "Content_Type"]
)
def test_a_header_of_one_thing_over_and_over_is_read(name: str) -> None:
    for value in ("<" * LONG, "a@b.example, " * (LONG // 13), "auto not " * (LONG // 9), '"' * LONG):
        assert notices_of([f"{head(**{name: value})}\n\nHello\n".encode()])


def test_messages_within_messages_end() -> None:
    assert only(b"Content-Type: message/rfc822\n\n" * 2_000).kind is NoticeKind.NONE


def test_an_address_at_the_end_of_what_is_read_is_whole_or_left_out() -> None:
    text = "".join(f"<a{number}@post.example>: 550 5.1.1 no\n" for number in range(3_000))
    recipients = {notice.recipient or "" for notice in notices_of([written(text)])}
    assert len(recipients) > 1_000
    assert all(one.endswith("@post.example") for one in recipients)


def test_two_thousand_recipients_are_told_apart() -> None:
    status = "\n".join(f"Final-Recipient: rfc822; a{number}@post.example\nAction: failed\n" for number in range(2_000))
    text = "".join(f"a{number}@post.example: 550 5.1.1 no {number}\n" for number in range(2_000))
    notices = notices_of([report(status, text)])
    assert len({notice.recipient for notice in notices}) == len(notices) > 1_000
    assert notices[7].text == "550 5.1.1 no 7"


def test_a_message_of_any_size_is_read_in_little_memory() -> None:
    def chunks() -> Iterator[bytes]:
        yield report(STATUS).replace(b"message/rfc822", b"application/octet-stream").removesuffix(b"--=_b--\n")
        yield b"Content-Type: text/plain\n\n"
        for _ in range(1_000):
            yield b"x" * 2**15 + b"\n"

    tracemalloc.start()
    (notice,) = notices_of(chunks())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert notice.recipient == "ada@post.example"
    assert peak < 20 * LONGEST_PART


@given(st.binary(max_size=2_000))
def test_whatever_bytes_come_are_a_message(data: bytes) -> None:
    assert notices_of([data])
    assert notices_of([f"{head()}\n\n".encode() + data])


@given(st.text(max_size=500), st.text(max_size=500))
def test_whatever_a_report_and_its_text_say_is_read(status: str, text: str) -> None:
    assert notices_of([report(f"{STATUS}Diagnostic-Code: {status}", text)])
    assert notices_of([report(status, text)])


@given(st.integers(0, 2_000), st.sampled_from(["\r\n", "\r"]))
def test_where_a_message_is_cut_and_how_its_lines_end_breaks_nothing(end: int, line_end: str) -> None:
    message = report(f"{STATUS}Diagnostic-Code: smtp; 550 5.1.1 no").replace(b"\n", line_end.encode())
    assert notices_of([message[:end]])
    assert only(message).recipient == "ada@post.example"


def test_what_another_library_stumbles_over_leaves_a_notice_without_a_recipient(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def stumble(_: object) -> None:
        raise RuntimeError("flufl")

    monkeypatch.setattr("flufl.bounce.all_failures", stumble)
    notice = only(written("Your mail could not be delivered.", From="MAILER-DAEMON@post.example"))
    assert (notice.kind, notice.recipient) == ("bounce", None)
