"""Days of who sends in a domain's name: each report counts once, whatever arrives and is made when."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailevents_dagster.deliverability.dmarc.chart import draw_sources
from mailevents_dagster.deliverability.dmarc.part import DMARC
from mailevents_dagster.deliverability.part import Made
from mailevents_dagster.summaries.charts import png
from mailevents_dagster_tests.deliverability.judged import Judged, judged, rows
from mailevents_dagster_tests.deliverability.reports.samples import METADATA, aggregate, connections, gzipped, record
from mailevents_dagster_tests.deliverability.reports.test_feedback import report as feedback
from mailevents_dagster_tests.deliverability.reports.test_packings import TEXT, mail, part


@pytest.fixture
def here(tmp_path: Path) -> Judged:
    return judged(tmp_path)


def numbered(number: int, *records: str) -> bytes:
    return aggregate(*records, metadata=METADATA.replace("2026-11-20.1", f"id-{number}"))


def mailed(content: bytes) -> bytes:
    return mail(TEXT, part(gzipped(content), "Content-Type: application/gzip; name=a.xml.gz"))


def counted(made: Made) -> tuple[float, float, float]:
    return tuple(float(made.numbers[name]) for name in ("reports", "messages", "reports_repeated"))  # type: ignore[return-value]


def test_a_day_is_made_of_what_arrived_on_it_by_mail_and_as_files(here: Judged) -> None:
    here.mail(0, mailed(numbered(1)), mailed(numbered(2, record(count=10, dkim="fail"))), b"Subject: hello\n\nhello")
    here.mail(1, mailed(numbered(3)))
    here.file(0, "a.xml", numbered(4, record(count=100)))
    here.file(1, "b.xml", numbered(5))
    made = here.make(DMARC, 0)
    assert counted(made) == (3, 113, 0)
    assert made.numbers["messages_passed"] == 103
    assert counted(here.make(DMARC, 1)) == (2, 6, 0)


def test_the_same_report_counts_once_on_a_day(here: Judged) -> None:
    here.mail(0, mailed(numbered(1)), mailed(numbered(1)))
    here.mail(0, mailed(numbered(1)), hour=10)
    here.file(0, "a.xml", numbered(1))
    assert counted(here.make(DMARC, 0)) == (1, 3, 3)


def test_a_report_that_arrives_again_on_another_day_does_not_count_there(here: Judged) -> None:
    for day in (0, 1, 30):
        here.mail(day, mailed(numbered(1)), mailed(numbered(100 + day)))
    assert counted(here.make(DMARC, 0)) == (2, 6, 0)
    assert counted(here.make(DMARC, 1)) == (1, 3, 1)
    assert counted(here.make(DMARC, 30)) == (1, 3, 1)


def test_a_day_made_again_is_the_same_in_any_order(here: Judged) -> None:
    for day in (0, 1):
        here.mail(day, mailed(numbered(1)), mailed(numbered(100 + day)))
    first = [counted(here.make(DMARC, day)) for day in (1, 0)]
    assert first == [(2, 6, 0), (1, 3, 1)]
    again = [counted(here.make(DMARC, day)) for day in (1, 0, 0, 1)]
    assert again == [*first, first[1], first[0]]


def test_what_came_late_into_a_day_is_counted_when_it_is_made_again(here: Judged) -> None:
    here.mail(0, mailed(numbered(1)))
    assert counted(here.make(DMARC, 0)) == (1, 3, 0)
    here.mail(0, mailed(numbered(2)), hour=23)
    assert counted(here.make(DMARC, 0)) == (2, 6, 0)


def test_reports_of_other_domains_do_not_count(here: Judged) -> None:
    here.mail(0, mailed(numbered(1).replace(b"example.com", b"example.org")))
    made = here.make(DMARC, 0)
    assert counted(made) == (0, 0, 0)
    assert rows(made) == []


def test_of_a_report_of_the_domain_above_only_the_own_mails_count(here: Judged) -> None:
    above = numbered(1, record(count=5), record(count=7).replace("example.com", "example.net"))
    here.mail(0, mailed(above.replace(b"<domain>example.com</domain><p>", b"<domain>com</domain><p>")))
    assert counted(here.make(DMARC, 0)) == (1, 5, 0)


def test_mails_that_are_alike_are_one_row(here: Judged) -> None:
    here.mail(0, mailed(numbered(1, *[record(count=2)] * 50, record("192.0.2.2"))))
    head, *sources = rows(here.make(DMARC, 0))
    assert (head["source_ip"], head["report_id"]) == (None, "id-1")
    assert [(row["source_ip"], row["messages"]) for row in sources] == [("192.0.2.1", 100), ("192.0.2.2", 3)]
    assert sources[0]["dkim_keys"] == ["s1._domainkey.example.com"]
    assert sources[0]["network"] == "192.0.2.0/24"


def test_reports_of_connections_and_failures_are_told(here: Judged) -> None:
    failure = feedback("Feedback-Type: auth-failure\nAuth-Failure: dmarc\nReported-Domain: example.com")
    elsewhere = feedback("Feedback-Type: auth-failure\nReported-Domain: a.example", "From: b@b.example\n\nx")
    complaint = feedback("Feedback-Type: abuse\nReported-Domain: example.com")
    here.mail(0, mailed(connections()), failure, elsewhere, complaint)
    made = here.make(DMARC, 0)
    numbers = ("tls_reports", "tls_sessions", "tls_sessions_failed", "failure_reports", "reports")
    assert [made.numbers[name] for name in numbers] == [1, 11, 2, 1, 0]


def test_a_broken_report_is_kept_named_and_counted_once(here: Judged) -> None:
    here.mail(0, mail(TEXT, part(b"PK\x03\x04", "Content-Type: application/zip; name=a.zip")))
    here.file(0, "a.txt", b"no report at all")
    made = here.make(DMARC, 0)
    assert made.numbers["reports_broken"] == 2
    check = made.verdicts["reports_are_whole"]
    assert not check.passed
    assert "a.zip: it is no whole zip file" in check.said
    assert "a.txt: neither XML" in check.said
    assert "@" not in check.said
    assert here.make(DMARC, 1).numbers["reports_broken"] == 0


def test_a_raw_message_that_is_lost_is_named(here: Judged) -> None:
    here.mail(0, mailed(numbered(1)))
    for blob in (here.folder / "data" / "blobs").rglob("*.zst"):
        blob.unlink()
    made = here.make(DMARC, 0)
    assert "its raw message cannot be read" in made.verdicts["reports_are_whole"].said


def test_a_folder_alone_is_looked_at_as_it_is_now(tmp_path: Path) -> None:
    here = judged(tmp_path, has_mailbox=False)
    assert DMARC.looks_at_the_world(here.settings, here.domain)
    here.file(0, "old.xml", numbered(1))
    here.file(3, "new.xml", numbered(2))
    here.file(3, ".partial.xml", b"<feed")
    assert counted(here.make(DMARC, 3)) == (2, 6, 0)
    here.file(4, "again.xml", numbered(2))
    here.file(4, "newer.xml", numbered(3))
    assert counted(here.make(DMARC, 4)) == (1, 3, 3)
    assert counted(here.make(DMARC, 3)) == (2, 6, 0)


def test_a_folder_that_is_not_there_is_an_error(here: Judged) -> None:
    (here.folder / "reports").rmdir()
    with pytest.raises(FileNotFoundError, match="reports"):
        here.make(DMARC, 0)


def test_a_day_without_reports_has_no_rows_and_no_chart(here: Judged) -> None:
    made = here.make(DMARC, 0)
    assert rows(made) == []
    assert (made.chart, made.said) == (None, "")
    assert "pass_rate" not in made.numbers


def test_a_day_with_sources_has_a_chart_and_a_table(here: Judged) -> None:
    here.mail(0, mailed(numbered(1, record(count=1_000), record("2001:db8:1::5", 7, dkim="fail"))))
    made = here.make(DMARC, 0)
    assert made.chart == b"drawn"
    assert png(draw_sources, made.rows).startswith(b"\x89PNG")
    assert made.said.splitlines()[2:] == [
        "| 192.0.2.0/24 | new | 1,000 | 1,000 | 0 | 1,000 |",
        "| 2001:db8:1::/48 | new | 7 | 0 | 0 | 0 |",
    ]


def test_no_report_of_a_stranger_makes_a_day_fail(here: Judged) -> None:
    here.file(0, "huge.xml", numbered(1, *[record(count=10**18 - 1)] * 20, record()))
    odd = {
        "policy": {"policy-type": {}, "policy-domain": "example.com"},
        "summary": {},
        "failure-details": [{"result-type": 7}],
    }
    here.file(0, "odd.json", connections(policies=[odd]).replace(b"Receiver Inc.", b"\\ud800"))
    made = here.make(DMARC, 0)
    assert (made.numbers["messages"], made.numbers["tls_reports"]) == (3, 1)
    assert not made.verdicts["reports_are_whole"].passed


def test_a_report_may_be_the_text_of_its_mail(here: Judged) -> None:
    head = b"From: dmarc@receiver.example\r\nSubject: [dmarc] Report Domain: example.com\r\n\r\n"
    here.mail(0, head + numbered(1), b"Subject: hello\r\n\r\n" + numbered(2))
    words = b"A message claiming to be from you has failed\r\n\r\nSender Domain: example.com\r\nSender IP Address: ::1"
    here.mail(0, b"Subject: DMARC Failure Report\r\n\r\n" + words, hour=3)
    made = here.make(DMARC, 0)
    assert counted(made) == (1, 3, 0)
    assert made.numbers["failure_reports"] == 1
