"""Told to wait by the API, a client waits as long as it was told, within reason, and loses no attempt by it."""

from __future__ import annotations

from email.utils import formatdate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailevents_dagster.sources.uzmanposta.answers import retry_after
from mailevents_dagster.sources.uzmanposta.api import UzmanPostaApi
from mailevents_dagster.sources.uzmanposta.errors import Cause, PermanentError
from mailevents_dagster.sources.uzmanposta.simulator import Answer, Simulator
from mailevents_dagster_tests.conftest import START, MakeApi
from mailevents_dagster_tests.sources.uzmanposta.calling import failure, listed


@pytest.mark.parametrize(
    ("header", "shortest", "longest"),
    [
        ("7", 6.9, 7.0),
        ("1.5", 1.4, 1.5),
        ("0", 0.0, 0.0),
        ("-3", 0.0, 0.0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0, 0.0),
        (None, 1.9, 2.0),
        ("soon", 1.9, 2.0),
        ("nan", 1.9, 2.0),
        ("inf", 1.9, 2.0),
        ("Thu, 01 Jan 2026 00:00:00 +99999999999999999999", 1.9, 2.0),
    ],
)
def test_retry_after_is_obeyed_whatever_its_form(
    header: str | None,
    shortest: float,
    longest: float,
    api: UzmanPostaApi,
    make_api: MakeApi,
    simulator: Simulator,
    waits: list[float],
) -> None:
    assert listed(api) == ["Q1"]
    api = make_api(simulator.base_url, requests_per_second=1000)
    simulator.fail_next("/logs", Answer(429, {} if header is None else {"Retry-After": header}))
    assert listed(api) == ["Q1"]
    assert shortest <= sum(wait for wait in waits if wait > 0.1) <= longest
    assert api.tally.retries == 0


def test_retry_after_as_a_date_is_a_wait_until_then(
    api: UzmanPostaApi, simulator: Simulator, waits: list[float]
) -> None:
    simulator.fail_next("/logs", Answer(429, {"Retry-After": formatdate(START + 3 * 3600 + 100, usegmt=True)}))
    assert listed(api) == ["Q1"]
    assert sum(waits) == pytest.approx(100, abs=1)
    assert api.budget.seconds_throttled == pytest.approx(sum(waits), abs=1)


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40) | st.floats().map(str))
@settings(max_examples=300)
def test_no_retry_after_breaks_the_client(header: str) -> None:
    seconds = retry_after({"Retry-After": header}, START)
    assert seconds is None or 0 <= seconds < float("inf")


def test_waits_the_api_asks_for_do_not_use_up_the_attempts(api: UzmanPostaApi, simulator: Simulator) -> None:
    simulator.fail_next("/logs", Answer(429, {"Retry-After": "1"}), times=50)
    assert listed(api) == ["Q1"]
    assert simulator.calls.count(status=429) == 50
    assert api.tally.retries == 0


def test_without_a_retry_after_the_waits_grow_up_to_a_minute(
    api: UzmanPostaApi, simulator: Simulator, waits: list[float]
) -> None:
    simulator.fail_next("/logs", Answer(429), times=8)
    assert listed(api) == ["Q1"]
    assert [round(wait) for wait in waits] == [2, 4, 8, 16, 32, 60, 60, 60]


def test_a_wait_of_many_hours_is_refused_with_a_word_on_what_to_do(
    api: UzmanPostaApi, simulator: Simulator, waits: list[float]
) -> None:
    simulator.fail_next("/logs", Answer(429, {"Retry-After": "999999"}))
    error = failure(lambda: listed(api))
    assert isinstance(error, PermanentError)
    assert error.cause is Cause.RATE
    assert "collect again later" in str(error)
    assert waits == []
