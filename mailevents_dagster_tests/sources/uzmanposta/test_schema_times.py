"""The times of records and recipients: whole seconds of this era, from what is exactly one."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest

from mailevents_dagster.sources.uzmanposta.schema import (
    LAST_SECOND,
    record_time,
)
from mailevents_dagster_tests.sources.uzmanposta.typed_rows import CATEGORIES, HUGE, MISSING, TIME, recipients

TIMES = [
    (TIME, TIME),
    (0, 0),
    (LAST_SECOND, LAST_SECOND),
    (LAST_SECOND + 1, None),
    (TIME * 1000, None),
    (HUGE, None),
    (-1, None),
    (float(TIME), TIME),
    (TIME + 0.5, None),
    (math.nan, None),
    (math.inf, None),
    (str(TIME), TIME),
    (f"  {TIME}\t", TIME),
    (f"{TIME}.0", TIME),
    (f"{TIME}.5", None),
    ("-1", None),
    ("2026-11-20T00:00:00Z", None),
    ("", None),
    (True, None),
    (False, None),
    ([TIME], None),
    ({"time": TIME}, None),
    (None, None),
    (MISSING, None),
]
TIME_IDS = ["huge" if value is HUGE else "missing" if value is MISSING else repr(value) for value, _ in TIMES]


def with_field(name: str, value: object) -> dict[str, object]:
    return {} if value is MISSING else {name: value}


@pytest.mark.parametrize(("value", "time"), TIMES, ids=TIME_IDS)
def test_the_time_of_a_recipient_is_whole_seconds_in_this_era(value: object, time: int | None) -> None:
    row = recipients([with_field("time", value)])
    assert isinstance(row, list)
    assert row[0]["time"] == (None if time is None else datetime.fromtimestamp(time, UTC))


@pytest.mark.parametrize("category", CATEGORIES)
@pytest.mark.parametrize(("value", "time"), TIMES, ids=TIME_IDS)
def test_the_time_of_a_record_is_whole_seconds_in_this_era(category: str, value: object, time: int | None) -> None:
    found = record_time(category, with_field("time", value))
    assert found == time
    assert found is None or type(found) is int


@pytest.mark.parametrize(("value", "time"), TIMES, ids=TIME_IDS)
def test_the_time_of_a_mail_is_that_of_its_first_recipient_and_else_its_own(value: object, time: int | None) -> None:
    record = {"recipients": [with_field("time", value), {"time": 5}], "time": 7}
    assert record_time("mail", record) == (7 if time is None else time)


@pytest.mark.parametrize("odd", [None, [], {}, [None], ["x"], [[{"time": 5}]], "x", 5, True])
def test_the_time_of_a_mail_without_a_readable_recipient_is_its_own(odd: object) -> None:
    assert record_time("mail", {"recipients": odd, "time": 7}) == 7
    assert record_time("mail", {"recipients": odd, "timestamp": 8, "starttime": 9}) is None


def test_the_time_of_a_mail_with_one_recipient_outside_a_list_is_that_of_the_recipient() -> None:
    assert record_time("mail", {"recipients": {"time": "5"}, "time": 7}) == 5


@pytest.mark.parametrize("category", ["quarantine", "authentication"])
def test_the_time_of_other_records_is_the_first_of_three_fields_that_can_be_read(category: str) -> None:
    assert record_time(category, {"starttime": 9, "timestamp": 8, "time": 7}) == 7
    assert record_time(category, {"starttime": 9, "timestamp": "8", "time": None}) == 8
    assert record_time(category, {"starttime": 9, "timestamp": True, "time": "soon"}) == 9
    assert record_time(category, {"starttime": -1, "recipients": [{"time": 5}]}) is None
    assert record_time(category, {}) is None
