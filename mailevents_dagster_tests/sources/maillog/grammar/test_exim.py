"""Exim: the lines of a mail's way."""

from __future__ import annotations

from typing import Any

import pytest

from mailevents_dagster.sources.maillog.grammar import exim
from mailevents_dagster_tests.sources.maillog.grammar.saying import all_said, said

ID = "1vPfXY-0005vi-00"
REFUSED = "SMTP error from remote mail server after pipelined RCPT TO:<a@b>:"


def of(words: str) -> dict[str, Any]:
    """What a line of a mail says, without its id and the program."""
    row = said(exim, f"2026-11-29 23:01:40 {ID} {words}")
    assert (row.pop("queue_id"), row.pop("program")) == (ID, "exim")
    return row


def test_an_arrival_says_who_sent_what_from_where() -> None:
    words = (
        "<= s@example.org H=host.example (helo) [2001:db8::1]:4711 I=[192.0.2.1]:25 P=esmtpsa X=TLS1.3:AES:256 CV=no "
        "A=plain_login:bob@example.org K S=5678 M8S=8 RT=0.1s id=x.y@example.org from <s@example.org> for a@b c@d"
    )
    assert of(words) == {
        "event": "arrival",
        "sender": "s@example.org",
        "message_id": "x.y@example.org",
        "relay_host": "host.example",
        "relay_address": "2001:db8::1",
        "relay_port": 4711,
        "helo": "helo",
        "tls": "TLS1.3:AES:256",
        "size": 5678,
        "user": "bob@example.org",
        "recipients": 2,
    }


def test_only_the_address_of_a_client_can_be_relied_on() -> None:
    row = of("<= a@b H=([10.1.1.1]) [192.0.2.34] P=smtp S=1")
    assert (row["relay_address"], row["helo"]) == ("192.0.2.34", "[10.1.1.1]")
    assert "relay_host" not in row


def test_the_null_sender_is_empty_and_a_local_user_is_the_user() -> None:
    row = of("<= <> R=1vPfXX-0005vi-00 U=Debian-exim P=local S=1234 id*=E1@mx")
    assert (row["sender"], row["user"], row["message_id"]) == ("", "Debian-exim", "E1@mx")


def test_a_subject_is_what_stood_in_the_mail_and_nothing_else_is_taken_from_it() -> None:
    row = of(r'<= a@b P=local S=12 T="Re: \"hi\" H=evil [6.6.6.6] A=plain:root X=none" from <a@b> for "x y"@c d@e')
    assert (row["subject"], row["recipients"]) == ('Re: "hi" H=evil [6.6.6.6] A=plain:root X=none', 2)
    assert not {"relay_host", "user", "tls"} & row.keys()


@pytest.mark.parametrize(
    ("logged", "subject"),
    [
        (r"gr\303\274\303\237e", "grüße"),
        (r"a \\303 b", r"a \303 b"),
        (r"not UTF-8: \377", r"not UTF-8: \377"),
        (r"no byte: \777", r"no byte: \777"),
        (r"two\nlines\t.", "two\nlines\t."),
    ],
)
def test_a_subject_is_shown_without_the_escapes_of_the_log(logged: str, subject: str) -> None:
    assert of(f'<= a@b P=local S=12 T="{logged}"')["subject"] == subject


def test_names_in_certificates_and_recipients_are_not_taken_for_fields() -> None:
    row = of('<= a@b H=h [192.0.2.1] P=esmtps CV=no DN="CN=x, A=plain:root, O=y" SNI="q A=x:y" S=7 for X=1@x A=b:c@d')
    assert (row["size"], row["recipients"]) == (7, 2)
    assert not {"user", "tls"} & row.keys()


def test_a_mail_that_was_refused_to_the_sender_only_is_an_arrival() -> None:
    assert of("(= a@b H=h [192.0.2.1] P=smtp S=1")["event"] == "arrival"


def test_a_delivery_says_whom_it_reached_how_and_when() -> None:
    words = (
        "=> final@example.com (mid@example.com) <original@example.com> F=<s@x> P=<s@x> R=dnslookup T=remote_smtp S=99 "
        'H=mx.example.com [2001:db8::1]:25* X=TLS1.3:AES:256 CV=yes DN="CN=x" C="250 2.0.0 Ok: queued" QT=1m5s DT=0.3s'
    )
    assert of(words) == {
        "event": "delivery",
        "sender": "s@x",
        "recipient": "final@example.com",
        "original_recipient": "original@example.com",
        "relay_host": "mx.example.com",
        "relay_address": "2001:db8::1",
        "relay_port": 25,
        "tls": "TLS1.3:AES:256",
        "code": 250,
        "enhanced_code": "2.0.0",
        "text": "250 2.0.0 Ok: queued",
        "delay": 65.0,
        "delays": "0.3s",
    }


@pytest.mark.parametrize(
    ("flag", "event"), [("=>", "delivery"), ("->", "delivery"), (">>", "delivery"), ("*>", "other")]
)
def test_the_flag_decides_what_the_event_is(flag: str, event: str) -> None:
    row = of(f'{flag} a@b R=r T=t H=h [192.0.2.1] C="250 OK"')
    assert (row["event"], row["recipient"], row["relay_host"]) == (event, "a@b", "h")


@pytest.mark.parametrize(
    ("written", "recipient", "original"),
    [
        ("local <LOCAL@x.example>", "local", "LOCAL@x.example"),
        ('"a b"@x <"c d>e"@y>', '"a b"@x', '"c d>e"@y'),
        ('c d@x <"c d"@x>', "c d@x", '"c d"@x'),
        ("jürgen@exämple.de", "jürgen@exämple.de", None),
        ("|/usr/bin/vacation -x A=b <u@x>", "u@x", "u@x"),
        ("/home/u/mail box <u@x>", "u@x", "u@x"),
        (":blackhole: <hole@x>", "hole@x", "hole@x"),
        (">reply@x <u@x>", "u@x", "u@x"),
        ("discarded <u@x>", "u@x", "u@x"),
        ("a@b (c@d, e@f) <g@h>", "a@b", "g@h"),
    ],
)
def test_the_recipient_is_the_final_address(written: str, recipient: str, original: str | None) -> None:
    row = of(f"=> {written} R=r T=t")
    assert (row["event"], row["recipient"], row.get("original_recipient")) == ("delivery", recipient, original)


def test_nothing_is_taken_from_what_the_other_side_answered() -> None:
    row = of(r'=> a@b R=r T=lmtp C="250 2.0.0 \"ok\" H=evil [6.6.6.6] X=none QT=5d"')
    assert row["text"] == r"250 2.0.0 \"ok\" H=evil [6.6.6.6] X=none QT=5d"
    assert not {"relay_host", "tls", "delay"} & row.keys()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("** jim@x.example: Unrouteable address", {"recipient": "jim@x.example", "text": "Unrouteable address"}),
        ("** jim@[IPv6:2001:db8::1]: retry timeout exceeded", {"recipient": "jim@[IPv6:2001:db8::1]"}),
        ("** jim@x <jam@y>: unknown mail domain", {"recipient": "jim@x", "original_recipient": "jam@y"}),
        (
            f"** a@b F=<s@x> R=r T=t H=mx [2001:db8::5]:25 X=TLS:A DT=1s: {REFUSED} 550-5.1.1 no\\n550 5.1.1 user",
            {"relay_address": "2001:db8::5", "relay_port": 25, "code": 550, "enhanced_code": "5.1.1", "sender": "s@x"},
        ),
        (
            "** a@b R=r T=t: SMTP error from remote mailer after RCPT TO:<a@b>: host mx.b [192.0.2.1]: 553 5.3.0 no",
            {"relay_host": "mx.b", "relay_address": "192.0.2.1", "code": 553, "enhanced_code": "5.3.0"},
        ),
        ("** a@b R=r T=t H=h [192.0.2.1]: SMTP error from remote mail server after end of data: 554 no", {"code": 554}),
        ("** a@b R=r T=t H=h [192.0.2.1]: LMTP error after RCPT TO:<a@b>: 550 no", {"code": 550}),
        ("** a@b F=<s@x> R=r: no longer here DT=0.001s", {"text": "no longer here", "delays": "0.001s"}),
        ('** c d@x <"c d"@x> R=r: no', {"recipient": "c d@x", "original_recipient": '"c d"@x', "text": "no"}),
        ("** |/bin/false <u@x> R=r T=t: Child process returned 1", {"recipient": "u@x", "original_recipient": "u@x"}),
        ("** a@b R=r: Remote host closed connection: 550", {"code": None}),
    ],
)
def test_a_bounce_says_who_refused_whom_and_why(words: str, expected: dict[str, Any]) -> None:
    row = of(words)
    assert row["event"] == "bounce"
    assert {name: row.get(name) for name in expected} == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("== a@b R=r T=t defer (111): Connection refused", {"text": "Connection refused", "recipient": "a@b"}),
        ("== a@b routing defer (-52): retry time not reached", {"text": "retry time not reached"}),
        ("== a@b <c@d> R=r defer (-1): forced: to defer", {"text": "forced: to defer", "original_recipient": "c@d"}),
        (
            f"== a@b R=r T=t defer (-44) H=h [192.0.2.1]:25 DT=2s: {REFUSED} 451 no",
            {"relay_host": "h", "relay_port": 25, "code": 451, "delays": "2s"},
        ),
        (
            "== a@b R=r T=t defer (110): Connection timed out H=h [192.0.2.1]: SMTP timeout after DATA",
            {"relay_host": "h", "text": "Connection timed out: SMTP timeout after DATA"},
        ),
        ("== a@b R=r defer (-1) DT=0.002s: try later", {"text": "try later", "delays": "0.002s"}),
        ('== c d@x <"c d"@x> R=r defer (-1): no', {"recipient": "c d@x", "original_recipient": '"c d"@x'}),
        ("== |/no <u@x> R=r defer (-30): pipe_transport unset", {"recipient": "u@x", "text": "pipe_transport unset"}),
    ],
)
def test_a_deferral_is_not_the_last_word(words: str, expected: dict[str, Any]) -> None:
    row = of(words)
    assert (row["event"], row["final"]) == ("deferral", False)
    assert {name: row.get(name) for name in expected} == expected


def test_a_completion_may_say_how_long_it_took() -> None:
    assert of("Completed") == {"event": "completion"}
    assert of("Completed QT=1w2d3h4m5s") == {"event": "completion", "delay": 788_645.0}


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("2026-11-29 23:01:40.123 +0300 [4711] ", {"pid": 4711, "program": "exim", "host": None}),
        ("2026-11-29 23:01:40 -0500 ", {"pid": None, "program": "exim"}),
        ("Nov 29 23:01:40 mx1 exim[123]: 2026-11-29 23:01:40 [123] ", {"host": "mx1", "pid": 123}),
        ("Nov  9 23:01:40 mx1 exim4: ", {"host": "mx1", "program": "exim4", "pid": None}),
        ("Nov 29 23:01:40 mx1 exim[123]: [1/3] 2026-11-29 23:01:40 ", {"pid": 123}),
        (r"Nov 29 23:01:40 mx1 exim[123]: [1\2] ", {"pid": 123}),
        ("2026-11-29T23:01:40.123456+03:00 mx1 mailer[9]: ", {"program": "mailer", "pid": 9}),
        ("2026-11-29T20:01:40Z mx1 exim[9]: 2026-11-29 23:01:40 ", {"host": "mx1"}),
    ],
)
@pytest.mark.parametrize("queue_id", [ID, "1vPfXY-000000005vi-0000"])
def test_lines_come_with_many_heads(head: str, queue_id: str, expected: dict[str, Any]) -> None:
    (row,) = all_said(exim, f"{head}{queue_id} ** a@b: Unrouteable address")
    assert (row["event"], row["queue_id"], row["recipient"], row["text"]) == (
        "bounce",
        queue_id,
        "a@b",
        "Unrouteable address",
    )
    assert {name: row[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("words", "tls"),
    [
        ('=> a@b R=r T=t H=mx.b [192.0.2.7] X=TLS1.3:AES:256 CV=no C="250 OK"', "TLS1.3:AES:256"),
        ('=> a@b R=r T=t H=mx.b [192.0.2.7] C="250 OK"', "none"),
        (f"** a@b R=r T=t H=mx.b [192.0.2.7]: {REFUSED} 550 no", "none"),
        ("** a@b: Unrouteable address", None),
        ("=> bob <bob@b> R=local T=mail_spool", None),
        (f"== a@b R=r T=t defer (-44) H=mx.b [192.0.2.7]: {REFUSED} 450 later", None),
        ("<= s@example.org H=host.example [192.0.2.9] P=esmtp S=5678", None),
    ],
)
def test_a_line_says_that_there_was_no_tls_only_where_it_would_have_said_which(words: str, tls: str | None) -> None:
    assert of(words).get("tls") == tls
