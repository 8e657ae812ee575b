"""What is published of a bounce."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import datetime, timedelta, timezone

import pytest

from mailevents_dagster.sources.maillog.bounces.events import bounce_rows
from mailevents_dagster.sources.maillog.bounces.messages import message
from mailevents_dagster.sources.maillog.bounces.patterns import Pattern, Patterns
from mailevents_dagster_tests.sources.maillog.bounces.lines import line, table

KEY = b"k3y"
PATTERNS = Patterns([Pattern("2", "invalid mailbox", "invalid mailbox")], (), "")


def sent(text: str, recipient: str | None = "Some.One@b.example", key: bytes | None = None) -> dict[str, object]:
    lines = table(
        [line("bounce", f"** {text} invalid mailbox", recipient=recipient, code=550, text=text, queue_id="1tH")]
    )
    (row,) = bounce_rows(lines, "mx1.example.com", PATTERNS)
    return message(row, "mx1.example.com", key)


def hashed(address: str) -> str:
    return hmac.new(KEY, address.encode(), hashlib.sha256).hexdigest()


def test_a_message_begins_as_maillog_events_writes_it_and_says_more_behind() -> None:
    made = sent("550 invalid mailbox")
    assert json.dumps(made).startswith(
        '{"ID": "2", "name": "invalid mailbox", "email": "Some.One@b.example", "hostname": "mx1.example.com", "class": '
    )
    assert len(str(made.pop("event_id"))) == 32
    assert [*made.items()][4:] == [
        ("class", "hard"),
        ("code", 550),
        ("enhanced_code", None),
        ("text", "550 invalid mailbox"),
        ("time", "2026-11-29T12:00:00Z"),
        ("queue_id", "1tH"),
    ]


def test_times_are_those_of_utc() -> None:
    (row,) = bounce_rows(table([line("bounce", "**")]), "mx", None)
    there = datetime(2026, 11, 29, 15, 0, 1, 999_000, timezone(timedelta(hours=3)))
    assert message({**row, "event_time": there}, "mx")["time"] == "2026-11-29T12:00:01Z"


@pytest.mark.parametrize(
    "text",
    [
        "550 <some.one@B.example>: invalid mailbox",
        "550 SOME.ONE@b.example... invalid mailbox, says post@b.example",
        '550 unknown user: "some.one"',
        "550 mailbox Some.One is gone, see other@c.example.",
        "550 To:<some.one@b.example>,<else@b.example>;rfc822=some.one@b.example",
        "550 " + "x" * 3990 + " some.one@b.example some.one",
        "550 " + "x" * 3980 + " some.one@b.example some.one",
    ],
)
def test_with_a_key_no_address_stands_in_a_message(text: str) -> None:
    made = sent(text, key=KEY)
    assert made["email"] == hashed("some.one@b.example")
    said = json.dumps(made).lower()
    for word in ("some.", "post@", "other@", "else@", "b.example>"):
        assert word not in said


def test_short_names_and_words_that_hold_a_name_are_left_alone() -> None:
    assert sent("550 an unknown user", "an@b.example", key=KEY)["text"] == "550 an unknown user"
    assert sent("550 unknown user", "know@b.example", key=KEY)["text"] == "550 unknown user"
    assert sent("550 user root unknown", "root", key=KEY)["text"] == f"550 user {hashed('root')} unknown"


def test_a_bounce_without_recipient_or_pattern_is_a_message_without_them() -> None:
    made = sent("it expired", None, key=KEY)
    assert (made["email"], made["text"]) == (None, "it expired")
    (row,) = bounce_rows(table([line("bounce", "**")]), "mx", None)
    assert [*message(row, "mx").values()][:4] == [None, None, None, "mx"]


def test_a_long_answer_is_cut() -> None:
    assert len(str(sent("x" * 1_000_000)["text"])) == 4000
