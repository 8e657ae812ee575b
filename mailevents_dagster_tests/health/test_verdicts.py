"""What is said of hours: values in, verdicts out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mailevents_dagster.health.verdicts import (
    INVARIANTS,
    Seen,
    complete,
    is_unusual,
    schema_known,
    volume_as_usual,
    well_formed,
)
from mailevents_dagster.model.columns import Fields, field_name
from mailevents_dagster.model.event import Gap, Origin
from mailevents_dagster.sources.uzmanposta.field_names import compared
from mailevents_dagster.store.manifest import Manifest
from mailevents_dagster.store.verify import Finding, Severity
from mailevents_dagster_tests.collecting.planned import hour_of, manifest_of
from mailevents_dagster_tests.conftest import INCOMING, NOON, mail

GAP = Gap(NOON.start + 100, 1001)
LOST = Gap(NOON.start, 0, NOON.start + 60, "the log begins there")


def seen(number: int = 0, *, weeks: tuple[int, ...] = (), **changes: Any) -> Seen:
    """An hour that holds everything, so far after noon, but for these changes of its manifest."""
    hour = hour_of(number)
    return Seen(hour.key, replace(manifest_of(INCOMING, hour), **changes), weeks=weeks)


def manifest(number: int, **changes: Any) -> Manifest:
    return replace(manifest_of(INCOMING, hour_of(number)), **changes)


def finding(kind: str) -> Finding:
    return Finding(str(INCOMING), NOON.key, Severity.DAMAGE, kind, "The file is gone.", "Restore it.")


# --- complete


def test_hours_that_are_listed_to_their_end_with_all_details_are_complete() -> None:
    verdict = complete([seen(0), seen(1)])

    assert verdict.passed
    assert (verdict.numbers["hours"], verdict.hours) == (2, [])


@pytest.mark.parametrize(
    ("changes", "number", "said"),
    [
        ({"details_owed": 3}, ("details_owed", 3), "3 details could not be had"),
        ({"gaps": (GAP,)}, ("truncated_seconds", 1), "1 seconds hold more events than the source shows"),
        ({"gaps": (LOST,)}, ("times_lost", 1), "Of 1 times the source shows nothing"),
    ],
)
def test_an_hour_that_lacks_something_is_an_error_once_it_is_closed(
    changes: dict[str, Any], number: tuple[str, int], said: str
) -> None:
    closed = complete([seen(0), seen(1, **changes)])
    still_open = complete([seen(0), seen(1, closed=False, **changes)])

    assert (closed.passed, closed.is_error, closed.hours) == (False, True, [hour_of(1).key])
    assert closed.numbers[number[0]] == number[1]
    assert said in closed.said
    assert (still_open.passed, still_open.is_error) == (False, False)


def test_an_hour_that_has_not_settled_is_a_warning() -> None:
    verdict = complete([seen(0, closed=False)])

    assert (verdict.passed, verdict.is_error, verdict.numbers["hours_open"]) == (False, False, 1)


def test_hours_that_failed_are_named_beside_those_that_were_done() -> None:
    verdict = complete([seen(0)], failed=[hour_of(1).key])

    assert (verdict.passed, verdict.is_error, verdict.hours) == (False, True, [hour_of(1).key])


def test_an_earlier_hour_that_is_still_incomplete_keeps_the_check_from_passing() -> None:
    running = manifest(1, closed=False, details_owed=5)
    earlier = [manifest(-1, details_owed=1), manifest(-2), manifest(0, details_owed=9), running]
    verdict = complete([seen(0)], earlier=earlier)

    assert (verdict.passed, verdict.is_error, verdict.hours) == (False, True, [hour_of(-1).key])
    assert (verdict.numbers["earlier_hours_incomplete"], verdict.numbers["details_owed"]) == (1, 1)


def test_hours_from_old_logs_are_counted_and_not_held_against_anybody() -> None:
    verdict = complete([seen(0)], earlier=[manifest(-1, origin=Origin.LOGS)])

    assert verdict.passed
    assert verdict.numbers["hours_from_old_logs"] == 1


def test_a_detail_that_the_api_no_longer_has_is_a_reason_and_no_fault() -> None:
    verdict = complete([replace(seen(0), without_detail={"purged": 2, "unasked": 1})])

    assert verdict.passed
    assert (verdict.numbers["details_purged"], verdict.numbers["details_unasked"]) == (2, 1)


def test_an_hour_whose_manifest_cannot_be_read_is_not_complete() -> None:
    verdict = complete([Seen(NOON.key, None)])

    assert (verdict.passed, verdict.is_error, verdict.hours) == (False, True, [NOON.key])


# --- well formed


@pytest.mark.parametrize("kind", sorted(INVARIANTS))
def test_each_invariant_is_counted_under_its_name(kind: str) -> None:
    verdict = well_formed([seen(0), replace(seen(1), findings=(finding(kind),))])

    assert (verdict.passed, verdict.is_error, verdict.hours) == (False, True, [hour_of(1).key])
    assert {name: count for name, count in verdict.numbers.items() if name in INVARIANTS.values() and count} == {
        INVARIANTS[kind]: 1
    }
    assert "Restore it." in verdict.said


def test_a_mail_that_stands_twice_in_its_hour_is_a_warning() -> None:
    verdict = well_formed([replace(seen(0), repeated=2)])

    assert (verdict.passed, verdict.is_error, verdict.numbers["mails_twice"]) == (False, False, 2)


# --- schema


def test_new_missing_and_retyped_fields_are_named_in_a_warning() -> None:
    fields = Fields(new=frozenset({"dkim_result", "recipients.tls"}), retyped=frozenset({"size"}))
    verdict = schema_known([seen(0), replace(seen(1), sampled=9, fields=fields, lost=frozenset({"srcip", "size"}))])

    assert (verdict.passed, verdict.is_error, verdict.hours) == (False, False, [hour_of(1).key])
    assert "in no column: dkim_result, recipients.tls." in verdict.said
    assert "none has now: srcip." in verdict.said
    assert "nested there: size." in verdict.said
    assert {name: number for name, number in verdict.numbers.items() if number} == {
        "records_sampled": 9,
        "fields_new": 2,
        "fields_missing": 1,
        "fields_retyped": 1,
    }


@pytest.mark.parametrize(("strange", "passed"), [(0, True), (5, True), (6, False)])
def test_records_that_no_rule_knows_are_a_warning_where_they_are_many(strange: int, passed: bool) -> None:
    verdict = schema_known([replace(seen(0, events=100), not_understood=strange)])

    assert (verdict.passed, verdict.is_error) == (passed, False)
    assert verdict.numbers["share_not_understood"] == strange / 100


def test_a_field_whose_name_may_be_data_is_counted_and_not_shown() -> None:
    names = frozenset(
        {"ali@example.com", field_name("secret.example"), field_name("recipients", "secret.example"), "tls"}
    )
    verdict = schema_known([replace(seen(0), fields=Fields(new=names))])

    assert "tls, 3 that are not names" in verdict.said
    assert "ali" not in verdict.said
    assert "secret" not in verdict.said


@pytest.mark.parametrize(
    ("record", "fields"),
    [
        ({}, Fields()),
        ({"size": "12"}, Fields()),
        ({"size": None}, Fields()),
        ({"size": "large"}, Fields(retyped=frozenset({"size"}))),
        ({"subject": 5}, Fields()),
        ({"subject": {"text": "a"}}, Fields(retyped=frozenset({"subject"}))),
        ({"recipients": "a@example.com"}, Fields(retyped=frozenset({"recipients"}))),
        ({"recipients": [{"time": "soon"}]}, Fields(retyped=frozenset({"recipients.time"}))),
        ({"recipients": [{"tls": True}]}, Fields(new=frozenset({"recipients.tls"}))),
        ({"logs": []}, Fields()),
        ({"dkim": "pass"}, Fields(new=frozenset({"dkim"}))),
        ({"example.com": 1}, Fields(new=frozenset({r"example\.com"}))),
        ({"recipients": [{"example.com": 1}]}, Fields(new=frozenset({r"recipients.example\.com"}))),
    ],
    ids=str,
)
def test_fields_are_compared_with_those_of_the_columns(record: dict[str, object], fields: Fields) -> None:
    found = compared("mail", [mail(5), {**mail(6), **record}], beside=["logs"])

    assert (found.new, found.retyped) == (fields.new, fields.retyped)


# --- volume


@pytest.mark.parametrize(
    ("events", "weeks", "unusual"),
    [
        (1000, (1000, 1000, 1000), False),
        (240, (1000, 1000, 1000), True),
        (0, (1000, 1000, 1000), True),
        (0, (700, 1300, 1000, 900), True),
        (260, (1000, 1000, 1000), False),
        (3999, (1000, 1000, 1000), False),
        (4100, (1000, 1000, 1000), True),
        (0, (40, 45, 50), False),
        (60, (3, 4, 5), True),
        (50, (3, 4, 5), False),
        (0, (0, 1000, 2000), False),
        (0, (0, 0, 0), False),
        (51, (0, 0, 0), True),
    ],
)
def test_an_hour_is_unusual_by_a_factor_and_a_number_and_what_the_weeks_differ(
    events: int, weeks: tuple[int, ...], *, unusual: bool
) -> None:
    assert is_unusual(events, weeks) is unusual


def test_hours_with_few_and_with_many_events_are_told_apart() -> None:
    weeks = (1000, 1000, 1000)
    verdict = volume_as_usual([seen(n, events=events, weeks=weeks) for n, events in enumerate((1000, 5, 9000))])

    assert (verdict.passed, verdict.is_error) == (False, False)
    assert (verdict.numbers["hours_with_few"], verdict.numbers["hours_with_many"]) == (1, 1)
    assert verdict.hours == [hour_of(1).key, hour_of(2).key]


def test_nothing_is_said_of_the_volume_before_there_are_three_weeks_to_compare_with() -> None:
    verdict = volume_as_usual([seen(0, events=0, weeks=(1000, 1000))])

    assert verdict.passed
    assert verdict.numbers["hours_compared"] == 0
    assert "Nothing to compare with yet" in verdict.said
