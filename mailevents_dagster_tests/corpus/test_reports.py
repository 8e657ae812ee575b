"""Reports that receivers sent."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailevents_dagster.deliverability.reports.reading import read_reports
from mailevents_dagster.deliverability.reports.values import Aggregate, Broken, Feedback, Report, Tls

pytestmark = pytest.mark.corpus

Row = tuple[str, str | None, list[tuple[str, int, str | None, str | None]]]

AGGREGATES: dict[str, Row] = {
    "!example.com!1538204542!1538463818.xml": (
        "example.com:1538463741",
        "example.com",
        [("12.20.127.122", 1, "none", "example.com")],
    ),
    "estadocuenta1.infonacot.gob.mx!example.com!1536853302!1536939702!2940.xml.zip": (
        "2940",
        "example.com",
        [("148.243.137.254", 1, "none", "example.com")],
    ),
    "fastmail.com!example.com!1516060800!1516147199!102675056.xml.gz": (
        "102675056",
        "indemed.com",
        [("104.195.80.20", 1, "none", "example.com")],
    ),
    "rfc9990-sample.xml": (
        "3v98abbp8ya9n3va8yr8oa3ya",
        "example.com",
        [("192.0.2.123", 123, "pass", "example.com")],
    ),
}


def only(file: Path) -> Report | Broken:
    with file.open("rb") as stream:
        (report,) = read_reports(file.name, stream)
        return report


def test_aggregate_reports_say_what_they_say(corpus: Path) -> None:
    for name, (report_id, domain, rows) in AGGREGATES.items():
        report = only(corpus / "dmarc" / name)
        assert isinstance(report, Aggregate), name
        assert (report.metadata["report_id"], report.policy["domain"]) == (report_id, domain)
        assert [
            (one["source_ip"], one["count"], one["policy_evaluated"]["disposition"], one["identifiers"]["header_from"])
            for one in report.records
        ] == rows
        assert (report.faults, report.left_out) == ((), ())


def test_reports_of_connections_say_what_they_say(corpus: Path) -> None:
    google = only(corpus / "dmarc" / "google.com_smtp_tls_report.eml")
    assert isinstance(google, Tls)
    assert google.policies[0]["summary"] == {"total_successful_session_count": 48, "total_failure_session_count": 0}
    example = only(corpus / "dmarc" / "rfc8460.json")
    assert isinstance(example, Tls)
    assert [one["failed_session_count"] for one in example.policies[0]["failure_details"]] == [100, 200, 3]


def test_reports_of_one_mail_say_what_they_say(corpus: Path) -> None:
    failure = only(corpus / "dmarc" / "dmarc_ruf_report_linkedin.eml")
    assert isinstance(failure, Feedback)
    assert (failure.kind, failure.feedback["source_ip"]) == ("dmarc-failure", "10.10.10.10")
    complaint = only(corpus / "mime" / "feedback-report.txt")
    assert isinstance(complaint, Feedback)
    assert (complaint.kind, complaint.feedback["original_rcpt_to"]) == ("complaint", ["user@example.com"])
    for file in (corpus / "bounces").glob("arf-*.eml"):
        assert only(file).kind == "complaint", file.name


def test_what_is_broken_is_said_to_be(corpus: Path) -> None:
    broken = only(corpus / "dmarc" / "invalid_xml.xml")
    assert isinstance(broken, Broken)
    assert not broken.is_something_else


def test_no_other_message_is_taken_for_a_report(corpus: Path) -> None:
    files = [*(corpus / "bounces").glob("*.eml"), *(corpus / "mime").glob("*.*")]
    others = [file for file in files if not file.name.startswith(("arf-", "feedback-report"))]
    assert others
    for file in others:
        report = only(file)
        assert isinstance(report, Broken), file.name
        assert report.is_something_else, file.name
