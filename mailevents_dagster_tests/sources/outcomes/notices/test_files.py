"""Files of messages and log lines: what each is, and what it tells."""

from __future__ import annotations

import gzip
import tracemalloc
from io import BytesIO
from pathlib import Path

import pytest

from mailevents_dagster.sources.outcomes.notices.files import UnreadableError, notices_in
from mailevents_dagster_tests.sources.outcomes.notices.messages_made import report

STATUS = "Final-Recipient: rfc822; {}@post.example\nAction: failed\nStatus: 5.1.1"
EXIM = (
    "2026-11-20 10:00:00 1abcDE-000123-Ab ** ada@post.example R=dns T=smtp H=mx.post.example [192.0.2.1]: SMTP error "
    "from remote mail server after RCPT TO:<ada@post.example>: 550 5.1.1 <ada@post.example>: User unknown\n"
)
POSTFIX = (
    "Nov 20 10:00:01 mx postfix/smtp[7]: 4BCDEF123: to=<bob@inside.example>, orig_to=<bob@post.example>, "
    "relay=mx.post.example[192.0.2.1]:25, delay=1, delays=0/0/0/1, dsn=4.7.1, status=deferred (host "
    "mx.post.example[192.0.2.1] said: 450 4.7.1 Greylisted (in reply to RCPT TO command))\n"
)
SENT = POSTFIX.replace("dsn=4.7.1, status=deferred (host", "dsn=2.0.0, status=sent (250 ok host")
OTHER = "Nov 20 10:00:02 mx postfix/qmgr[7]: 4BCDEF123: removed\n"


def told(content: bytes, name: str = "bounces") -> list[str]:
    return [f"{one.kind} {one.recipient} {one.code}" for one in notices_in(BytesIO(content), name)]


def test_a_file_is_a_message() -> None:
    assert told(report(STATUS.format("ada"))) == ["bounce ada@post.example None"]


def test_a_file_of_messages_tells_of_each() -> None:
    messages = [report(STATUS.format(name)) for name in ("ada", "bob")]
    mbox = b"".join(b"From MAILER-DAEMON Fri Nov 20 10:00:00 2026\n" + message + b"\n" for message in messages)
    assert told(mbox, "inbox.mbox") == ["bounce ada@post.example None", "bounce bob@post.example None"]


def test_a_line_that_begins_with_from_is_no_message_in_the_middle_of_one() -> None:
    text = b"From here on\nFrom Monday 10:00 in 2026 on, I am away.\n\nFrom me\n"
    message = b"From x Fri Nov 20 10:00:00 2026\nSubject: x\n\n" + text
    assert told(message) == ["none None None"]


def test_a_message_file_is_one_message_whatever_lines_it_holds() -> None:
    message = b"From x Fri Nov 20 10:00:00 2026\n" + report(STATUS.format("ada"))
    assert told(message + b"\nFrom y Fri Nov 20 10:00:00 2026\nSubject: y\n\n", "x.eml") == [
        "bounce ada@post.example None"
    ]


def test_lines_of_exim_and_of_postfix_tell_of_their_recipients() -> None:
    assert told((EXIM + POSTFIX + SENT + OTHER).encode()) == [
        "bounce ada@post.example 550",
        "deferral bob@post.example 450",
        "receipt bob@post.example 250",
        "none None None",
    ]


@pytest.mark.parametrize("before", ["", "\n", "\n\n", "e of a line that was cut: x@y.example\n"])
def test_a_log_is_told_by_its_first_lines(before: str) -> None:
    lines = told((before + EXIM + POSTFIX).encode())
    assert lines[-2:] == ["bounce ada@post.example 550", "deferral bob@post.example 450"]


@pytest.mark.slow
def test_a_log_of_any_size_is_read_in_little_memory(tmp_path: Path) -> None:
    file = tmp_path / "mainlog"
    with file.open("w") as log:
        for _ in range(12):
            log.write((EXIM + OTHER * 9) * 200)
        log.write("x" * 9_000_000 + "\n" + EXIM)
    tracemalloc.start()
    with file.open("rb") as log_file:
        count = sum(1 for one in notices_in(log_file, "mainlog") if one.recipient)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 12 * 200 + 1
    assert peak < 9_000_000


@pytest.mark.parametrize("content", [b"", b"\n", b" \n \n", b"\0", b"\xff\xfe"])
def test_a_file_of_nothing_tells_of_no_delivery(content: bytes) -> None:
    assert told(content) == ["none None None"]


def test_a_packed_file_is_named_with_what_unpacks_it() -> None:
    with pytest.raises(UnreadableError, match="zcat"):
        told(gzip.compress(EXIM.encode()))
