"""Postfix: the lines of a mail's way."""

from __future__ import annotations

from typing import Any

import pytest

from mailevents_dagster.sources.maillog.grammar import postfix
from mailevents_dagster_tests.sources.maillog.grammar.saying import all_said, said


def of(service: str, words: str, head: str = "Nov 29 23:01:40 mx1") -> dict[str, Any]:
    """What a line of a service says, without host, program and process."""
    row = said(postfix, f"{head} postfix/{service}[4711]: {words}")
    assert (row.pop("host"), row.pop("program"), row.pop("pid")) == ("mx1", f"postfix/{service}", 4711)
    return row


def test_a_delivery_says_whom_it_reached_how_and_when() -> None:
    words = (
        "4bXyZ31QqRz2Lk: to=<final@example.com>, orig_to=<alias@example.com>, relay=mx.example.com[2001:db8::1]:25, "
        "conn_use=2, delay=3.6, delays=0.2/0.02/0.04/3.3, tls=dane/requiretls, dsn=2.0.0, status=sent "
        "(250 2.1.5 Ok: queued as 153053D)"
    )
    assert of("smtp", words) == {
        "event": "delivery",
        "queue_id": "4bXyZ31QqRz2Lk",
        "recipient": "final@example.com",
        "original_recipient": "alias@example.com",
        "relay_host": "mx.example.com",
        "relay_address": "2001:db8::1",
        "relay_port": 25,
        "tls": "dane/requiretls",
        "delay": 3.6,
        "delays": "0.2/0.02/0.04/3.3",
        "code": 250,
        "enhanced_code": "2.1.5",
        "text": "250 2.1.5 Ok: queued as 153053D",
    }


def test_a_bounce_has_the_code_of_the_remote_answer_and_not_that_of_postfix() -> None:
    reason = "host mx.dest[192.0.2.1] said: 550-5.7.1 <u@dest>: no 550 5.1.1 such user (in reply to RCPT TO command)"
    row = of(
        "smtp", f"3FA2B1C0: to=<u@dest>, relay=mx.dest[192.0.2.1]:25, delay=1, dsn=5.1.1, status=bounced ({reason})"
    )
    assert (row["event"], row["code"], row["enhanced_code"], row["text"]) == ("bounce", 550, "5.7.1", reason)


def test_the_enhanced_code_is_postfix_own_where_the_answer_has_none() -> None:
    row = of("local", '3FA2B1C0: to=<u@dest>, relay=local, delay=1, dsn=5.1.1, status=bounced (unknown user: "u")')
    assert (row["relay_host"], row["enhanced_code"], row["text"]) == ("local", "5.1.1", 'unknown user: "u"')
    assert "code" not in row


@pytest.mark.parametrize(
    ("status", "event", "final"),
    [
        ("sent", "delivery", True),
        ("bounced", "bounce", True),
        ("expired", "bounce", True),
        ("deferred", "deferral", False),
        ("SOFTBOUNCE", "deferral", False),
        ("deliverable", "other", None),
        ("undeliverable", "other", None),
        ("undeliverable-but-not-cached", "other", None),
    ],
)
def test_the_status_decides_what_the_event_is(status: str, event: str, final: bool | None) -> None:
    line = (
        f"Nov  9 23:01:40 mx1 postfix/smtp[1]: 3FA2B1C0: to=<a@b>, relay=none, delay=1, dsn=2.0.0, status={status} (x)"
    )
    (row,) = all_said(postfix, line)
    assert (row["event"], row["final"], row["known"], row["relay_host"]) == (event, final, True, None)


@pytest.mark.parametrize(
    "address",
    ['"a b"@x.example', '"a>, relay=evil[6.6.6.6]:25, delay=1"@x.example', "jürgen@exämple.de", "a+b=c@[IPv6:::1]"],
)
def test_an_address_is_the_whole_address(address: str) -> None:
    row = of("smtp", f"3FA2B1C0: to=<{address}>, relay=mx[192.0.2.1]:25, delay=1, dsn=2.0.0, status=sent (250 ok)")
    assert (row["recipient"], row["relay_address"]) == (address, "192.0.2.1")


def test_a_socket_is_the_address_of_a_local_relay() -> None:
    row = of(
        "lmtp", "3FA2B1C0: to=<a@b>, relay=mx1[private/dovecot-lmtp], delay=1, dsn=2.0.0, status=sent (250 2.0.0 Saved)"
    )
    assert (row["relay_host"], row["relay_address"]) == ("mx1", "private/dovecot-lmtp")


def test_a_delivery_line_that_was_cut_keeps_what_is_left_of_the_answer() -> None:
    row = of(
        "smtp", "3FA2B1C0: to=<a@b>, relay=mx[192.0.2.1]:25, delay=1, dsn=4.0.0, status=deferred (450 4.2.2 mailbox fu"
    )
    assert (row["event"], row["code"], row["text"]) == ("deferral", 450, "450 4.2.2 mailbox fu")


def test_each_line_of_a_mail_says_its_part_and_only_the_first_is_the_arrival() -> None:
    assert of("smtpd", "3FA2B1C0: client=mail.example.org[192.0.2.205]") == {
        "event": "arrival",
        "queue_id": "3FA2B1C0",
        "relay_host": "mail.example.org",
        "relay_address": "192.0.2.205",
    }
    assert of("cleanup", "3FA2B1C0: message-id=<x.y@example.org>") == {
        "event": "other",
        "queue_id": "3FA2B1C0",
        "message_id": "x.y@example.org",
    }
    assert of("qmgr", "3FA2B1C0: from=<s@example.org>, size=34432, nrcpt=3 (queue active)") == {
        "event": "other",
        "queue_id": "3FA2B1C0",
        "sender": "s@example.org",
        "size": 34432,
        "recipients": 3,
    }
    assert of("qmgr", "3FA2B1C0: removed") == {"event": "completion", "queue_id": "3FA2B1C0"}


def test_who_signed_in_and_who_called_sendmail_is_the_user() -> None:
    signed = "3FA2B1C0: client=unknown[192.0.2.9]:4711, sasl_method=PLAIN, sasl_username=bob@example.org"
    row = of("submission/smtpd", signed)
    assert (row["event"], row["user"], row["relay_port"]) == ("arrival", "bob@example.org", 4711)
    row = of("pickup", "3FA2B1C0: uid=1000 from=<bob>")
    assert (row["event"], row["user"], row["sender"]) == ("arrival", "1000", "bob")


def test_the_null_sender_is_empty_and_not_unknown() -> None:
    assert of("qmgr", "3FA2B1C0: from=<>, size=1, nrcpt=1 (queue active)")["sender"] == ""


@pytest.mark.parametrize(
    ("written", "message_id"),
    [("<a@b>", "a@b"), ("a@b", "a@b"), ("<>", None), ("", None), ("<a b <c@d>", "a b <c@d"), ("<ä@ö>", "ä@ö")],
)
def test_a_message_id_is_what_stands_in_its_brackets(written: str, message_id: str | None) -> None:
    assert of("cleanup", f"3FA2B1C0: message-id={written}").get("message_id") == message_id
    assert of("cleanup", f"3FA2B1C0: resent-message-id={written}").get("message_id") == message_id


def test_a_mail_that_expired_is_a_bounce_that_names_no_recipient() -> None:
    row = of("qmgr", "3FA2B1C0: from=<s@example.org>, status=expired, returned to sender")
    assert (row["event"], row["sender"], row["text"]) == ("bounce", "s@example.org", "expired, returned to sender")
    assert "recipient" not in row


def test_a_failed_try_at_one_host_is_no_event_yet_and_has_the_answer() -> None:
    row = of("smtp", "3FA2B1C0: host mx2[192.0.2.7] said: 450 4.7.1 <u@x>: Greylisted (in reply to RCPT TO command)")
    assert row == {
        "event": "other",
        "queue_id": "3FA2B1C0",
        "relay_host": "mx2",
        "relay_address": "192.0.2.7",
        "code": 450,
        "enhanced_code": "4.7.1",
        "text": "450 4.7.1 <u@x>: Greylisted",
    }


def test_a_number_in_a_reason_is_no_code() -> None:
    row = of(
        "smtp", "3FA2B1C0: to=<a@b>, relay=none, delay=1, dsn=4.4.1, status=deferred (connect to x[1.2.3.4]:250: 550)"
    )
    assert "code" not in row
