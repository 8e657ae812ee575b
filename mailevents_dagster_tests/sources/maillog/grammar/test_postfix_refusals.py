"""Postfix: mail that is refused, and what its programs remark."""

from __future__ import annotations

from typing import Any

import pytest

from mailevents_dagster.sources.maillog.grammar import postfix
from mailevents_dagster_tests.sources.maillog.grammar.saying import all_said, said

ENVELOPE = "from=<a@b> to=<c@d> proto=ESMTP helo=<e>"


def of(service: str, words: str) -> dict[str, Any]:
    row = said(postfix, f"2026-11-29T23:01:40.123456+03:00 mx1 postfix/{service}[4711]: {words}")
    return {name: value for name, value in row.items() if name not in ("host", "program", "pid")}


def test_a_refused_recipient_is_the_one_of_the_envelope() -> None:
    words = (
        "NOQUEUE: reject: RCPT from unknown[2001:db8::7]: 550 5.1.1 <to@example.com>: Recipient address rejected: User "
        "unknown; from=<s@x.example> to=<to@example.com> proto=ESMTP helo=<[192.0.2.9]>"
    )
    assert of("smtpd", words) == {
        "event": "rejection",
        "sender": "s@x.example",
        "recipient": "to@example.com",
        "relay_host": "unknown",
        "relay_address": "2001:db8::7",
        "code": 550,
        "enhanced_code": "5.1.1",
        "text": "550 5.1.1 <to@example.com>: Recipient address rejected: User unknown",
        "helo": "[192.0.2.9]",
    }


def test_a_refusal_in_other_words_is_a_rejection() -> None:
    assert of("smtpd", "NOQUEUE: reject: in words of tomorrow") == {
        "event": "rejection",
        "text": "in words of tomorrow",
    }


def test_an_address_that_looks_like_an_envelope_names_nobody() -> None:
    fake = '<"; from=<a@b> to=<victim@example.com> proto=SMTP helo=<x">@evil.example>'
    words = (
        f"NOQUEUE: reject: MAIL from x[1.2.3.4]: 554 5.7.1 {fake}: Sender address rejected: no; from={fake} proto=SMTP"
    )
    row = of("smtpd", words)
    assert row["event"] == "rejection"
    assert row.get("recipient") != "victim@example.com"


@pytest.mark.parametrize(
    ("service", "words", "expected"),
    [
        (
            "postscreen",
            "NOQUEUE: reject: RCPT from [192.0.2.3]:4984: 550 5.7.1 no; x; from=<a@b>, to=<c@d>, proto=X, helo=<e>",
            {"recipient": "c@d", "sender": "a@b", "relay_port": 4984, "code": 550, "helo": "e"},
        ),
        (
            "postscreen",
            "NOQUEUE: reject: CONNECT from [192.0.2.3]:1337: all server ports busy",
            {"text": "all server ports busy", "relay_address": "192.0.2.3"},
        ),
        (
            "smtpd",
            "NOQUEUE: milter-reject: CONNECT from x[192.0.2.3]: 451 4.7.1 Service unavailable; proto=SMTP",
            {"code": 451, "enhanced_code": "4.7.1"},
        ),
        (
            "cleanup",
            f"4104E3D: milter-reject: END-OF-MESSAGE from x[192.0.2.3]: 5.7.1 Blocked by filter; {ENVELOPE}",
            {"queue_id": "4104E3D", "recipient": "c@d", "enhanced_code": "5.7.1", "text": "5.7.1 Blocked by filter"},
        ),
        (
            "cleanup",
            f"4104E3D: milter-reject: END-OF-MESSAGE from x[192.0.2.3]: 5.7.1 no; {ENVELOPE}: what the filter adds",
            {"recipient": "c@d", "helo": "e", "text": "5.7.1 no"},
        ),
        (
            "smtpd",
            "NOQUEUE: proxy-reject: END-OF-MESSAGE: 550 5.7.1 spam; from=<a@b> to=<c@d> proto=ESMTP helo=<e>",
            {"recipient": "c@d", "code": 550},
        ),
        (
            "cleanup",
            f"4104E3D: reject: header Subject: buy; from=<now> from x[192.0.2.3]; {ENVELOPE}: 5.7.1 no thanks",
            {"subject": "buy; from=<now>", "recipient": "c@d", "text": "5.7.1 no thanks", "relay_address": "192.0.2.3"},
        ),
        (
            "cleanup",
            "4104E3D: reject: body buy this from local; from=<a@b> to=<c@d>: 5.7.1 no thanks",
            {"recipient": "c@d", "text": "5.7.1 no thanks"},
        ),
    ],
)
def test_every_way_to_refuse_is_a_rejection(service: str, words: str, expected: dict[str, Any]) -> None:
    row = of(service, words)
    assert row["event"] == "rejection"
    assert {name: row.get(name) for name in expected} == expected


@pytest.mark.parametrize("action", ["reject_warning", "discard", "hold", "filter", "redirect", "milter-hold", "warn"])
def test_what_is_only_looked_at_is_no_rejection(action: str) -> None:
    row = of(
        "smtpd", f"NOQUEUE: {action}: RCPT from x[192.0.2.3]: 550 5.7.1 maybe; from=<a@b> to=<c@d> proto=SMTP helo=<e>"
    )
    assert (row["event"], row["recipient"], row["code"]) == ("other", "c@d", 550)


def test_a_logged_subject_is_the_subject() -> None:
    words = "4104E3D: warning: header Subject: a from b from x[192.0.2.3]; from=<a@b> to=<c@d> proto=ESMTP helo=<e>"
    row = of("cleanup", words)
    assert (row["event"], row["subject"], row["relay_host"]) == ("other", "a from b", "x")


@pytest.mark.parametrize(
    ("service", "words", "expected"),
    [
        ("smtpd", "connect from x.example[192.0.2.3]", {"relay_host": "x.example", "relay_address": "192.0.2.3"}),
        (
            "smtpd",
            "disconnect from unknown[unknown] ehlo=1 commands=0/1",
            {"relay_host": "unknown", "relay_address": None},
        ),
        ("smtpd", "lost connection after DATA (0 bytes) from x[192.0.2.3]", {"relay_address": "192.0.2.3"}),
        ("smtpd", "timeout after END-OF-MESSAGE from x[192.0.2.3]", {"text": "timeout after END-OF-MESSAGE"}),
        ("smtpd", "improper command pipelining after EHLO from x[192.0.2.3]: QUIT", {"relay_host": "x"}),
        (
            "smtpd",
            "warning: x[192.0.2.3]: SASL LOGIN authentication failed: UGFzc3dvcmQ6",
            {"relay_address": "192.0.2.3", "text": "SASL LOGIN authentication failed: UGFzc3dvcmQ6"},
        ),
        (
            "smtpd",
            "Anonymous TLS connection established from x[192.0.2.3]: TLSv1.3 with cipher A (256/256 bits)",
            {"tls": "TLSv1.3 with cipher A (256/256 bits)", "relay_host": "x"},
        ),
        (
            "smtp",
            "connect to x[2001:db8::1]:25: Connection timed out",
            {"relay_port": 25, "text": "Connection timed out"},
        ),
        ("smtp", "4104E3D: lost connection with x[192.0.2.3] while sending RCPT TO", {"relay_address": "192.0.2.3"}),
        ("smtp", "4104E3D: conversation with x[192.0.2.3] timed out while sending MAIL FROM", {"relay_host": "x"}),
        ("smtp", "4104E3D: enabling PIX workarounds: disable_esmtp for x[192.0.2.3]:25", {"relay_port": 25}),
        ("smtp", "host x[192.0.2.3] offers SMTPUTF8 support, but not 8BITMIME", {"relay_address": "192.0.2.3"}),
        ("cleanup", "4104E3D: filter: smtp:[127.0.0.1]:10025", {"text": "smtp:[127.0.0.1]:10025"}),
        ("bounce", "4104E3D: sender non-delivery notification: 5A1B2C3D", {"queue_id": "4104E3D"}),
        ("qmgr", "4104E3D: skipped, still being delivered", {"text": "skipped, still being delivered"}),
        ("postsuper", "4104E3D: placed on hold", {"text": "placed on hold"}),
        ("postsuper", "Requeued: 1 message", {"queue_id": None}),
        ("postsuper", "Deleted: 2 messages", {"queue_id": None}),
        ("postscreen", "PASS NEW [192.0.2.3]:53024", {"relay_port": 53024}),
        ("postscreen", "CONNECT from [192.0.2.3]:53024 to [192.0.2.9]:25", {"relay_address": "192.0.2.3"}),
        ("postscreen", "HANGUP after 63 from [192.0.2.3]:1038 in tests after SMTP handshake", {"relay_port": 1038}),
        ("postscreen", "DNSBL rank 3 for [192.0.2.3]:1038", {"relay_address": "192.0.2.3"}),
        ("tlsproxy", "DISCONNECT [192.0.2.3]:1038", {"relay_address": "192.0.2.3"}),
        (
            "anvil",
            "statistics: max connection rate 1/60s for (smtpd:2001:db8::3) at Nov 29 1:2:3",
            {"relay_address": "2001:db8::3"},
        ),
        (
            "anvil",
            "statistics: max connection count 1 for (smtpd:192.0.2.3) at Nov 29 1:2:3",
            {"relay_address": "192.0.2.3"},
        ),
        ("dnsblog", "addr 192.0.2.3 listed by domain zen.example as 127.0.0.2", {"relay_address": "192.0.2.3"}),
        ("scache", "statistics: address lookup hits=0 miss=1 success=0%", {}),
        ("master", "daemon started -- version 3.7.11, configuration /etc/postfix", {}),
        ("cleanup", "warning: 9BECF3F19D: lookup problem -- try again later", {"queue_id": "9BECF3F19D"}),
    ],
)
def test_remarks_are_known_and_say_with_whom_it_was(service: str, words: str, expected: dict[str, Any]) -> None:
    (row,) = all_said(postfix, f"Nov 29 23:01:40 mx1 postfix/{service}[1]: {words}")
    assert (row["event"], row["known"]) == ("other", True)
    assert {name: row[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("line", "host", "program", "known"),
    [
        ("Nov 29 23:01:40 mx1 postfix-out/smtp[1]: connect from x[192.0.2.3]", "mx1", "postfix-out/smtp", True),
        (
            "Nov  9 23:01:40 mx1 postfix/postfix-script[1]: starting the Postfix mail system",
            "mx1",
            "postfix/postfix-script",
            True,
        ),
        ("Nov 29 23:01:40 mx1 postfix/smtp[1]: nobody knows this", "mx1", "postfix/smtp", False),
        ("Nov 29 23:01:40 mx1 postfix/policy-spf[1]: Policy action=DUNNO", "mx1", "postfix/policy-spf", True),
        ("Nov 29 23:01:40 mx1 dovecot: imap-login: Login: user=<x>", "mx1", "dovecot", True),
        ("rubbish", None, None, False),
    ],
)
def test_lines_of_other_programs_are_known_as_such(
    line: str, host: str | None, program: str | None, known: bool
) -> None:
    (row,) = all_said(postfix, line)
    assert (row["host"], row["program"], row["known"]) == (host, program, known)


def test_what_another_program_says_of_a_mail_is_no_event() -> None:
    (row,) = all_said(postfix, "Nov 29 23:01:40 mx1 opendkim[1]: 3FA2B1C0: removed")
    assert (row["event"], row["queue_id"]) == ("other", None)
