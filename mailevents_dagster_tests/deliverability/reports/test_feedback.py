"""Complaints, and reports of why a mail failed."""

from __future__ import annotations

import base64

import pytest

from mailevents_dagster.deliverability.reports.values import Feedback
from mailevents_dagster_tests.deliverability.reports.samples import aggregate, gzipped, kinds, one_feedback, read

ORIGINAL = """Message-ID: <mail-1@example.com>
From: News <news@example.com>
To: someone@receiver.example
Subject: November
Feedback-ID: november:news:example
Date: Fri, 20 Nov 2026 08:00:00 +0000

text"""


def report(fields: str, original: str = ORIGINAL, type_: str = "message/rfc822") -> bytes:
    return f"""From: fbl@receiver.example
Message-ID: <r1@receiver.example>
Subject: complaint
Date: Fri, 20 Nov 2026 09:00:00 +0000
Content-Type: multipart/report; report-type=feedback-report; boundary=b

--b
Content-Type: text/plain

This is a report.
--b
Content-Type: message/feedback-report

{fields}
--b
Content-Type: {type_}

{original}
--b--
""".encode()


ABUSE = """Feedback-Type: abuse
User-Agent: FBL/1.0
Version: 1
Original-Mail-From: <bounces@example.com>
Original-Rcpt-To: <someone@receiver.example>
Original-Rcpt-To: rfc822;other@receiver.example
Source-IP: 192.0.2.1
Incidents: 2
Reported-Domain: example.com
Reported-URI: https://example.com/a
Reported-URI: https://example.com/b
X-Own: a
 folded"""


def test_a_complaint_says_who_complained_of_which_mail() -> None:
    found = one_feedback(report(ABUSE))
    assert found.kind == "complaint"
    assert found.metadata == {
        "from": "fbl@receiver.example",
        "message_id": "r1@receiver.example",
        "date": "2026-11-20T09:00:00+00:00",
        "subject": "complaint",
    }
    assert found.feedback == {
        "feedback_type": "abuse",
        "user_agent": "FBL/1.0",
        "version": "1",
        "original_mail_from": "bounces@example.com",
        "original_rcpt_to": ["someone@receiver.example", "other@receiver.example"],
        "source_ip": "192.0.2.1",
        "incidents": 2,
        "reported_domain": ["example.com"],
        "reported_uri": ["https://example.com/a", "https://example.com/b"],
        "x_own": "a folded",
    }
    assert found.original["message_id"] == "mail-1@example.com"
    assert found.original["from"] == "news@example.com"
    assert found.original["feedback_id"] == "november:news:example"


def test_a_failure_report_is_told_apart() -> None:
    fields = """Feedback-Type: Auth-Failure
Auth-Failure: dmarc
Identity-Alignment: none
DKIM-Domain: example.com
SPF-DNS: txt : example.com : "v=spf1 -all"
Delivery-Result: reject
Source-IP: 2001:db8::1"""
    found = one_feedback(report(fields, ORIGINAL.split("\n\n", maxsplit=1)[0] + "\n", "text/rfc822-headers"))
    assert found.kind == "dmarc-failure"
    assert found.feedback["identity_alignment"] == "none"
    assert found.feedback["spf_dns"] == ['txt : example.com : "v=spf1 -all"']
    assert found.original["subject"] == "November"
    assert one_feedback(report("Auth-Failure: spf\nVersion: 1")).kind == "dmarc-failure"
    assert one_feedback(report("Feedback-Type: not-spam")).kind == "complaint"


def test_a_report_whose_fields_are_called_text_is_read() -> None:
    found = one_feedback(report(ABUSE).replace(b"Content-Type: message/feedback-report", b"Content-Type: text/plain"))
    assert (found.kind, found.feedback["source_ip"]) == ("complaint", "192.0.2.1")
    assert found.original["message_id"] == "mail-1@example.com"


def test_a_report_without_the_mail_that_it_is_about_is_whole() -> None:
    cut = report(ABUSE).partition(b"--b\nContent-Type: message/rfc822")[0] + b"--b--\n"
    found = one_feedback(cut)
    assert found.original == {}
    assert found.feedback["source_ip"] == "192.0.2.1"


def test_the_same_report_has_the_same_key_and_another_has_not() -> None:
    one = one_feedback(report(ABUSE))
    assert one.key == one_feedback(report(ABUSE)).key
    assert one.key != one_feedback(report(ABUSE.replace("someone@", "nobody@"))).key
    assert one.key != one_feedback(report(ABUSE).replace(b"<r1@", b"<r2@")).key


def test_hotmails_complaints_say_who_complained_in_the_mail_itself() -> None:
    original = "X-HmXmrOriginalRecipient: <someone@hotmail.example>\n" + ORIGINAL
    content = f"""From: staff@hotmail.com
Subject: complaint about message from 192.0.2.1
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: message/rfc822

{original}
--b--
"""
    found = one_feedback(content.encode())
    assert found.kind == "complaint"
    assert found.feedback == {"source_ip": "192.0.2.1", "original_rcpt_to": ["someone@hotmail.example"]}
    assert found.original["message_id"] == "mail-1@example.com"


def test_a_failure_that_a_gateway_tells_in_words_is_read() -> None:
    told = f"""From: gateway@receiver.example
Subject: DMARC failure
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain

A message claiming to be from you has failed the published DMARC policy.

  Sender Domain: Example.com
  Sender IP Address: 192.0.2.1
  Received Date: Fri, 20 Nov 2026 08:00:00 +0000
  SPF Alignment: no
  Something Else: x
--b
Content-Type: message/rfc822

{ORIGINAL}
--b--
"""
    found = one_feedback(told.encode())
    assert (found.kind, found.original["message_id"]) == ("dmarc-failure", "mail-1@example.com")
    assert found.feedback == {
        "reported_domain": ["Example.com"],
        "source_ip": "192.0.2.1",
        "arrival_date": "Fri, 20 Nov 2026 08:00:00 +0000",
        "spf_alignment": "no",
    }
    assert read(told.replace("Sender IP Address", "Somewhere").encode())[0].kind == "broken"


def test_a_report_with_endless_fields_is_bounded() -> None:
    endless = "\n".join(f"Reported-URI: https://example.com/{n}" for n in range(200_000))
    found = one_feedback(report(f"Feedback-Type: abuse\n{endless}"))
    assert found.feedback["feedback_type"] == "abuse"
    assert len(found.feedback["reported_uri"]) < 50_000


FAILURE = """Feedback-Type: auth-failure
Auth-Failure: dmarc
Source-IP: 192.0.2.1"""


@pytest.mark.parametrize("written", ["auth-failure (DMARC)", "Auth-Failure;", "auth-failure"])
def test_what_stands_behind_the_type_of_a_report_changes_nothing(written: str) -> None:
    assert one_feedback(report(FAILURE.replace("auth-failure", written))).kind == "dmarc-failure"


def test_blank_lines_between_fields_end_nothing() -> None:
    found = one_feedback(report(ABUSE.replace("Source-IP", "\n\nSource-IP")))
    assert found.feedback["source_ip"] == "192.0.2.1"


def test_a_field_that_says_one_thing_and_another_is_named() -> None:
    assert one_feedback(report(f"{ABUSE}\nVersion: 1")).left_out == ()
    found = one_feedback(report(f"{ABUSE}\nSource-IP: 192.0.2.2"))
    assert found.feedback["source_ip"] == "192.0.2.1"
    assert found.left_out == ("source-ip says one thing and another: the first counts",)


@pytest.mark.parametrize(
    "head", ["application/octet-stream; name=report", "text/plain\nContent-Disposition: attachment"]
)
def test_fields_of_another_type_are_found_by_what_they_say(head: str) -> None:
    typed = report(FAILURE).replace(b"message/feedback-report", head.encode())
    found = one_feedback(typed)
    assert (found.kind, found.feedback["source_ip"]) == ("dmarc-failure", "192.0.2.1")
    assert found.original["message_id"] == "mail-1@example.com"


def test_the_mail_is_found_where_its_type_is_another() -> None:
    found = one_feedback(report(ABUSE, type_="application/octet-stream; name=mail.eml"))
    assert found.original["message_id"] == "mail-1@example.com"


def test_each_of_several_complaints_of_a_mail_has_its_own_mail() -> None:
    one, two = report(ABUSE), report(ABUSE, ORIGINAL.replace("mail-1", "mail-2"))
    both = one.removesuffix(b"--b--\n") + two.partition(b"This is a report.\n")[2]
    found = read(both)
    assert [one.original["message_id"] for one in found if isinstance(one, Feedback)] == [
        "mail-1@example.com",
        "mail-2@example.com",
    ]


def test_a_dmarc_report_beside_a_complaint_is_read_too() -> None:
    head = b"--b\nContent-Type: application/gzip\nContent-Transfer-Encoding: base64\n\n"
    packed = head + base64.encodebytes(gzipped(aggregate())) + b"--b--\n"
    assert kinds(read(report(ABUSE).replace(b"--b--\n", packed))) == ["complaint", "dmarc-aggregate"]


def test_a_dmarc_report_that_is_called_a_complaint_is_read() -> None:
    typed = report("x").replace(
        b"feedback-report\n\nx",
        b"feedback-report\nContent-Transfer-Encoding: base64\n\n" + base64.b64encode(aggregate()),
    )
    assert kinds(read(typed.partition(b"--b\nContent-Type: message/rfc822")[0] + b"--b--\n")) == ["dmarc-aggregate"]


def test_the_mail_that_failed_may_stand_in_the_words_of_a_gateway() -> None:
    head = ORIGINAL.partition("\n\n")[0]
    words = f"""From: gateway@receiver.example
Subject: DMARC Forensic Report for example.com from IP 192.0.2.1

A message claiming to be from you has failed the published DMARC
policy for your domain.

  Sender Domain: example.com
  Sender IP Address: 192.0.2.1

------ This is a copy of the headers that were received before the error
       was detected.

{head}
"""
    found = one_feedback(words.encode())
    assert (found.kind, found.original["message_id"], found.original["from"]) == (
        "dmarc-failure",
        "mail-1@example.com",
        "news@example.com",
    )
