"""An API that filters by another time than its rows say: of receipt, say, where a row carries that of delivery."""

from __future__ import annotations

from collections import Counter
from itertools import permutations
from random import Random
from typing import Any

import pytest

from mailevents_dagster.model.event import Detail
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.sources.uzmanposta.api import UzmanPostaApi
from mailevents_dagster.sources.uzmanposta.collect import believable
from mailevents_dagster.sources.uzmanposta.errors import Cause, TransientError
from mailevents_dagster.sources.uzmanposta.listing import list_window
from mailevents_dagster.sources.uzmanposta.page_size import PageSize
from mailevents_dagster.sources.uzmanposta.rows import Row, row_of
from mailevents_dagster.sources.uzmanposta.simulator import Behaviour, FixedMail, Simulator
from mailevents_dagster.store.store import Store
from mailevents_dagster.store.verify import verify_hour
from mailevents_dagster_tests.conftest import AUTHENTICATION, INCOMING, NOON, START, MakeApi, mail, make_store
from mailevents_dagster_tests.sources.uzmanposta.fixed_hours import Collector

BOUNDS = ("[s,e]", "[s,e)", "(s,e]", "(s,e)")
HOURS = (NOON.previous, NOON, NOON.next)


@pytest.fixture
def here(store: Store, make_api: MakeApi) -> Any:
    fixed = FixedMail()
    with Simulator(source=fixed, now=lambda: START + 9 * 3600) as simulator:
        yield Collector(store, simulator, fixed, make_api(simulator.base_url, max_attempts=1))


def held(here: Collector, hours: tuple[Hour, ...] = HOURS) -> Counter[str]:
    return Counter(str(event["queue_id"]) for hour in hours for event in here.log(INCOMING, hour))


@pytest.mark.slow
@pytest.mark.parametrize("bounds", BOUNDS)
def test_six_thousand_mails_delivered_seconds_after_their_receipt_stand_once_each(
    bounds: str, store: Store, make_api: MakeApi
) -> None:
    random, fixed = Random(7), FixedMail()
    for number in range(6000):
        received = START - 3600 + random.randrange(2 * 3600)
        fixed.add(INCOMING.domain, INCOMING.name, [mail(received + random.randrange(6), f"Q{number}")], at=received)
    behaviour = Behaviour(bounds=bounds)  # type: ignore[arg-type]
    with Simulator(behaviour, source=fixed, now=lambda: START + 9 * 3600) as simulator:
        here = Collector(store, simulator, fixed, make_api(simulator.base_url))
        for hour in HOURS:
            assert here.collect(INCOMING, hour, details=False).manifest.complete
            assert verify_hour(store, INCOMING, hour).findings == ()
    assert held(here) == Counter(f"Q{number}" for number in range(6000))


@pytest.mark.slow
@pytest.mark.parametrize("bounds", BOUNDS)
def test_each_mail_at_the_edge_of_hours_stands_once_in_whatever_order_they_are_collected(
    bounds: str, tmp_path: Any, make_api: MakeApi
) -> None:
    """Each second around an edge, with each distance between the time that is listed and the row's own."""
    fixed = FixedMail()
    names = []
    for edge in (NOON.start, NOON.end):
        for listed in range(edge - 4, edge + 4):
            for away in (-3600, -3, -1, 0, 1, 3, 3600):
                names.append(f"{listed}{away:+}")
                fixed.add(INCOMING.domain, INCOMING.name, [mail(listed + away, names[-1])], at=listed)
    behaviour = Behaviour(bounds=bounds)  # type: ignore[arg-type]
    with Simulator(behaviour, source=fixed, now=lambda: START + 9 * 3600) as simulator:
        for number, order in enumerate(permutations(HOURS)):
            store = make_store(tmp_path / str(number))
            here = Collector(store, simulator, fixed, make_api(simulator.base_url))
            for hour in (*order, *order):
                here.collect(INCOMING, hour, details=False)
            assert held(here) == Counter(names), order


def test_a_mail_is_in_the_hour_of_its_own_time_where_that_hours_listing_shows_it(here: Collector) -> None:
    here.add(mail(NOON.end + 3, "seen by both"), at=NOON.end)
    here.add(mail(NOON.end + 3, "seen by the first alone"), at=NOON.end - 30)
    for hour in HOURS:
        here.collect(INCOMING, hour)
    assert [event["queue_id"] for event in here.log(INCOMING, NOON)] == ["seen by the first alone"]
    assert [event["queue_id"] for event in here.log(INCOMING, NOON.next)] == ["seen by both"]


def test_where_rows_say_the_time_they_are_listed_by_no_call_is_made_for_the_edge_once_the_hour_beside_is_there(
    here: Collector,
) -> None:
    here.add(mail(NOON.end, "edge"), mail(START + 5, "inside"))
    for hour in HOURS:
        here.collect(INCOMING, hour)
    here.collect()
    assert here.simulator.calls.count("list") == 1


def test_a_mail_that_an_earlier_version_kept_as_a_stray_is_not_taken_by_the_hour_of_its_time(here: Collector) -> None:
    row = mail(NOON.end + 3, "S")
    here.add(row, at=NOON.end - 30)
    here.collect()
    here.fixed.remove(INCOMING.domain, INCOMING.name, [row], at=NOON.end - 30)
    here.add(row, at=NOON.end + 3)
    here.collect(INCOMING, NOON.next)
    assert here.asked() == [], "its detail is not asked for either"
    assert held(here, (NOON, NOON.next)) == Counter(["S"])


@pytest.mark.parametrize("bounds", BOUNDS)
def test_a_mail_listed_behind_a_second_that_fills_an_answer_is_found_where_the_newest_rows_are_cut_off(
    bounds: str, make_api: MakeApi
) -> None:
    fixed = FixedMail()
    fixed.add(INCOMING.domain, INCOMING.name, [mail(START, "A"), mail(START, "B")])
    fixed.add(INCOMING.domain, INCOMING.name, [mail(START - 5000, "elsewhere")], at=START + 1)
    behaviour = Behaviour(bounds=bounds, cap="oldest", page_limit=2)  # type: ignore[arg-type]
    with Simulator(behaviour, source=fixed, now=lambda: START + 9 * 3600) as simulator:
        api = make_api(simulator.base_url)
        size = PageSize(2, whole=2)
        listing = list_window(lambda first, last: api.rows(INCOMING, first, last), START, START + 2, size, pack=list)
    assert [row.queue_id for _, row in listing.outside] == ["elsewhere"]


# --- answers to other calls


def rows_at(*times: int) -> list[Row]:
    return [row_of("mail", mail(time)) for time in times]


def test_an_answer_that_mostly_lies_outside_of_its_window_is_asked_for_again() -> None:
    answers = [rows_at(5, 6, 107), rows_at(101, 102, 103)]
    assert [row.time for row in believable(lambda: answers.pop(0), 100, 200)] == [101, 102, 103]


def test_an_answer_that_comes_again_is_what_the_api_says_of_the_window() -> None:
    answers = [rows_at(5, 6), rows_at(5, 6, 7)]
    assert [row.time for row in believable(lambda: answers.pop(0), 100, 200)] == [5, 6, 7]


def test_answers_that_lie_outside_each_time_in_another_way_fail_the_hour() -> None:
    answers = [rows_at(5, 6), rows_at(7, 8)]
    with pytest.raises(TransientError, match="mixes up answers") as raised:
        believable(lambda: answers.pop(0), 100, 200)
    assert raised.value.cause is Cause.PROTOCOL


def test_an_hour_whose_first_answer_is_that_of_another_hour_is_whole(
    here: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.add(*(mail(START + second) for second in range(0, 3600, 300)))
    here.add(*(mail(NOON.end + second) for second in range(0, 3600, 300)))
    real, swapped = UzmanPostaApi.rows, [NOON.next]

    def rows(self: UzmanPostaApi, feed: Any, first: int, last: int, *more: Any) -> Any:
        hour = swapped.pop() if swapped else None
        return real(self, feed, *((hour.start, hour.end) if hour else (first, last)), *more)

    monkeypatch.setattr(UzmanPostaApi, "rows", rows)
    assert here.collect(INCOMING, NOON, details=False).manifest.events == 12
    assert here.found
    assert not here.found.strays


# --- strays


def test_a_stray_belongs_to_the_hour_that_returned_it_first_and_to_no_other(here: Collector) -> None:
    stray = mail(START - 10 * 86_400, "S")
    here.add(stray, at=NOON.end)
    for hour in (NOON, NOON.next, NOON, NOON.next, NOON.previous):
        here.collect(INCOMING, hour)
    holders = [hour.key for hour in (NOON.previous, NOON, NOON.next) if here.log(INCOMING, hour)]
    assert holders == [NOON.key]
    assert here.log()[0]["queue_id"] == "S"


@pytest.mark.parametrize("at", [START, NOON.end - 1, NOON.end])
@pytest.mark.parametrize("forward", [True, False])
def test_a_row_without_a_time_belongs_to_one_hour(at: int, forward: bool, here: Collector) -> None:
    row = {"queue_id": "T", "subject": "timeless"}
    here.add(row, at=at)
    here.add(*(mail(START + offset) for offset in (-600, 600, 3000, 4200)))
    hours = [NOON.previous, NOON, NOON.next]
    for hour in hours if forward else reversed(hours):
        here.collect(INCOMING, hour)
    assert [event for hour in hours for event in here.log(INCOMING, hour)].count(row) == 1


def test_equal_mails_without_a_time_are_asked_for_once_as_soon_as_they_are_the_hours(here: Collector) -> None:
    timeless = {"queue_id": "T", "recipients": [{"mailto": "a@example.com"}]}
    here.add(mail(START + 10, "A"), mail(START + 50, "B"))
    here.add(timeless, timeless, at=START + 50)
    for calls in (["A", "B", "T"], []):
        assert here.collect().manifest.events == 4
        assert sorted(here.asked()) == calls
        assert sorted(event["queue_id"] for event in here.log()) == ["A", "B", "T", "T"]
        assert [event.detail for event in here.events()].count(Detail.PURGED) == 2, "it has no detail of such"


def test_equal_rows_without_a_time_in_the_middle_of_two_hours_are_two_events(here: Collector) -> None:
    row = {"email": "a@example.com", "status": "failed"}
    for middle in (START - 1800, START + 1800):
        here.add(row, feed=AUTHENTICATION, at=middle)
        here.add(*({"email": "b@example.com", "time": middle + shift} for shift in (-9, 9)), feed=AUTHENTICATION)
    for hour in (NOON.previous, NOON, NOON.previous):
        here.collect(AUTHENTICATION, hour)
    assert [here.log(AUTHENTICATION, hour).count(row) for hour in (NOON.previous, NOON)] == [1, 1]
