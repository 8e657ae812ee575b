"""Collections and kills in any order, of an API that is otherwise than assumed: still each event once.

It filters by another time than its rows say, shows fewer rows, counts the ends of windows in another way, refuses hours
for a while, sends interim answers, and its clock is away. MAILEVENTS_INTERLEAVINGS sets how many orders are tried.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections import Counter
from itertools import count
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis.stateful import initialize, rule

from mailevents_dagster.sources.uzmanposta.simulator import Answer, Behaviour, FixedMail, Simulator
from mailevents_dagster.sources.uzmanposta.simulator.records import with_detail
from mailevents_dagster.store.hour.snapshot_file import read_events
from mailevents_dagster.store.verify import verify_hour
from mailevents_dagster_tests.conftest import DOMAIN, INCOMING, NOON, mail, make_store
from mailevents_dagster_tests.crashing import API_FAILED, COMMITTED, KILLED, NEVER, Interleavings

pytestmark = pytest.mark.slow

HOURS = (NOON, NOON.next)
CROWD = 3
"""Mails of one second: three seconds of them fit into the shortest answer, so that none need be a gap."""
FIRST, LAST = NOON.start, NOON.next.end - 1
seconds = st.one_of(
    st.sampled_from([FIRST, FIRST + 1, NOON.end - 2, NOON.end - 1, NOON.end, NOON.end + 1, LAST - 1, LAST]),
    st.integers(0, 23).map(lambda part: FIRST + 300 * part),
)
away = st.sampled_from([0, 0, 1, 2, 3, 60, 1800, -1, -2])


class OtherApis(Interleavings):
    """Two neighbouring hours of mails."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.source = FixedMail()
        self.now = LAST + 7200
        self.simulator = Simulator(source=self.source, now=lambda: self.now).start()
        self.store = make_store(self.folder)
        self.listed: dict[str, dict[str, Any]] = {}
        self.crowded: Counter[int] = Counter()
        self.numbers = count()

    @initialize(
        bounds=st.sampled_from(["[s,e]", "[s,e)", "(s,e]", "(s,e)"]),
        cap=st.sampled_from(["newest", "oldest"]),
        shown=st.sampled_from([10, 13, 1000]),
        hours_away=st.sampled_from([0, 30, 3000]),
    )
    def an_api_begins(self, bounds: Any, cap: Any, shown: int, hours_away: int) -> None:
        self.simulator.behaviour = Behaviour(bounds=bounds, cap=cap, page_limit=shown)
        self.now += 3600 * hours_away

    @rule(some=st.lists(st.tuples(seconds, away), min_size=1, max_size=12))
    def mails_come(self, some: list[tuple[int, int]]) -> None:
        for listed, by in some:
            if self.crowded[listed] == CROWD:
                continue
            self.crowded[listed] += 1
            name = f"Q{next(self.numbers)}"
            row = mail(min(LAST, max(FIRST, listed + by)), name, size=1)
            self.source.add(DOMAIN, INCOMING.name, [row], at=listed)
            self.listed[name] = row

    @rule(hour=st.sampled_from(HOURS))
    def an_hour_is_collected(self, hour: Any) -> None:
        self._collect(hour)

    @rule(hour=st.sampled_from(HOURS), step=st.integers(0, 60))
    def a_collection_is_killed(self, hour: Any, step: int) -> None:
        self._collect(hour, step)

    @rule(status=st.sampled_from([406, 404, 500]), times=st.integers(1, 3), details_alone=st.booleans())
    def the_api_refuses_some(self, status: int, times: int, details_alone: bool) -> None:
        self.simulator.fail_next("/logs/mail/" if details_alone else "/", Answer(status), times=times)

    @rule(status=st.sampled_from([102, 103, 199]), times=st.integers(1, 3))
    def something_on_the_way_sends_interim_answers(self, status: int, times: int) -> None:
        self.simulator.fail_next("/", Answer(interim=status), times=times)

    def _collect(self, hour: Any, kill_at: int = NEVER) -> None:
        ended = self.collector.collect(self.folder, self.simulator.base_url, INCOMING, hour, kill_at)
        assert ended in (COMMITTED, KILLED, API_FAILED)
        if ended == COMMITTED:
            assert verify_hour(self.store, INCOMING, hour).findings == ()
            assert max(self._held().values(), default=1) == 1

    def _held(self) -> Counter[str]:
        """How often each mail stands in the two hours, as far as they are committed."""
        events = (event for hour in HOURS for event in read_events(self.store.layout.snapshot(INCOMING, hour)))
        return Counter(str(json.loads(event.raw)["queue_id"]) for event in events)

    def teardown(self) -> None:
        try:
            self.simulator.faults.clear()
            for hour in (*HOURS, *HOURS):
                self._collect(hour)
            assert self._held() == Counter(self.listed.keys())
            records = [
                json.loads(event.raw)
                for hour in HOURS
                for event in read_events(self.store.layout.snapshot(INCOMING, hour))
            ]
            assert all(record == with_detail(self.listed[record["queue_id"]]) for record in records)
        finally:
            self.simulator.close()
            shutil.rmtree(self.folder)


def test_whatever_the_api_is_like_each_mail_stands_once() -> None:
    OtherApis.run(few=10, steps=15)
