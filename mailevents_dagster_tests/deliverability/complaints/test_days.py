"""Days of complaints: by name, once each, and by the rates that services tell."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailevents_dagster.deliverability.complaints.part import COMPLAINTS
from mailevents_dagster_tests.deliverability.judged import Judged, judged, rows
from mailevents_dagster_tests.deliverability.reports.test_feedback import ABUSE, report


@pytest.fixture
def here(tmp_path: Path) -> Judged:
    return judged(tmp_path)


def numbered(number: int, fields: str = ABUSE) -> bytes:
    return report(fields).replace(b"<r1@", f"<r{number}@".encode())


def test_a_complaint_says_who_complained_of_what(here: Judged) -> None:
    here.mail(0, numbered(1), b"Subject: hello\n\nhello")
    made = here.make(COMPLAINTS, 0)
    first, second = rows(made)
    assert (first["recipient"], second["recipient"]) == ("someone@receiver.example", "other@receiver.example")
    wanted = ("kind", "feedback_type", "source_ip", "from_address", "message_id", "feedback_id")
    assert [first[name] for name in wanted] == [
        "complaint",
        "abuse",
        "192.0.2.1",
        "news@example.com",
        "mail-1@example.com",
        "november:news:example",
    ]
    assert made.numbers == {"complaints": 2, "complaints_taken_back": 0, "complaints_repeated": 0}
    assert all(verdict.passed for verdict in made.verdicts.values())


def test_a_complaint_counts_once_over_all_days(here: Judged) -> None:
    for day in (0, 1):
        here.mail(day, numbered(1), numbered(1), numbered(10 + day))
    assert [here.make(COMPLAINTS, day).numbers["complaints"] for day in (0, 1, 0, 1)] == [4, 2, 4, 2]


def test_a_complaint_of_a_mail_of_another_domain_does_not_count(here: Judged) -> None:
    other = report(ABUSE.replace("example.com", "example.org"), "From: a@example.org\n\nx")
    nobody = report("Feedback-Type: abuse\nOriginal-Rcpt-To: a@receiver.example", "Subject: redacted\n\nx")
    here.mail(0, other, nobody)
    assert [row["recipient"] for row in rows(here.make(COMPLAINTS, 0))] == ["a@receiver.example"]


def test_who_takes_a_complaint_back_does_not_complain(here: Judged) -> None:
    here.mail(0, numbered(1, ABUSE.replace("abuse", "Not-Spam (folder)")))
    made = here.make(COMPLAINTS, 0)
    assert (made.numbers["complaints"], made.numbers["complaints_taken_back"]) == (0, 2)


def test_nobody_is_named_in_what_is_shown(here: Judged) -> None:
    here.mail(0, numbered(1))
    made = here.make(COMPLAINTS, 0)
    shown = f"{dict(made.numbers)} {made.said} {[verdict.said for verdict in made.verdicts.values()]} {here.said}"
    assert "receiver.example" not in shown
    assert made.verdicts.keys() == COMPLAINTS.checks.keys()
