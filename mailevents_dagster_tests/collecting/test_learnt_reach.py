"""How far back the API gives hours is learnt from what it refuses, over HTTP: doomed hours are asked for once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from mailevents_dagster.collecting.collector import Collector
from mailevents_dagster.collecting.outcomes import Task
from mailevents_dagster.collecting.planning import FeedState, Plan, Rules, UnderWay, plan, refused_hour
from mailevents_dagster.model.event import StoppedError
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import SECONDS, Hour, hours_between
from mailevents_dagster.sources.uzmanposta.api import UzmanPostaApi
from mailevents_dagster.sources.uzmanposta.collect import UzmanPostaClient
from mailevents_dagster.sources.uzmanposta.feeds import feed_of
from mailevents_dagster.sources.uzmanposta.simulator import Behaviour, FixedMail, Simulator
from mailevents_dagster.store.cursor_file import write_cursor
from mailevents_dagster.store.cursors import Cursor, hours_in
from mailevents_dagster.store.store import Store
from mailevents_dagster_tests.collecting_process import collector_in, outcomes
from mailevents_dagster_tests.conftest import AUTHENTICATION, DOMAIN, MakeApi, make_store

pytestmark = pytest.mark.slow

DAY = 86_400
RULES = Rules("UTC", settle_seconds=600, hours_per_run=24, max_parallel_runs=1)
HOLD = feed_of(DOMAIN, "quarantine/hold")


@dataclass
class Place:
    """A feed of one account at an API that looks back for some days."""

    feed: Feed
    began: int
    store: Store
    collector: Collector
    api: Simulator
    client: UzmanPostaApi

    def plan(self) -> Plan:
        state = FeedState(self.feed, self.began, self.store.cursor(self.feed))
        return plan([state], UnderWay(), time.time(), RULES)

    def look(self) -> Plan:
        """One look at the clock, and the runs that it asks for to their ends, a refused hour that is followed first."""
        self.collect(self.refused_hour)
        made = self.plan()
        for ask in made.asks:
            self.collect(list(hours_between(ask.first, ask.end, "UTC")))
        return made

    @property
    def refused_hour(self) -> list[Hour]:
        return refused_hour(FeedState(self.feed, self.began, self.store.cursor(self.feed)), time.time(), RULES)

    def collect(self, hours: Sequence[Hour]) -> None:
        outcomes(self.collector, lambda _: UzmanPostaClient(self.client), [Task(self.feed, hours)])

    def looks(self, number: int) -> Plan:
        return [self.look() for _ in range(number)][-1]

    @property
    def refused(self) -> int:
        return sum(call.status == 406 for call in self.api.calls)

    @property
    def cursor(self) -> Cursor:
        return self.store.cursor(self.feed)

    def change(self, change: Callable[[Cursor], Cursor]) -> None:
        write_cursor(self.store.layout.cursor(self.feed), change(self.cursor), "UTC")


@pytest.fixture
def make_place(tmp_path: Path, make_api: MakeApi) -> Iterator[Callable[[Feed, float, float], Place]]:
    """A feed that began so many days ago, at an API that keeps so many."""
    running: list[Simulator] = []

    def make(feed: Feed, began: float, kept: float) -> Place:
        behaviour = Behaviour(refuses_older_than_days={feed.kind.category: kept})
        running.append(Simulator(behaviour, source=FixedMail()).start())
        store, client = make_store(tmp_path), make_api(running[-1].base_url)
        start = Hour.containing(time.time() - began * DAY, "UTC").start
        return Place(feed, start, store, collector_in(store, 600), running[-1], client)

    yield make
    for api in running:
        api.close()


MakePlace = Callable[[Feed, float, float], Place]


def reachable(days: float) -> int:
    """How many hours an API still gives whole that keeps so many days, of those that have settled."""
    end = Hour.containing(time.time() - 900, "UTC").start
    return (end - Hour.containing(time.time() - days * DAY, "UTC").end) // SECONDS


def test_an_account_that_starts_before_what_the_api_keeps_is_refused_a_runs_worth_of_calls_and_none_after(
    make_place: MakePlace,
) -> None:
    here = make_place(AUTHENTICATION, 4, 2)

    here.looks(6)
    refused, calls = here.refused, len(here.api.calls)
    idle = here.looks(20)

    assert 0 < refused <= RULES.hours_per_run
    assert (here.refused, len(here.api.calls)) == (refused, calls), "no call more"
    assert hours_in(here.cursor.closed) >= reachable(2) - 1
    assert (idle.asks, idle.behind) == ((), 0)
    assert idle.forgotten >= 47, "they are named as no longer to be had"
    assert not here.cursor.failed


@pytest.mark.slow
def test_quarantine_kept_for_five_days_instead_of_seven_is_collected_for_these_five(make_place: MakePlace) -> None:
    here = make_place(HOLD, 7, 5)

    idle = here.looks(12)

    assert here.refused <= 2 * RULES.hours_per_run
    assert hours_in(here.cursor.closed) >= reachable(5) - 1
    assert (idle.asks, idle.behind) == ((), 0)


def test_after_a_day_one_hour_beyond_is_asked_for_again_and_where_it_is_refused_no_other(
    make_place: MakePlace,
) -> None:
    here = make_place(AUTHENTICATION, 3, 1)
    here.looks(4)
    known, refused = here.cursor.refused, here.refused
    assert known
    here.change(lambda cursor: replace(cursor, refused=replace(known, at=known.at - DAY)))

    here.looks(5)

    assert here.refused == refused + 1
    again = here.cursor.refused
    assert again
    assert again.age == known.age
    assert time.time() - again.at < DAY


def test_once_the_api_gives_older_hours_again_they_are_collected(make_place: MakePlace) -> None:
    here = make_place(AUTHENTICATION, 3, 1)
    here.looks(4)
    known = here.cursor.refused
    assert known
    here.api.behaviour = Behaviour()
    assert here.plan().asks == ()
    here.change(lambda cursor: replace(cursor, refused=replace(known, at=known.at - DAY)))

    assert len(here.refused_hour) == 1
    here.look()

    assert here.cursor.refused is None
    assert here.looks(4).forgotten == 0
    assert hours_in(here.cursor.closed) >= 71


def test_a_refusal_that_was_a_mistake_is_forgotten_with_the_next_older_hour_that_is_given(
    make_place: MakePlace,
) -> None:
    here = make_place(AUTHENTICATION, 1, 30)
    running = Hour.containing(time.time(), "UTC")
    here.change(lambda cursor: cursor.gone(running, time.time()))
    assert here.cursor.refused

    here.collect([running.previous])

    assert here.cursor.refused is None


def test_an_hour_that_a_run_was_stopped_at_teaches_nothing(make_place: MakePlace) -> None:
    here = make_place(AUTHENTICATION, 1, 30)
    with pytest.raises(StoppedError), here.store.open_hour(here.feed, Hour.containing(time.time(), "UTC")):
        raise StoppedError
    assert here.cursor.refused is None
