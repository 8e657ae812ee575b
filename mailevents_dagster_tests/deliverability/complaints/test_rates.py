"""Rates of complaints that Gmail and Microsoft tell."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mailevents_dagster.deliverability.complaints import asking
from mailevents_dagster.deliverability.complaints.part import COMPLAINTS
from mailevents_dagster.deliverability.part import Made
from mailevents_dagster.health.verdicts import Verdict
from mailevents_dagster_tests.deliverability.complaints.simulated import SNDS_KEY, Services, account, simulated
from mailevents_dagster_tests.deliverability.judged import Judged, judged, rows

DAY = 10
"""20 November, counted from the first day."""


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    monkeypatch.setenv("SNDS_KEY", SNDS_KEY)
    monkeypatch.setattr(asking, "backoff", lambda _: 0.0)
    with simulated(Services()) as services:
        yield services


def gmail(folder: Path, services: Services, file: Path | None = None) -> Judged:
    key = file or account(folder, services.url)
    return judged(folder, more=f", google: {{service_account: {key}, base_url: '{services.url}'}}")


def outlook(folder: Path, services: Services) -> Judged:
    more = f", microsoft: {{key: '${{SNDS_KEY}}', base_url: '{services.url}/snds'}}"
    return judged(folder, more=more, environ={"SNDS_KEY": SNDS_KEY})


def make(here: Judged) -> Made:
    return here.make(COMPLAINTS, DAY)


def unanswered(here: Judged) -> str:
    made = make(here)
    verdict = made.verdicts["answered"]
    assert not verdict.passed
    assert [row["text"] for row in rows(made)] == [verdict.said]
    assert SNDS_KEY not in verdict.said
    return verdict.said


def test_gmails_rates_are_percent_by_day(tmp_path: Path, services: Services) -> None:
    services.stats = {
        "SPAM_RATE": [("2026-11-17", "", 0.0004), ("2026-11-18", "", 0.0)],
        'AUTH_SUCCESS_RATE auth_type = "dmarc"': [("2026-11-18", "", 0.99)],
    }
    made = make(gmail(tmp_path, services))
    assert [(str(row["date"]), row["metric"], row["value"]) for row in rows(made)] == [
        ("2026-11-17", "spam_rate", 0.04),
        ("2026-11-18", "spam_rate", 0.0),
        ("2026-11-18", "dmarc_success_rate", 99.0),
    ]
    assert (made.numbers["gmail_spam_rate"], made.numbers["gmail_day"]) == (0.0, "2026-11-18")
    assert made.verdicts["spam_rate"].passed
    assert services.asked == ["POST /token", "POST /v2/domains/example.com/domainStats:query"]


def test_each_feedback_id_has_its_rate_and_the_worst_is_named(tmp_path: Path, services: Services) -> None:
    services.ids = ["november", "december", 'quo"ted', "x" * 300]
    services.stats = {
        "SPAM_RATE": [("2026-11-20", "", 0.002)],
        'FEEDBACK_LOOP_SPAM_RATE feedback_loop_id = "november"': [("2026-11-20", "", 0.006)],
        'FEEDBACK_LOOP_SPAM_RATE feedback_loop_id = "december"': [("2026-11-20", "", 0.0001)],
    }
    made = make(gmail(tmp_path, services))
    found = {row["feedback_id"]: row["value"] for row in rows(made) if row["feedback_id"]}
    assert found == {"november": 0.6, "december": 0.01}
    assert made.numbers["gmail_worst_feedback_id"] == "november"
    assert made.said.splitlines()[2] == "| november | 2026-11-20 | 0.60 % |"
    verdict = made.verdicts["spam_rate"]
    assert (verdict.passed, verdict.is_error) == (False, False)
    assert "The highest rate has the Feedback-ID november, 0.60 %." in verdict.said


@pytest.mark.parametrize(("share", "passed", "is_error"), [(0.00099, 1, 0), (0.001, 0, 0), (0.003, 0, 1)], ids=str)
def test_a_rate_is_judged_as_gmail_judges_it(
    tmp_path: Path, services: Services, share: float, passed: int, is_error: int
) -> None:
    services.stats = {"SPAM_RATE": [("2026-11-20", "", share)]}
    verdict: Verdict = make(gmail(tmp_path, services)).verdicts["spam_rate"]
    assert (verdict.passed, verdict.is_error) == (bool(passed), bool(is_error))


def test_all_pages_are_read(tmp_path: Path, services: Services) -> None:
    services.page = 2
    services.stats = {"SPAM_RATE": [(f"2026-11-{day}", "", 0.0001 * day) for day in range(14, 21)]}
    assert len(rows(make(gmail(tmp_path, services)))) == 7
    assert len(services.asked) == 5


def test_a_service_that_fails_for_a_moment_is_asked_again(tmp_path: Path, services: Services) -> None:
    services.refusals = [503, 429]
    services.stats = {"SPAM_RATE": [("2026-11-20", "", 0.0001)]}
    assert make(gmail(tmp_path, services)).verdicts["answered"].passed


@pytest.mark.parametrize(
    ("statuses", "said"),
    [
        ([403], "may not see the domain"),
        ([404], "is not in Postmaster Tools"),
        ([401], "is not taken"),
        ([503] * 3, "answered 503. Try again later."),
        ([302], "answered 302"),
    ],
    ids=["403", "404", "401", "503", "302"],
)
def test_what_keeps_gmail_from_answering_is_said(
    tmp_path: Path, services: Services, statuses: list[int], said: str
) -> None:
    services.refusals = statuses
    assert said in unanswered(gmail(tmp_path, services))


def test_a_key_that_is_none_is_said(tmp_path: Path, services: Services) -> None:
    here = gmail(tmp_path, services)
    file = tmp_path / "account.json"
    for wrong in (
        "{",
        "[]",
        '{"token_uri": "https://x"}',
        '{"token_uri":"https://x","client_email":1,"private_key":"x"}',
    ):
        file.write_text(wrong)
        assert "is no key of a service account" in unanswered(here)
    account(tmp_path, services.url, token_uri="http://example.com/token")
    assert "without https" in unanswered(here)
    file.unlink()
    assert "cannot be read" in unanswered(here)
    account(tmp_path, services.url, token_uri=f"{services.url}/nothing")
    assert "Google's sign-in answered something else than JSON" in unanswered(here)


def test_nobody_there_is_said_without_the_key(tmp_path: Path, services: Services) -> None:
    (tmp_path / "outlook").mkdir()
    google, microsoft = gmail(tmp_path, services), outlook(tmp_path / "outlook", services)
    dead = "http://127.0.0.1:1"
    for here in (google, microsoft):
        file = here.folder / "mailevents.yaml"
        file.write_text(file.read_text().replace(services.url, dead))
    account(tmp_path, dead)
    from mailevents_dagster.sources.catalog import load_settings

    for here, name in ((google, "Google's sign-in"), (microsoft, "Microsoft's SNDS")):
        settings = load_settings(here.folder / "mailevents.yaml", {"SNDS_KEY": SNDS_KEY})
        assert unanswered(Judged(settings, here.folder)).startswith(name)


@pytest.mark.parametrize(
    "answer",
    [b"[]", b"{", b'{"domainStats": 1}', b'{"domainStats": [1]}', b'{"domainStats": [{"metric": "spam_rate"}]}'],
    ids=["list", "cut", "number", "numbers", "no-date"],
)
def test_what_is_not_as_documented_is_said(
    tmp_path: Path, services: Services, monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    monkeypatch.setattr(services, "_stats", lambda _: answer)
    assert "answered something else than" in unanswered(gmail(tmp_path, services))


def test_a_rate_without_a_number_is_none(tmp_path: Path, services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    date = '{"year": 2026, "month": 11, "day": 20}'
    answer = f'{{"domainStats": [{{"metric": "spam_rate", "date": {date}, "value": {{}}}}]}}'
    monkeypatch.setattr(services, "_stats", lambda _: answer.encode())
    made = make(gmail(tmp_path, services))
    assert [row["value"] for row in rows(made)] == [None]
    assert "gmail_spam_rate" not in made.numbers


def test_snds_tells_of_addresses(tmp_path: Path, services: Services) -> None:
    made = make(outlook(tmp_path, services))
    found = {(row["source_ip"], row["metric"]): (row["value"], row["text"]) for row in rows(made)}
    assert found["192.0.2.1", "filter_result"] == (0.0, "GREEN")
    assert found["192.0.2.1", "complaint_rate"] == (0.1, "< 0.1%")
    assert found["192.0.2.2", "complaint_rate"] == (2.5, "2.5%")
    assert found["192.0.2.2", "trap_hits"] == (3.0, "3")
    assert found["192.0.2.8-192.0.2.9", "blocked"] == (0.0, "Junked")
    assert {str(row["date"]) for row in rows(made)} == {"2026-11-20"}
    assert (made.numbers["outlook_addresses"], made.numbers["outlook_addresses_filtered"]) == (2, 1)
    verdict = made.verdicts["outlook_filter"]
    assert (verdict.passed, verdict.is_error) == (False, True)
    assert "Outlook.com blocks 192.0.2.2" in verdict.said


@pytest.mark.parametrize(
    "data",
    ["<html>\n", "192.0.2.1,short\n", "192.0.2.1,a,b,c,d,e,f,g,h,i,j\n\x00,\n", '"192.0.2.1\n'],
    ids=["page", "short", "junk", "open"],
)
def test_what_is_not_the_csv_is_said(tmp_path: Path, services: Services, data: str) -> None:
    services.data = data
    assert "something else than its CSV" in unanswered(outlook(tmp_path, services))


def test_a_key_that_snds_does_not_take_is_said(
    tmp_path: Path, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SNDS_KEY", "another")
    assert "a key that is not taken" in unanswered(outlook(tmp_path, services))


def test_an_endless_answer_is_refused(tmp_path: Path, services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "_LARGEST", 1_000)
    services.data = services.data * 100
    assert "answered more than" in unanswered(outlook(tmp_path, services))
