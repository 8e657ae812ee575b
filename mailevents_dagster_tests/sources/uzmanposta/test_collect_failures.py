"""Details that cannot be had, and calls that fail: what is kept, what is owed, and what is asked for again."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailevents_dagster.model.event import Detail, StoppedError
from mailevents_dagster.sources.fetching import GIVE_UP_AFTER
from mailevents_dagster.sources.uzmanposta.api import UzmanPostaApi
from mailevents_dagster.sources.uzmanposta.errors import ApiError, Cause, PermanentError, TransientError
from mailevents_dagster.sources.uzmanposta.simulator import Answer, FixedMail, Request, Simulator
from mailevents_dagster.store.store import Store
from mailevents_dagster_tests.conftest import INCOMING, NOON, START, MakeApi, mail
from mailevents_dagster_tests.sources.uzmanposta.fixed_hours import Collector, detail_of, kept_below


@pytest.fixture
def here(store: Store, simulator: Simulator, fixed: FixedMail, make_api: MakeApi, waits: list[float]) -> Collector:
    return Collector(store, simulator, fixed, make_api(simulator.base_url, max_attempts=2, max_parallel_details=4))


def fails_after(number: int, simulator: Simulator, answer: Answer) -> set[str]:
    """Has the API answer the details of so many mails, whichever come first, and no other; returns their queue ids."""
    answered: set[str] = set()

    def fails(request: Request) -> bool:
        if request.queue_id is not None and len(answered) < number:
            answered.add(request.queue_id)
        return request.kind == "detail" and request.queue_id not in answered

    simulator.fail_next(fails, answer, times=None)
    return answered


def test_a_failed_detail_leaves_its_row_marked_and_counted_and_is_the_first_asked_next_time(
    here: Collector, make_api: MakeApi
) -> None:
    here.api = make_api(here.simulator.base_url, max_attempts=2, max_parallel_details=1)
    here.add(mail(START, "Q1"), mail(START + 9, "Q2"))
    here.simulator.fail_next(detail_of("Q1"), Answer(500), times=None)
    manifest = here.collect().manifest
    assert (manifest.details_owed, manifest.complete) == (1, False)
    assert here.details() == {"Q1": Detail.MISSING, "Q2": Detail.WHOLE}
    assert here.log()[0] == mail(START, "Q1")
    here.simulator.faults.clear()
    here.add(mail(START + 5, "Q9"))
    commit = here.collect()
    assert next(call.path for call in here.simulator.calls if call.kind == "detail") == "/logs/mail/Q1"
    assert here.asked() == ["Q1", "Q9"]
    assert (commit.changed, commit.manifest.details_owed, commit.manifest.complete) == (1, 0, True)
    assert here.log() == here.truth()


def test_a_detail_that_fails_again_stays_owed(here: Collector) -> None:
    here.add(mail(START, "Q1"))
    here.simulator.fail_next(detail_of("Q1"), Answer(500), times=None)
    for _ in range(3):
        commit = here.collect()
        assert commit.manifest.details_owed == 1
    assert (commit.changed, here.details()) == (0, {"Q1": Detail.MISSING})


def test_a_changed_row_whose_new_detail_fails_keeps_the_earlier_one_and_owes_the_new(here: Collector) -> None:
    deferred = mail(START, "Q1", tag="deferred")
    here.add(deferred)
    here.collect()
    here.replace(deferred, {**deferred, "tag": "delivered"})
    here.simulator.fail_next(detail_of("Q1"), Answer(500), times=None)
    assert here.collect().manifest.details_owed == 1
    assert here.details() == {"Q1": Detail.STALE}
    assert (here.log()[0]["tag"], "logs" in here.log()[0]) == ("deferred", True)
    here.simulator.faults.clear()
    assert here.collect().manifest.complete
    assert here.log() == here.truth()


def test_a_detail_that_is_gone_is_purged_and_not_asked_for_again(here: Collector) -> None:
    here.add(mail(START, "Q1"), mail(START + 9, "Q2"))
    here.simulator.fail_next(detail_of("Q1"), Answer(404), times=None)
    assert here.collect().manifest.complete
    assert here.details() == {"Q1": Detail.PURGED, "Q2": Detail.WHOLE}
    assert here.log()[0] == mail(START, "Q1")
    here.collect()
    assert here.asked() == []
    assert here.details()["Q1"] == Detail.PURGED


def test_details_that_fail_now_and_then_cost_a_retry_and_nothing_else(here: Collector) -> None:
    here.add(*(mail(START + second) for second in range(60)))
    turn = iter(range(10_000))
    here.simulator.fail_next(lambda request: request.kind == "detail" and next(turn) % 7 == 0, Answer(500), times=None)
    assert here.collect(details=True).manifest.events == 60
    here.simulator.faults.clear()
    here.collect()
    assert here.log() == here.truth()


def test_an_api_that_is_down_is_given_up_and_what_was_fetched_is_kept_for_the_next_collection(here: Collector) -> None:
    here.add(*(mail(START + second, f"Q{second:03}") for second in range(300)))
    fetched = fails_after(40, here.simulator, Answer(503))
    with pytest.raises(TransientError):
        here.collect()
    refused = {path for path in here.asked() if path not in fetched}
    assert len(refused) <= 3 * GIVE_UP_AFTER  # a detail in flight may succeed late and begin the count anew
    assert here.store.manifest(INCOMING, NOON) is None
    here.simulator.faults.clear()
    here.collect()
    assert set(here.asked()) == {f"Q{second:03}" for second in range(300)} - fetched
    assert here.log() == here.truth()


@pytest.mark.parametrize(("status", "cause"), [(401, Cause.PERMISSION), (403, Cause.PERMISSION)])
def test_a_key_that_is_refused_stops_the_hour_and_keeps_what_was_fetched(
    status: int, cause: Cause, here: Collector
) -> None:
    here.add(*(mail(START + second, f"Q{second:03}") for second in range(40)))
    fails_after(10, here.simulator, Answer(status))
    with pytest.raises(PermanentError) as raised:
        here.collect()
    assert raised.value.cause is cause
    assert len(here.asked()) <= 10 + here.api.access.max_parallel_details
    here.simulator.faults.clear()
    here.collect()
    assert len(here.asked()) == 30
    assert here.log() == here.truth()


def test_a_listing_that_fails_changes_no_file(here: Collector, tmp_path: Path) -> None:
    here.add(mail(START))
    here.collect()
    before = kept_below(tmp_path)
    here.simulator.fail_next("/logs/mail", Answer(200, body=b"null"), times=None)
    with pytest.raises(ApiError):
        here.collect()
    assert kept_below(tmp_path) == before


def test_a_stop_in_the_middle_keeps_what_was_fetched(here: Collector) -> None:
    here.add(*(mail(START + second, f"Q{second:03}") for second in range(40)))
    answered: list[str] = []

    def stops(request: Request) -> bool:
        if request.queue_id is not None:
            answered.append(request.queue_id)
            if len(answered) == 20:
                here.api.stop()
        return False

    here.simulator.fail_next(stops, Answer(500), times=None)
    with pytest.raises(StoppedError):
        here.collect()
    assert here.store.manifest(INCOMING, NOON) is None
    first, here.api = here.api, UzmanPostaApi(here.api.access)
    first.close()
    here.simulator.faults.clear()
    here.collect()
    assert len(here.asked()) == 40 - len(answered)
    assert here.log() == here.truth()
    here.api.close()


def test_without_details_rows_are_kept_as_they_are_and_details_fetched_once_they_are_wanted(here: Collector) -> None:
    here.add(mail(START, "Q1"), mail(START + 9, "Q2"))
    assert here.collect(details=False).manifest.complete
    assert here.asked() == []
    assert set(here.details().values()) == {Detail.UNASKED}
    here.collect(details=True)
    assert here.asked() == ["Q1", "Q2"]
    assert here.log() == here.truth()
    here.add(mail(START + 20, "Q3"))
    here.collect(details=False)
    assert here.details() == {"Q1": Detail.WHOLE, "Q2": Detail.WHOLE, "Q3": Detail.UNASKED}
    assert [("logs" in event) for event in here.log()] == [True, True, False]
