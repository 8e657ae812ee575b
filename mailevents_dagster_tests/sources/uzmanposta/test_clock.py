"""The clock of this machine against the API's."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from urllib3 import BaseHTTPResponse

from mailevents_dagster.model.event import Collection
from mailevents_dagster.model.hour import last_ended
from mailevents_dagster.sources.client import Options
from mailevents_dagster.sources.uzmanposta import api as api_module
from mailevents_dagster.sources.uzmanposta import collect as collect_module
from mailevents_dagster.sources.uzmanposta import transport as transport_module
from mailevents_dagster.sources.uzmanposta.api import UzmanPostaApi
from mailevents_dagster.sources.uzmanposta.collect import collect_hour
from mailevents_dagster.sources.uzmanposta.rate import SharedBudget
from mailevents_dagster.sources.uzmanposta.simulator import Answer, FixedMail, Request, Simulator
from mailevents_dagster.sources.uzmanposta.simulator.server import Connection
from mailevents_dagster.store.hour.commit import Commit
from mailevents_dagster.store.store import Store
from mailevents_dagster_tests.conftest import AUTHENTICATION, DOMAIN, INCOMING, NOON, MakeApi, mail


@pytest.mark.parametrize(("ahead", "way"), [(600, "ahead of"), (-600, "behind")])
def test_an_hour_is_closed_by_the_apis_clock_and_the_difference_is_said(
    store: Store, make_api: MakeApi, ahead: int, way: str
) -> None:
    hour = last_ended(time.time() - 7200, "UTC")
    with Simulator(now=lambda: time.time() - ahead) as simulator, store.open_hour(AUTHENTICATION, hour) as work:
        found = collect_hour(make_api(simulator.base_url), work)
    [note] = found.notes
    assert way in note
    assert found.listed_at == pytest.approx(time.time() - ahead, abs=60)


def test_clocks_that_agree_are_not_mentioned(store: Store, make_api: MakeApi) -> None:
    with Simulator() as simulator, store.open_hour(AUTHENTICATION, last_ended(time.time(), "UTC")) as work:
        assert collect_hour(make_api(simulator.base_url), work).notes == ()


class Clocks:
    """The clocks of this machine: the one that somebody may set, and the steady one, both under the test's hand."""

    def __init__(self, now: float) -> None:
        self.now = now
        self.steady = 1000.0

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.steady


SETTLE = 600
THEIRS = NOON.end + SETTLE
DAY = 86_400


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    """This machine's clocks, at first in step with the API's."""
    clocks = Clocks(THEIRS)
    monkeypatch.setattr(api_module, "time", clocks)
    monkeypatch.setattr(transport_module, "time", clocks)
    monkeypatch.setattr(collect_module, "time", clocks)
    return clocks


class Machine:
    """A client and a store, and an API of fixed mail whose clock stands still."""

    def __init__(self, store: Store, fixed: FixedMail, api: UzmanPostaApi, simulator: Simulator) -> None:
        self.store, self.fixed, self.api, self.simulator = store, fixed, api, simulator
        self.theirs = float(THEIRS)

    def collect(self) -> tuple[Commit, Collection]:
        with self.store.open_hour(INCOMING, NOON) as work:
            found = collect_hour(self.api, work, Options(settle_seconds=SETTLE))
            return work.commit(found), found

    def log(self) -> list[Any]:
        return [json.loads(line) for line in self.store.layout.log(INCOMING, NOON).read_bytes().splitlines()]

    def answers_with_date(self, date: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
        real = Connection.send_header

        def send_header(self: Connection, name: str, value: str) -> None:
            if name != "Date":
                real(self, name, value)
            elif date is not None:
                real(self, name, date)

        monkeypatch.setattr(Connection, "send_header", send_header)


@pytest.fixture
def here(store: Store, fixed: FixedMail, make_api: MakeApi, clocks: Clocks, waits: list[float]) -> Iterator[Machine]:
    fixed.add(DOMAIN, INCOMING.name, [mail(NOON.start + 60, "Q1"), mail(NOON.end - 1, "Q2")])
    with Simulator(source=fixed, now=lambda: machine.theirs) as simulator:
        machine = Machine(store, fixed, make_api(simulator.base_url), simulator)
        yield machine


SETTINGS = [(0, 0), (600, 600), (-600, -600), (0, 3600), (0, -3600), (3600, 0), (-3600, 0), (-3600, 3600)]
"""How far this machine's clock is ahead while the hour is listed, and from the first detail on."""


@pytest.mark.parametrize(("after_end", "closed"), [(SETTLE - 1, False), (SETTLE, True)])
@pytest.mark.parametrize("compared_every", [0.0, 30.0])
@pytest.mark.parametrize(("listing", "details"), SETTINGS)
def test_an_hour_is_closed_by_the_apis_clock_however_this_machines_is_set_meanwhile(
    listing: int,
    details: int,
    compared_every: float,
    after_end: int,
    closed: bool,
    here: Machine,
    clocks: Clocks,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(api_module, "CLOCKS_COMPARED_EVERY", compared_every)
    here.theirs = NOON.end + after_end
    clocks.now = here.theirs + listing

    def sets_the_clock(request: Request) -> bool:
        if request.kind == "detail":
            clocks.now = here.theirs + details
        return False

    here.simulator.fail_next(sets_the_clock, Answer(500), times=None)
    commit, found = here.collect()
    assert (commit.manifest.closed, commit.manifest.listed_at) == (closed, here.theirs)
    assert [note.split(" the API's")[0] for note in found.notes] == (
        [f"This machine's clock is {abs(listing):,} s {'ahead of' if listing > 0 else 'behind'}"] if listing else []
    )
    assert clocks.now == here.theirs + details
    assert here.log() == here.simulator.truth(DOMAIN, INCOMING.name, NOON.start, NOON.end)


@pytest.mark.parametrize("step", [600, -600, 3600, -3600])
def test_a_clock_that_is_set_between_two_hours_of_one_client_is_found_out(
    step: int, here: Machine, clocks: Clocks
) -> None:
    assert here.collect()[1].notes == ()
    clocks.now += step
    commit, found = here.collect()
    assert len(found.notes) == 1
    assert (commit.manifest.closed, commit.manifest.listed_at) == (True, THEIRS)


def test_an_answer_that_takes_long_to_arrive_is_not_taken_for_a_clock_that_is_ahead(
    here: Machine, clocks: Clocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = transport_module._body

    def slow(response: BaseHTTPResponse) -> bytes:
        if clocks.now == THEIRS:  # the listing
            clocks.now += 100
            clocks.steady += 100
            here.theirs += 100
        return real(response)

    monkeypatch.setattr(transport_module, "_body", slow)
    commit, found = here.collect()
    assert (found.notes, commit.manifest.listed_at) == ((), THEIRS)


@pytest.mark.parametrize(("listing", "details"), SETTINGS)
def test_events_of_tomorrow_and_last_year_are_kept_with_their_own_times_whatever_this_machines_clock_says(
    listing: int, details: int, here: Machine, clocks: Clocks, tmp_path: Path
) -> None:
    odd = {"last year": NOON.start - 365 * DAY, "tomorrow": NOON.start + DAY}
    rows = [mail(time, name.upper().replace(" ", "-")) for name, time in odd.items()]
    here.fixed.add(DOMAIN, INCOMING.name, rows, at=NOON.start + 600)
    clocks.now = THEIRS + listing

    def sets_the_clock(request: Request) -> bool:
        if request.kind == "detail":
            clocks.now = THEIRS + details
        return False

    here.simulator.fail_next(sets_the_clock, Answer(500), times=None)
    here.collect()
    assert [(event["queue_id"], event["time"]) for event in here.log()] == [
        ("LAST-YEAR", odd["last year"]),
        ("Q1", NOON.start + 60),
        ("Q2", NOON.end - 1),
        ("TOMORROW", odd["tomorrow"]),
    ]
    with here.store.open_hour(INCOMING, NOON) as work:
        assert work.known.index.times.tolist() == [event["time"] for event in here.log()]
    assert [path.name for path in tmp_path.rglob("*.log")] == [here.store.layout.log(INCOMING, NOON).name]
    assert [path.name for path in tmp_path.rglob("*.parquet")] == ["12.parquet"]


RUBBISH = {
    "no header": None,
    "empty": "",
    "words": "yesterday at noon",
    "impossible": "Fri, 99 Nov 2026 99:99:99 GMT",
    "impossible zone": "Fri, 20 Nov 2026 13:10:00 +99999999999999999999",
    "digits": "9" * 10_000,
    "bytes": "\xff\xfe\x00\x1b[31m",
}


@pytest.mark.parametrize("ahead", [-1, 0])
@pytest.mark.parametrize("name", RUBBISH)
def test_without_a_date_that_can_be_read_this_machines_clock_decides(
    name: str, ahead: int, here: Machine, clocks: Clocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.answers_with_date(RUBBISH[name], monkeypatch)
    clocks.now = THEIRS + ahead
    commit, found = here.collect()
    assert found.notes == ()
    assert (commit.manifest.closed, commit.manifest.listed_at) == (ahead == 0, THEIRS + ahead)


@pytest.mark.parametrize("date", ["Fri, 31 Dec 9999 23:59:59 GMT", "Thu, 01 Jan 1970 00:00:00 GMT"])
def test_a_date_ages_away_is_said_and_breaks_nothing(date: str, here: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    here.answers_with_date(date, monkeypatch)
    commit, found = here.collect()
    assert len(found.notes) == 1
    assert commit.manifest.events == 2


@pytest.fixture
def in_tokyo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patched:
        patched.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.parametrize("zone", ["GMT", "-0000", "+0000", ""])
def test_a_date_without_a_zone_is_utc(
    zone: str, here: Machine, in_tokyo: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.answers_with_date(formatdate(THEIRS, usegmt=True).replace("GMT", zone), monkeypatch)
    assert here.collect()[1].notes == ()


@pytest.mark.parametrize("ahead", [0, 600, -600, 3600, -3600])
@pytest.mark.parametrize("told", ["7", formatdate(THEIRS + 7, usegmt=True)])
def test_a_pause_the_api_asks_for_is_as_long_whatever_this_machines_clock_says(
    told: str, ahead: int, here: Machine, clocks: Clocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(SharedBudget, "pause", lambda _, seconds: pauses.append(seconds))
    clocks.now = THEIRS + ahead
    here.simulator.fail_next("/logs", Answer(429, {"Retry-After": told}))
    here.collect()
    assert pauses == [7.0]


def test_waits_and_time_outs_go_by_the_steady_clock(here: Machine, clocks: Clocks, waits: list[float]) -> None:
    def sets_the_clock(_: Request) -> bool:
        clocks.now += DAY
        return False

    here.simulator.fail_next(sets_the_clock, Answer(500), times=None)
    here.simulator.fail_next("/logs", Answer(500), times=2)
    commit, _ = here.collect()
    assert commit.manifest.complete
    assert len(waits) == 2
