"""What messages are for."""

from __future__ import annotations

import pytest

from mailevents_dagster.sources.messages.message import Kind
from mailevents_dagster_tests.sources.messages.messages_made import read


def report(report_type: str, *status: str) -> Kind:
    return read(
        f"Content-Type: multipart/report; report-type={report_type}; boundary=b",
        "Auto-Submitted: auto-replied",
        "",
        "--b",
        "",
        "text",
        "--b",
        f"Content-Type: message/{report_type}",
        "",
        *status,
        "--b--",
    ).kind


def test_reports_are_known_by_their_type() -> None:
    assert report("delivery-status", "Reporting-MTA: dns; x", "", "Action: failed") is Kind.BOUNCE
    assert report("delivery-status", "", "Action: delayed", "", "Action: delivered") is Kind.BOUNCE
    assert report("delivery-status") is Kind.BOUNCE
    assert report("disposition-notification") is Kind.RECEIPT
    assert report("feedback-report") is Kind.REPORT


def test_a_delivery_status_that_tells_of_deliveries_alone_is_a_receipt() -> None:
    assert report("delivery-status", "Action: delivered", "", "action: relayed (to x)") is Kind.RECEIPT


def test_a_bounce_that_somebody_passes_on_is_a_note() -> None:
    kind = read(
        "Content-Type: multipart/mixed; boundary=a",
        "",
        "--a",
        "Content-Type: message/rfc822",
        "",
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b",
        "",
        "--b",
        "Content-Type: message/delivery-status",
        "",
        "--b--",
        "--a--",
    ).kind
    assert kind is Kind.NOTE


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        (["From: MAILER-DAEMON@x", "Subject: x"], Kind.BOUNCE),
        (["From: MAILER-DAEMON <>", "Subject: Mail delivery failed"], Kind.BOUNCE),
        (["From: Mail Delivery Subsystem <a@x>", "Return-Path: <>"], Kind.BOUNCE),
        (["From: postmaster@x", "Subject: Undeliverable: x"], Kind.BOUNCE),
        (["From: System Administrator <a@x>", "Subject: Undeliverable: x"], Kind.BOUNCE),
        (["From: a@x", "Return-Path: <>", "Subject: failure notice"], Kind.BOUNCE),
        (["From: a@x", "X-Failed-Recipients: b@y"], Kind.BOUNCE),
        (["From: a@x", "Subject: failure notice"], Kind.NOTE),
        (["From: postmaster@x", "Subject: Welcome"], Kind.NOTE),
        (["From: a@x", "Auto-Submitted: auto-replied (vacation)", "Return-Path: <>"], Kind.AUTO_REPLY),
        (["From: a@x", "Auto-Submitted: auto-generated", "X-Auto-Response-Suppress: All"], Kind.AUTO_REPLY),
        (["From: a@x", "Auto-Submitted: auto-generated"], Kind.NOTE),
        (["From: a@x", "Auto-Submitted: no"], Kind.NOTE),
        (["From: a@x", "X-Autoreply: yes"], Kind.AUTO_REPLY),
        (["From: a@x", "X-Autorespond:"], Kind.NOTE),
        (["From: a@x", "Precedence: auto_reply"], Kind.AUTO_REPLY),
        (["From: a@x", "Precedence: bulk"], Kind.NOTE),
        (["From: staff@x", "Subject: complaint about message from 192.0.2.1"], Kind.REPORT),
        (["Content-Type: text/calendar; method=REQUEST"], Kind.MEETING),
        (["Content-Type: text/calendar"], Kind.MEETING),
        (["Content-Type: text/calendar", "Content-Disposition: attachment"], Kind.NOTE),
        ([], Kind.NOTE),
    ],
)
def test_the_header_tells_what_the_parts_do_not(fields: list[str], kind: Kind) -> None:
    assert read(*fields, "", "x").kind is kind


def test_a_calendar_among_alternatives_is_a_meeting_and_a_file_is_none() -> None:
    def kind(multipart: str) -> Kind:
        part = ["--b", "Content-Type: text/calendar", "", "BEGIN:VCALENDAR", "--b--"]
        return read(f"Content-Type: multipart/{multipart}; boundary=b", "", *part).kind

    assert kind("alternative") is Kind.MEETING
    assert kind("mixed") is Kind.NOTE
