"""Runs started from the command line, in this process; Dagster records them and the UI shows them."""

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
from mailevents_dagster.collecting.feed_states import rules_of, states_of
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
"""Hours of feeds worth a process of their own, which takes four seconds to start. Each takes from 0.05 to 5 s."""
T = TypeVar("T")
Log = Callable[[str, int], object]
"""Takes a line of a run's log, and its level."""
ReadResult = Callable[[bytes], bool]
"""Takes what a process printed at its end, as JSON. Returns whether its run succeeded."""
More = Callable[[frozenset[Feed], int], Sequence[Ask]]
"""Returns what to run next, of feeds that are not busy, in at most so many runs."""


class ManualRuns:
    """Runs jobs in this process, and in others beside it."""

    def __init__(self, settings: Settings, instance: dg.DagsterInstance, log: Log) -> None:
        self.settings = settings
        self.collector = collector_of(settings)
        self._instance = instance
        self._locks = self.collector.store.locks
        self._here = threading.Lock()
        self._children: set[subprocess.Popen[bytes]] = set()
        self._defs = collecting_defs(settings, self.collector, {"console": _logger(log)})

    def run(
        self,
        job: str,
        *,
        tags: Mapping[str, str] | None = None,
        config: Mapping[str, Any] | None = None,
        feeds: Sequence[Feed] = (),
    ) -> dg.ExecuteInProcessResult:
        """Run a job to its end; of these feeds, where it is a job of assets."""
        run_id = str(uuid4())
        with signed_in(self._locks, run_id):
            return self._defs.resolve_job_def(job).execute_in_process(
                instance=self._instance,
                run_id=run_id,
                asset_selection=[dg.AssetKey(feed.asset_key) for feed in feeds],
                tags={STARTED_BY: "command line", **(tags or {})},
                run_config={"loggers": {"console": {}}, **(config or {})},
                raise_on_error=False,
            )

    def follow(self, feeds: Sequence[Feed], look: Callable[[], object]) -> bool:
        """Collect the hours now running, in one run; return whether it succeeded."""
        return self._beside(FOLLOW_JOB, feeds, look)

    def look_back(self, feeds: Sequence[Feed], look: Callable[[], object]) -> list[bool]:
        """List closed hours again where it is time to; return whether that succeeded, or nothing where none is due.

        A feed whose last hour failed is left out: a cron line comes back in minutes.
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
        """Return what all processes are doing, after failing the runs whose process is gone."""
        fail_the_gone(self._instance, self._locks, time.time())
        return look(self._instance, self._defs.get_repository_def(), self.settings.feeds)

    def ask(self, ask: Ask) -> dg.ExecuteInProcessResult:
        """Run these hours in this process."""
        zone = self.settings.timezone
        tags = range_tags(Hour(ask.first, zone), Hour(ask.end - SECONDS, zone))
        return self.run(COLLECT_JOB, tags=tags, feeds=ask.feeds)

    def collect(self, more: More, workers: int, look: Callable[[], object], read: ReadResult) -> list[bool]:
        """Run what `more` returns until it returns nothing and all is done; call `look` several times a second.

        One run is in this process, others are in processes of their own, which take some seconds to start: two runs
        in one process deadlock in Dagster's logging.
        """
        going: dict[Future[bool], Ask] = {}
        succeeded: list[bool] = []
        with ThreadPoolExecutor(workers) as threads:
            while True:
                busy = frozenset(feed for ask in going.values() for feed in ask.feeds)
                for ask in more(busy, workers - len(going)):
                    going[threads.submit(self._here_or_elsewhere, ask, read)] = ask
                if not going:
                    return succeeded
                for ended in self._first_done(going, look):
                    del going[ended]
                    succeeded.append(ended.result())

    def _here_or_elsewhere(self, ask: Ask, read: ReadResult) -> bool:
        if not self._here.acquire(blocking=False):
            return self._elsewhere(ask, read)
        try:
            return self.ask(ask).success
        finally:
            self._here.release()

    def _elsewhere(self, ask: Ask, read: ReadResult) -> bool:
        zone = ZoneInfo(self.settings.timezone)
        first, end = (datetime.fromtimestamp(time, zone).isoformat() for time in (ask.first, ask.end))
        feeds = [part for feed in ask.feeds for part in ("--feed", str(feed))]
        command = [sys.executable, "-m", "mailevents_dagster.cli", "collect", "--json", "--max-workers", "1"]
        with subprocess.Popen(  # noqa: S603 - this very program
            [*command, "--from", first, "--to", end, *feeds], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as child:
            self._children.add(child)
            printed, _ = child.communicate()
            self._children.discard(child)
        return read(printed)

    def _first_done(self, going: Iterable[Future[T]], look: Callable[[], object]) -> set[Future[T]]:
        """Wait until one at least is done. Where this process is told to end, end them all first."""
        left = set(going)
        try:
            while not (done := wait(left, LOOK_EVERY, FIRST_COMPLETED).done):
                look()
        except BaseException:
            for child in list(self._children):
                child.terminate()
            while left:  # a run that is between two hours may not have heard of it
                for beat in list(self.collector.heartbeats.beats.values()):
                    beat.stop()
                left = wait(left, LOOK_EVERY).not_done
            raise
        return done

    def due(self, feeds: Sequence[Feed], expect: Callable[[Ask], object]) -> More:
        """Return what gives the due hours of these feeds, each once, even where it fails; `expect` is told of each run.

        Earlier failures do not count: whoever asks wants it tried now.
        """
        asked: defaultdict[Feed, list[Span]] = defaultdict(list)
        rules = replace(rules_of(self.settings), feed_hours_a_run=FEED_HOURS_A_RUN)

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
    """Return what gives these in their order, those of one feed one after the other.

    What is made of other owners' hours, which stands last, waits for all before it.
    """
    pending = list(asks)

    def waits(ask: Ask, busy: Iterable[Feed]) -> bool:
        first = [*busy, *pending[0].feeds]
        return ask.feeds[0].kind.comes_last and not all(feed.kind.comes_last for feed in first)

    def more(busy: frozenset[Feed], free: int) -> Sequence[Ask]:
        taken: list[Ask] = []
        for ask in list(pending):
            if len(taken) < free and busy.isdisjoint(ask.feeds) and not waits(ask, busy):
                taken.append(ask)
                pending.remove(ask)
                busy |= set(ask.feeds)
        return taken

    return more


def _logger(log: Log) -> dg.LoggerDefinition:
    """Return a logger that passes on a run's own lines, and errors; Dagster's events are for the UI."""

    class Lines(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said: dict[str, Any] = getattr(record, "dagster_meta", {})
            if said.get("dagster_event") is None:
                log(said.get("orig_message") or record.getMessage(), record.levelno)

    @dg.logger
    def lines(_: dg.InitLoggerContext) -> logging.Logger:
        logger = logging.Logger("mailevents", logging.INFO)
        logger.addHandler(Lines(logging.INFO))
        return logger

    return lines
