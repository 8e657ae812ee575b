"""Told to wait by the API, all with its key do: a while in place, and longer by ending and saying until when."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from email.utils import formatdate
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailevents_dagster.sources.http_headers import retry_after
from mailevents_dagster.sources.uzmanposta.api import UzmanPostaApi
from mailevents_dagster.sources.uzmanposta.errors import ApiError, Cause, ToldToWaitError
from mailevents_dagster.sources.uzmanposta.shared_calls import LONGEST_PAUSE
from mailevents_dagster.sources.uzmanposta.simulator import Answer, Simulator
from mailevents_dagster_tests.conftest import DOMAIN, KEY, START, MakeApi
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


def test_a_call_that_is_told_to_wait_again_and_again_ends_after_the_time_that_a_collection_waits(
    api: UzmanPostaApi, simulator: Simulator, waits: list[float]
) -> None:
    simulator.fail_next("/logs", Answer(429, {"Retry-After": "600"}), times=None)
    error = failure(lambda: listed(api))
    assert isinstance(error, ToldToWaitError)
    assert len(simulator.calls) == 2
    assert sum(waits) == pytest.approx(600, abs=1)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("told", ["7200", "an hour from now as a date", "999999", "1e15"])
def test_a_wait_that_is_longer_than_a_collection_waits_ends_it_at_once_and_says_until_when(
    told: str, status: int, api: UzmanPostaApi, simulator: Simulator, waits: list[float]
) -> None:
    if told.endswith("date"):
        told = formatdate(START + 4 * 3600, usegmt=True)
        seconds = 3600.0
    else:
        seconds = min(float(told), LONGEST_PAUSE)
    simulator.fail_next("/logs", Answer(status, {"Retry-After": told}))
    before = time.time()
    error = failure(lambda: listed(api))
    assert isinstance(error, ToldToWaitError)
    assert error.cause is Cause.RATE
    assert error.until is not None
    assert before - 2 <= error.until - seconds <= time.time() + 2
    assert f"no call until {datetime.fromtimestamp(error.until, UTC):%Y-%m-%d %H:%M:%S} UTC" in str(error)
    assert (len(simulator.calls), waits) == (1, [])
    again = failure(lambda: api.detail("Q1", START))
    assert again.until == pytest.approx(error.until, abs=2)
    assert (len(simulator.calls), waits) == (1, [])


ASKS = """
import sys
from pathlib import Path
from mailevents_dagster.sources.uzmanposta.access import Access
from mailevents_dagster.sources.uzmanposta.api import UzmanPostaApi
from mailevents_dagster.sources.uzmanposta.errors import ApiError
api = UzmanPostaApi(Access(sys.argv[1], sys.argv[2], sys.argv[3], budget=Path(sys.argv[4])))
try:
    api.detail("Q1", 1)
except ApiError as error:
    print(error.cause, error.until)
"""


@pytest.mark.slow
@pytest.mark.parametrize("status", [429, 503])
def test_after_two_hours_were_told_no_thread_and_no_process_calls_again(
    status: int, api: UzmanPostaApi, simulator: Simulator, make_api: MakeApi, tmp_path: Path
) -> None:
    file = tmp_path / "budgets" / "key.budget"
    api = make_api(simulator.base_url, budget=file)
    simulator.fail_next("/logs", Answer(status, {"Retry-After": "7200"}))
    first = failure(lambda: listed(api))
    assert first.until is not None
    errors: list[ApiError] = []
    threads = [threading.Thread(target=lambda: errors.append(failure(lambda: listed(api)))) for _ in range(4)]
    command = [sys.executable, "-c", ASKS, DOMAIN, simulator.base_url, KEY, str(file)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    said = [process.communicate()[0].split() for process in processes]
    assert len(simulator.calls) == 1
    untils = [error.until or 0.0 for error in errors] + [float(until) for _, until in said]
    assert untils == pytest.approx([first.until] * 6, abs=2)
    assert {error.cause for error in errors} == {Cause.RATE}
    assert {cause for cause, _ in said} == {"rate"}


def test_a_503_that_names_no_time_is_a_failure_that_uses_up_attempts(
    api: UzmanPostaApi, simulator: Simulator, waits: list[float]
) -> None:
    simulator.fail_next("/logs", Answer(503), times=None)
    assert failure(lambda: listed(api)).cause is Cause.SERVER
    assert len(simulator.calls) == 3


@pytest.mark.parametrize("status", [429, 503])
def test_a_pause_that_a_collection_waits_for_uses_up_no_attempt(
    status: int, api: UzmanPostaApi, simulator: Simulator, waits: list[float]
) -> None:
    simulator.fail_next("/logs", Answer(status, {"Retry-After": "60"}), times=5)
    assert listed(api) == ["Q1"]
    assert sum(waits) == pytest.approx(300, abs=1)
    assert api.tally.retries == 0
