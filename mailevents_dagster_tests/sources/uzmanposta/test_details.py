"""As many details are asked for at a time as are needed, and no more."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from mailevents_dagster.sources import fetching
from mailevents_dagster.sources.client import Options
from mailevents_dagster.sources.uzmanposta import collect as collect_module
from mailevents_dagster.sources.uzmanposta.access import MOST_PARALLEL
from mailevents_dagster.sources.uzmanposta.api import PARALLEL_UNTIL_KNOWN, Tally, UzmanPostaApi
from mailevents_dagster.sources.uzmanposta.collect import Progress, collect_hour
from mailevents_dagster.sources.uzmanposta.details import detail_fetch
from mailevents_dagster.sources.uzmanposta.rows import Record, row_of
from mailevents_dagster.sources.uzmanposta.simulator import Behaviour, FixedMail, Simulator
from mailevents_dagster.sources.workers import Workers
from mailevents_dagster.store.store import Store
from mailevents_dagster_tests.conftest import DOMAIN, INCOMING, NOON, START, MakeApi, mail

PATIENCE = 60.0


def after_answers_of(seconds: float, api: UzmanPostaApi) -> UzmanPostaApi:
    api._seconds_a_call = seconds
    return api


def test_what_is_set_counts(make_api: MakeApi, simulator: Simulator) -> None:
    api = make_api(simulator.base_url, max_parallel_details=3, requests_per_second=100.0)
    assert after_answers_of(1.0, api).parallel_details == 3


@pytest.mark.parametrize(
    ("rate", "seconds", "parallel"), [(10.0, 0.1, 4), (50.0, 0.1, 12), (10.0, 30.0, MOST_PARALLEL)]
)
def test_slow_answers_are_waited_for_side_by_side_so_that_the_rate_is_used(
    make_api: MakeApi, simulator: Simulator, rate: float, seconds: float, parallel: int
) -> None:
    api = make_api(simulator.base_url, max_parallel_details=None, requests_per_second=rate)
    assert after_answers_of(seconds, api).parallel_details == parallel


def test_until_an_answer_is_here_and_without_a_rate_a_few_are_asked_for(
    make_api: MakeApi, simulator: Simulator
) -> None:
    new = make_api(simulator.base_url, max_parallel_details=None, requests_per_second=50.0)
    assert new.parallel_details == PARALLEL_UNTIL_KNOWN
    unlimited = make_api(simulator.base_url, max_parallel_details=None, requests_per_second=None)
    assert after_answers_of(1.0, unlimited).parallel_details == PARALLEL_UNTIL_KNOWN


def test_the_time_of_answers_is_learned_from_them(make_api: MakeApi, simulator: Simulator) -> None:
    api = make_api(simulator.base_url, max_parallel_details=None, requests_per_second=50.0)
    api.rows(INCOMING, START, START + 1)
    assert api._seconds_a_call is not None
    assert 0 < api._seconds_a_call < PATIENCE


class SlowerAndSlower:
    """An API of which more must be asked for at a time as soon as two calls are in flight; five must meet."""

    def __init__(self) -> None:
        self.meeting = threading.Barrier(5)
        self.calls = 0
        self.workers = Workers(lambda: self.parallel_details)

    @property
    def parallel_details(self) -> int:
        return 2 if self.calls < 2 else 5

    def detail(self, queue_id: str, time: int, tally: Tally) -> Record:
        self.calls += 1
        if self.calls > 2:
            self.meeting.wait(PATIENCE)
        return Record(b"{}", {}, frozenset())

    def stop(self) -> None: ...


def test_more_threads_are_begun_when_it_shows_that_more_are_needed() -> None:
    api: Any = SlowerAndSlower()
    rows = [(START + n, row_of("mail", mail(START + n))) for n in range(7)]
    kept: list[int] = []
    with detail_fetch(api, lambda at, *_: kept.append(at), Tally()) as fetch:
        fetch.want(rows)
        fetch.wait(lambda *_: None)
    api.workers.close()
    assert sorted(kept) == [at for at, _ in rows]


def test_no_further_page_is_listed_while_many_details_are_awaited(
    store: Store, fixed: FixedMail, make_api: MakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No detail is answered until it was told six times how far it is."""
    fixed.add(DOMAIN, "mail/incominglog", [mail(NOON.start + n, f"n{n}") for n in range(60)])
    monkeypatch.setattr(collect_module, "LEFT_WHILE_LISTING", 25)
    monkeypatch.setattr(fetching, "REPORT_EVERY", 0.01)
    answer, listed = threading.Event(), list[int]()

    with Simulator(Behaviour(page_limit=10), source=fixed, now=lambda: START + 3 * 3600) as simulator:
        api = make_api(simulator.base_url, page_limit=10)
        real = api.detail

        def detail(queue_id: str, time: int, tally: Tally) -> Record:
            assert answer.wait(PATIENCE)
            return real(queue_id, time, tally)

        def report(_: Progress) -> None:
            listed.append(simulator.calls.count("list"))
            if len(listed) == 6:
                answer.set()

        monkeypatch.setattr(api, "detail", detail)
        with store.open_hour(INCOMING, NOON) as work:
            done = work.commit(collect_hour(api, work, Options(report=report)))
    assert done.manifest.events == 60
    assert listed[:6] == [1, 2, 3, 3, 3, 3], "three pages of ten"
