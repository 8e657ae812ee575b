"""What is checked of a domain's reports."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailevents_dagster.deliverability.dmarc.part import DMARC
from mailevents_dagster.health.verdicts import Verdict
from mailevents_dagster_tests.deliverability.dmarc.test_days import numbered
from mailevents_dagster_tests.deliverability.judged import Judged, judged
from mailevents_dagster_tests.deliverability.reports.samples import connections, record


@pytest.fixture
def here(tmp_path: Path) -> Judged:
    return judged(tmp_path)


def check(here: Judged, day: int, name: str, *records: str) -> Verdict:
    """Return what a check says of a day on which these records arrived."""
    if records:
        here.file(day, f"{day}.xml", numbered(day, *records))
    return here.make(DMARC, day).verdicts[name]


def test_every_check_that_is_offered_is_answered(here: Judged) -> None:
    assert here.make(DMARC, 0).verdicts.keys() == DMARC.checks.keys()


def test_a_new_source_that_passes_is_told(here: Judged) -> None:
    assert check(here, 0, "no_new_sources", record()).passed
    assert check(here, 1, "no_new_sources", record("192.0.2.77")).passed
    told = check(here, 2, "no_new_sources", record(), record("198.51.100.1", 4, dkim="fail", spf="pass"))
    assert not told.passed
    assert "1 source that no report named before passes DMARC: 198.51.100.0/24 (4 mails, by SPF)" in told.said
    assert told.numbers == {"sources": 1, "messages": 4}


def test_what_people_are_alerted_to_is_an_error(here: Judged) -> None:
    assert check(here, 0, "no_new_sources", record(count=50)).passed
    made = here.make(DMARC, 9).verdicts
    assert {name for name, verdict in made.items() if verdict.is_error} >= {"no_new_sources", "reports_arrive"}
    fallen = check(here, 10, "pass_rate", record(count=50, dkim="fail"))
    assert (fallen.passed, fallen.is_error) == (False, True)


def test_a_new_source_that_fails_is_none_of_ours(here: Judged) -> None:
    assert check(here, 0, "no_new_sources", record()).passed
    assert check(here, 1, "no_new_sources", record("198.51.100.1", dkim="fail")).passed


def test_a_source_is_new_on_its_first_day_alone_and_stays_so_when_that_is_made_again(here: Judged) -> None:
    assert check(here, 0, "no_new_sources", record()).passed
    assert not check(here, 1, "no_new_sources", record("198.51.100.1")).passed
    assert check(here, 2, "no_new_sources", record("198.51.100.9")).passed
    assert not check(here, 1, "no_new_sources").passed


def test_few_mails_of_a_new_source_are_not_told_where_the_settings_say_so(tmp_path: Path) -> None:
    here = judged(tmp_path, more=", new_source_mails: 10")
    assert check(here, 0, "no_new_sources", record()).passed
    assert check(here, 1, "no_new_sources", record("198.51.100.1", 9)).passed
    assert not check(here, 2, "no_new_sources", record("203.0.113.1", 10)).passed


def test_a_falling_share_of_mails_that_pass_is_told(here: Judged) -> None:
    def rate(day: int, passed: int) -> Verdict:
        return check(here, day, "pass_rate", record(count=passed), record("192.0.2.2", 100 - passed, dkim="fail"))

    assert rate(0, 98).said == "Too few mails to say."
    assert rate(1, 99).passed
    assert rate(2, 95).passed
    told = rate(3, 90)
    assert not told.passed
    assert told.said.startswith("90.0 % of 100 mails pass DMARC; in the two weeks before, 97.3 % did.")
    assert told.numbers == {"messages": 100, "pass_rate": 90.0, "usual_pass_rate": 97.33}


def test_a_share_of_few_mails_says_nothing(here: Judged) -> None:
    assert check(here, 0, "pass_rate", record(count=100)).passed
    assert check(here, 1, "pass_rate", record(count=19, dkim="fail")).said == "Too few mails to say."


def test_a_domain_of_which_no_report_arrives_any_more_is_told(here: Judged) -> None:
    assert check(here, 0, "reports_arrive", record()).passed
    assert [check(here, day, "reports_arrive").passed for day in (1, 2, 3, 4)] == [True, True, False, False]
    assert check(here, 5, "reports_arrive", record()).passed


def test_days_that_were_not_made_say_nothing_of_whether_reports_arrive(here: Judged) -> None:
    assert check(here, 0, "reports_arrive").passed
    assert check(here, 1, "reports_arrive").passed
    told = check(here, 2, "reports_arrive")
    assert not told.passed
    assert told.said.startswith("No DMARC report has arrived for 3 days.")


def test_what_was_left_out_of_a_report_is_told(here: Judged) -> None:
    told = check(here, 0, "reports_are_whole", record(), record(count="x"))
    assert not told.passed
    assert told.said.endswith("Receiver Inc.: record 2 has a count that is no number")


def test_what_a_report_of_connections_does_not_say_is_told(here: Judged) -> None:
    policies = [{"policy": {"policy-type": "sts", "policy-domain": "example.com"}}]
    here.file(0, "a.json", connections(policies=policies))
    told = here.make(DMARC, 0).verdicts["reports_are_whole"]
    assert not told.passed
    assert told.said.endswith("Receiver Inc.: policy 1 does not say how many connections there were")
