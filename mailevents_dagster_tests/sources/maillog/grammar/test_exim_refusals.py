"""Exim: mail that is refused, and what it remarks."""

from __future__ import annotations

from typing import Any

import pytest

from mailevents_dagster.sources.maillog.grammar import exim
from mailevents_dagster_tests.sources.maillog.grammar.saying import all_said, said


def of(words: str) -> dict[str, Any]:
    return said(exim, f"2026-11-29 23:01:40 {words}")


def test_a_refused_recipient_is_the_one_of_the_command() -> None:
    words = (
        "H=host (helo) [192.0.2.9]:33 X=TLS1.3:A:256 F=<s@x> A=p:bob temporarily rejected RCPT <r@y>: 451 4.7.1 later"
    )
    assert of(words) == {
        "event": "rejection",
        "program": "exim",
        "sender": "s@x",
        "recipient": "r@y",
        "relay_host": "host",
        "helo": "helo",
        "relay_address": "192.0.2.9",
        "relay_port": 33,
        "tls": "TLS1.3:A:256",
        "user": "bob",
        "code": 451,
        "enhanced_code": "4.7.1",
        "text": "451 4.7.1 later",
    }


def test_a_sender_that_looks_like_a_refusal_names_nobody() -> None:
    row = of('H=[192.0.2.9] F=<"a rejected RCPT <victim@x>: A=plain:root no"@evil> rejected RCPT <"q r"@y>: no')
    assert (row["sender"], row["recipient"]) == ('"a rejected RCPT <victim@x>: A=plain:root no"@evil', '"q r"@y')
    assert "user" not in row


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("U=root F=<> rejected RCPT <a@b>: no", {"sender": "", "user": "root", "recipient": "a@b"}),
        ("H=[192.0.2.9] F=<s@x> rejected RCPT a@b", {"recipient": "a@b", "text": None}),
        ("1vPfXY-0005vi-00 H=h [192.0.2.9] F=<s@x> rejected after DATA: spam", {"text": "spam", "sender": "s@x"}),
        ("H=[192.0.2.9] rejected EHLO or HELO foo: bad", {"relay_address": "192.0.2.9"}),
        ('H=[192.0.2.9] rejected connection in "connect" ACL: listed', {"text": "listed"}),
        (
            "rejected EHLO from h (x) [192.0.2.9]:4711 I=[192.0.2.1]:25: syntactically invalid: x y",
            {"relay_port": 4711},
        ),
        ('H=(fo"o) [192.0.2.9] F=<s@x> rejected RCPT <a@b>: no', {"recipient": None}),
        ("H=[192.0.2.9] rejected MAIL <s@x>: no", {"text": "no"}),
        ("F=<s@x> rejected by non-SMTP ACL: no", {"sender": "s@x"}),
        ("1vPfXY-0005vi-00 rejected from <a@b> H=h [192.0.2.9]: message too big: read=2 max=1", {"sender": "a@b"}),
        ("Connection from [192.0.2.9]:39456 refused: too many connections", {"relay_port": 39456}),
        ("SMTP call from h (x) [192.0.2.9]:4511 dropped: too many errors", {"relay_address": "192.0.2.9"}),
        (
            'SMTP protocol synchronization error (too early): rejected connection from H=[192.0.2.9]:1 input="A=b:c"',
            {"relay_address": "192.0.2.9", "user": None},
        ),
    ],
)
def test_every_way_to_refuse_is_a_rejection(words: str, expected: dict[str, Any]) -> None:
    row = of(words)
    assert row["event"] == "rejection"
    assert {name: row.get(name) for name in expected} == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("Start queue run: pid=123", {}),
        ("End queue run: pid=123 -qf", {}),
        ("1vPfXY-0005vi-00 Frozen (delivery error message)", {"text": "Frozen (delivery error message)"}),
        ("1vPfXY-0005vi-00 Message is frozen", {"queue_id": "1vPfXY-0005vi-00"}),
        ("1vPfXY-0005vi-00 removed by root", {"text": "removed by root"}),
        ("1vPfXY-0005vi-00 a@b: error ignored", {}),
        ("1vPfXY-0005vi-00 H=mx [192.0.2.9]:25 Connection refused", {"relay_host": "mx", "text": "Connection refused"}),
        (
            "1vPfXY-0005vi-00 H=mx [192.0.2.9]: SMTP error from remote mail server after MAIL FROM:<>: 451 4.7.1 later",
            {"code": 451, "enhanced_code": "4.7.1", "relay_address": "192.0.2.9"},
        ),
        ("U=root sender verify fail for <a@b>: Unrouteable address", {"user": None, "recipient": None}),
        ("H=[192.0.2.9] sender verify fail for <a@b>: Unrouteable address", {"relay_address": "192.0.2.9"}),
        ("no host name found for IP address 192.0.2.9", {}),
        ("plain_login authenticator failed for H=(x) [192.0.2.9]: 535 Incorrect authentication data", {}),
        ("exim 4.96 daemon started: pid=1, -q30m, listening for SMTP on port 25", {}),
        ("SMTP connection from [192.0.2.9] closed by QUIT", {}),
    ],
)
def test_remarks_are_known_and_no_event(words: str, expected: dict[str, Any]) -> None:
    (row,) = all_said(exim, f"2026-11-29 23:01:40 {words}")
    assert (row["event"], row["known"]) == ("other", True)
    assert {name: row[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("line", "known", "text"),
    [
        ("2026-11-29 23:01:40 what only this administrator's ACL says", False, None),
        ("rubbish", False, None),
        ("Nov 29 23:01:40 mx1 exim[123]: [2/3] the middle", True, "the middle"),
        (r"Nov 29 23:01:40 mx1 exim[123]: [3\3] the end", True, "the end"),
        ("Nov 29 23:01:40 mx1 dovecot: imap-login: Login: user=<x>", True, None),
    ],
)
def test_what_no_rule_knows_is_other_and_unknown(line: str, known: bool, text: str | None) -> None:
    (row,) = all_said(exim, line)
    assert (row["event"], row["known"], row["text"]) == ("other", known, text)
