"""Entries as lines: what JSON makes of a field, the head that rsyslog would write."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailevents_dagster.sources.maillog.journal.entries import LONGEST_LINE, Entry, entry_of

AT = 1_795_993_300_123_456
"""2026-11-29 23:01:40.123456 UTC."""
HEAD = "2026-11-29T23:01:40.123456+00:00 mx1 postfix/smtp[123]: "


def entry(**fields: object) -> Entry:
    known: dict[str, Any] = {
        "__CURSOR": "s=1;i=2",
        "__REALTIME_TIMESTAMP": str(AT),
        "__MONOTONIC_TIMESTAMP": "77",
        "_BOOT_ID": "a" * 32,
        "_HOSTNAME": "mx1",
        "SYSLOG_IDENTIFIER": "postfix/smtp",
        "_PID": "123",
    }
    return entry_of(orjson.dumps({**known, **fields}) + b"\n")


def test_a_line_is_written_as_rsyslog_writes_it() -> None:
    assert entry(MESSAGE="connect from unknown") == Entry(
        "s=1;i=2", AT, "a" * 32, 77, (f"{HEAD}connect from unknown",), 0
    )


def test_the_process_is_the_one_that_the_program_names() -> None:
    assert entry(MESSAGE="x", SYSLOG_PID="9").lines == (f"{HEAD.replace('123]', '9]')}x",)


def test_an_entry_with_few_fields_is_a_line_all_the_same() -> None:
    few = {"__CURSOR": "c", "__REALTIME_TIMESTAMP": "1", "__MONOTONIC_TIMESTAMP": "1", "_BOOT_ID": "b"}
    assert entry_of(orjson.dumps(few)).lines == ("1970-01-01T00:00:00.000001+00:00 localhost unknown: ",)
    named = entry_of(orjson.dumps({**few, "_COMM": "smtpd", "MESSAGE": "x"}))
    assert named.lines == ("1970-01-01T00:00:00.000001+00:00 localhost smtpd: x",)


@pytest.mark.parametrize(
    ("message", "lines"),
    [
        ("", [""]),
        (None, [""]),
        ("one\ntwo\n", ["one", "two"]),
        ("one\n\ntwo", ["one", "", "two"]),
        ("\n", [""]),
        (list("größer".encode()), ["größer"]),
        (list(b"caf\xe9 au lait"), ["café au lait"]),
        (list(b"nul\x00 and \x1b[31m"), ["nul\x00 and \x1b[31m"]),
        (list(b"a\nb"), ["a", "b"]),
        (["first", "second"], ["first", "second"]),
        ([[98, 97, 100, 255], "text"], ["badÿ", "text"]),
        ([], [""]),
        ("x" * (LONGEST_LINE + 5), ["x" * LONGEST_LINE, "x" * 5]),
    ],
)
def test_a_message_becomes_lines_with_the_same_head(message: object, lines: list[str]) -> None:
    assert list(entry(MESSAGE=message).lines) == [HEAD + line for line in lines]


def test_what_journald_dropped_is_counted() -> None:
    dropped = {"MESSAGE_ID": "a596d6fe7bfa4994828e72309e95d61e", "N_DROPPED": "4711"}
    assert entry(MESSAGE="Suppressed 4711 messages from postfix@-.service", **dropped).dropped == 4711
    assert entry(MESSAGE="Suppressed 4711 messages from postfix@-.service", N_DROPPED="4711").dropped == 0


@given(st.binary(max_size=60))
def test_any_bytes_become_lines_that_lose_none_of_them(content: bytes) -> None:
    lines = entry(MESSAGE=list(content)).lines
    text = "\n".join(line.removeprefix(HEAD) for line in lines)
    assert content.removesuffix(b"\n") in (text.encode(), text.encode("latin-1", "replace"))


@pytest.mark.parametrize("text", [b"{", b"{}", b"[1]", b'{"__CURSOR":1}', b"null", b"\xff"])
def test_what_is_no_entry_is_refused(text: bytes) -> None:
    with pytest.raises((ValueError, KeyError, TypeError, AttributeError)):
        entry_of(text)
