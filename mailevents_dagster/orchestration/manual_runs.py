"""Hours collected at somebody's word in this process, as recorded Dagster runs that the UI shows."""

import logging
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, TypeVar
from uuid import uuid4
from zoneinfo import ZoneInfo

import dagster as dg

from mailevents_dagster.collecting import lookback
from mailevents_dagster.collecting.collector import collector_of
from mailevents_dagster.collecting.configuration import rules_of, states_of
from mailevents_dagster.collecting.planning import Ask, UnderWay, plan
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import SECONDS, Hour
from mailevents_dagster.orchestration.feed_definitions import collecting_defs
from mailevents_dagster.orchestration.run_requests import leaving_out, range_tags
from mailevents_dagster.orchestration.run_sign_ins import fail_the_gone, signed_in
from mailevents_dagster.orchestration.runs_in_flight import COLLECT_JOB, FOLLOW_JOB, RECONCILE_JOB, is_going_on, look
from mailevents_dagster.settings import Settings
from mailevents_dagster.store.cursors import Span, merged

STARTED_BY: Final = "mailevents/started_by"
LOOK_EVERY: Final = 0.25
FEED_HOURS_A_RUN: Final = 50
"""Somebody waits: worth a process of its own, which takes four seconds to start. An hour takes from 0.05 to 5 s."""
T = TypeVar("T")
Say = Callable[[str, int], object]
"""Takes a line of a run's log, and its level."""
Heard = Callable[[bytes], bool]
"""Takes what a process of a run said at its end: numbers and failures as JSON. Returns whether the run succeeded."""
More = Callable[[frozenset[Feed], int], Sequence[Ask]]
"""What to run next, of feeds that are not busy, in so many runs at the most."""


class Hand:
    """Runs jobs of a project in this process, and beside it."""

    def __init__(self, settings: Settings, instance: dg.DagsterInstance, say: Say) -> None:
        self.settings = settings
        self.collector = collector_of(settings)
        self._instance = instance
        self._runs = self.collector.store.layout.runs
        self._here = threading.Lock()
        self._children: set[subprocess.Popen[bytes]] = set()
        self._defs = collecting_defs(settings, self.collector, {"console": _heard(say)})

    def run(
        self,
        job: str,
        *,
        tags: Mapping[str, str] | None = None,
        config: Mapping[str, Any] | None = None,
        feeds: Sequence[Feed] = (),
    ) -> dg.ExecuteInProcessResult:
        """One run of a job, to its end; of these feeds where it is one of assets."""
        run_id = str(uuid4())
        with signed_in(self._runs, run_id):
            return self._defs.resolve_job_def(job).execute_in_process(
                instance=self._instance,
                run_id=run_id,
                asset_selection=[dg.AssetKey(feed.asset_key) for feed in feeds],
                tags={STARTED_BY: "command line", **(tags or {})},
                run_config={"loggers": {"console": {}}, **(config or {})},
                raise_on_error=False,
            )

    def follow(self, feeds: Sequence[Feed], look: Callable[[], object]) -> bool:
        """Collects the hours now running, in one run; whether it succeeded."""
        return self._beside(FOLLOW_JOB, feeds, look)

    def look_back(self, feeds: Sequence[Feed], look: Callable[[], object]) -> list[bool]:
        """List closed hours again where it is time to; whether that succeeded, or nothing where none is due.

        A feed that fails does so once it succeeds again: a cron line comes back in minutes.
        """
        store = self.collector.store
        due = [
            feed
            for feed in lookback.due(self.settings, store, time.time())
            if feed in feeds and not store.cursor(feed).failures_in_a_row
        ]
        if not due or is_going_on(self._instance, RECONCILE_JOB):
            return []
        return [self._beside(RECONCILE_JOB, due, look)]

    def _beside(self, job: str, feeds: Sequence[Feed], look: Callable[[], object]) -> bool:
        others = [feed for feed in self.settings.feeds if feed not in feeds]
        with ThreadPoolExecutor(1) as thread:
            going = thread.submit(self.run, job, config=leaving_out(others, job))
            self._first_done([going], look)
        return going.result().success

    def under_way(self) -> UnderWay:
        """What all processes are at; runs whose process is gone are marked so first."""
        fail_the_gone(self._instance, self._runs, time.time())
        return look(self._instance, self._defs.get_repository_def(), self.settings.feeds)

    def ask(self, ask: Ask) -> dg.ExecuteInProcessResult:
        """One run over these hours, in this process."""
        zone = self.settings.timezone
        tags = range_tags(Hour(ask.first, zone), Hour(ask.end - SECONDS, zone))
        return self.run(COLLECT_JOB, tags=tags, feeds=ask.feeds)

    def collect(self, more: More, workers: int, look: Callable[[], object], heard: Heard) -> list[bool]:
        """Runs what `more` gives until it has nothing and all is done; looks up several times a second.

        One run goes on in this process, further ones beside it in processes of their own, which takes their starts
        some seconds: two runs in one process come to wait for each other in Dagster's logging for ever.
        """
        going: dict[Future[bool], Ask] = {}
        succeeded: list[bool] = []
        with ThreadPoolExecutor(workers) as threads:
            while True:
                busy = frozenset(feed for ask in going.values() for feed in ask.feeds)
                for ask in more(busy, workers - len(going)):
                    going[threads.submit(self._here_or_elsewhere, ask, heard)] = ask
                if not going:
                    return succeeded
                for ended in self._first_done(going, look):
                    del going[ended]
                    succeeded.append(ended.result())

    def _here_or_elsewhere(self, ask: Ask, heard: Heard) -> bool:
        if not self._here.acquire(blocking=False):
            return self._elsewhere(ask, heard)
        try:
            return self.ask(ask).success
        finally:
            self._here.release()

    def _elsewhere(self, ask: Ask, heard: Heard) -> bool:
        zone = ZoneInfo(self.settings.timezone)
        first, end = (datetime.fromtimestamp(time, zone).isoformat() for time in (ask.first, ask.end))
        feeds = [part for feed in ask.feeds for part in ("--feed", str(feed))]
        command = [sys.executable, "-m", "mailevents_dagster.cli", "collect", "--json", "--max-workers", "1"]
        with subprocess.Popen(  # noqa: S603 - this very program
            [*command, "--from", first, "--to", end, *feeds], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as child:
            self._children.add(child)
            said, _ = child.communicate()
            self._children.discard(child)
        return heard(said)

    def _first_done(self, going: Iterable[Future[T]], look: Callable[[], object]) -> set[Future[T]]:
        """Waits until one at least is done; told to end itself, it ends them all first."""
        left = set(going)
        try:
            while not (done := wait(left, LOOK_EVERY, FIRST_COMPLETED).done):
                look()
        except BaseException:
            for child in list(self._children):
                child.terminate()
            while left:  # a run that is between two hours begins the next before it hears of it
                for beat in list(self.collector.heartbeats.beats.values()):
                    beat.stop()
                left = wait(left, LOOK_EVERY).not_done
            raise
        return done

    def due(self, feeds: Sequence[Feed], expect: Callable[[Ask], object]) -> More:
        """Gives hours of these feeds that are not closed, each once, whatever comes of it.

        It has no regard to earlier failures: who asks by hand wants it tried now. `expect` is told of each run.
        """
        asked: defaultdict[Feed, list[Span]] = defaultdict(list)
        rules = replace(rules_of(self.settings), grace_seconds=0, feed_hours_a_run=FEED_HOURS_A_RUN)

        def more(busy: frozenset[Feed], free: int) -> Sequence[Ask]:
            under_way = self.under_way()
            states = [
                replace(state, cursor=state.cursor.without_failures() if state.cursor else None)
                for state in states_of(self.settings, self.collector.store)
                if state.feed in feeds
            ]
            taken = {feed: merged((*under_way.backfills.get(feed, ()), *asked[feed])) for feed in feeds}
            others = UnderWay(under_way.held | busy, backfills=taken)
            asks = plan(states, others, time.time(), replace(rules, max_parallel_runs=free)).asks
            for ask in asks:
                expect(ask)
                for feed in ask.feeds:
                    asked[feed].append((ask.first, ask.end))
            return asks

        return more


def given(asks: Sequence[Ask]) -> More:
    """Gives these, in their order, those of one feed one after another."""
    pending = list(asks)

    def more(busy: frozenset[Feed], free: int) -> Sequence[Ask]:
        taken: list[Ask] = []
        for ask in list(pending):
            if len(taken) < free and busy.isdisjoint(ask.feeds):
                taken.append(ask)
                pending.remove(ask)
                busy |= set(ask.feeds)
        return taken

    return more


def _heard(say: Say) -> dg.LoggerDefinition:
    """Hands on what a run says itself, and errors; Dagster's own events are for the UI."""

    class Lines(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said: dict[str, Any] = getattr(record, "dagster_meta", {})
            if said.get("dagster_event") is None:
                say(said.get("orig_message") or record.getMessage(), record.levelno)

    @dg.logger
    def heard(_: dg.InitLoggerContext) -> logging.Logger:
        logger = logging.Logger("mailevents", logging.INFO)
        logger.addHandler(Lines(logging.INFO))
        return logger

    return heard
