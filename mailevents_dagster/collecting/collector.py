"""The collector: opens an hour, has its source collect it, and keeps heartbeat and operating logs up to date."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace

from mailevents_dagster.collecting.heartbeats import Beat, Heartbeats
from mailevents_dagster.collecting.memory import keep_little
from mailevents_dagster.collecting.operating_logs import OperatingLogs
from mailevents_dagster.model.event import Collection, Progress
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.settings import Settings
from mailevents_dagster.sharing.locks import HeldError
from mailevents_dagster.sources.client import Attempt, Client, Options
from mailevents_dagster.store.destruction_record import DestroyedError
from mailevents_dagster.store.hour.open_hour import OpenHour
from mailevents_dagster.store.lack import lack_of
from mailevents_dagster.store.opening import store_of
from mailevents_dagster.store.store import Store

logger = logging.getLogger(__name__)


def collector_of(settings: Settings, store: Store | None = None) -> Collector:
    """Return the collector that closes hours, as it is configured; into a store that is open, if one is given."""
    keep_little()
    store, collect = store or store_of(settings), settings.collect
    names = {one.feed: one.monitor_name for one in settings.configured if one.monitor_name}
    return Collector(
        store,
        Heartbeats(store.layout, names, settings.timezone),
        OperatingLogs(store.layout, settings.operating_logs, settings.timezone),
        Options(
            settle_seconds=collect.settle_minutes * 60,
            lookback_seconds=collect.lookback_hours * 3600,
            details=collect.details,
        ),
    )


@dataclass(frozen=True, slots=True)
class Collector:
    """How hours are collected, and who sees it."""

    store: Store
    heartbeats: Heartbeats
    logs: OperatingLogs
    options: Options = field(default_factory=Options)

    @contextmanager
    def hour(
        self,
        client: Client,
        feed: Feed,
        hour: Hour,
        when_held: Callable[[str], object] = logger.warning,
        report: Callable[[Progress], object] = lambda _: None,
    ) -> Iterator[tuple[OpenHour, Collection]]:
        """Yield the hour as the source has it, still open: the block commits it."""
        with ExitStack() as opened:
            try:
                work = opened.enter_context(self.store.open_hour(feed, hour, when_held))
            except DestroyedError:
                with self.heartbeats.beating(feed, hour):  # it counts as failed
                    raise
            beat = opened.enter_context(self.heartbeats.beating(feed, hour))
            beat.stop = client.stop
            try:
                yield work, client.collect(work, self._observed(beat, hour, report))
            except HeldError:
                raise
            except Exception as error:
                self.logs.hour_failed(feed, hour, error)
                raise
            if work.done:
                beat.events += work.done.added
                beat.lacking[hour] = lack_of(work.done.manifest)

    def _observed(self, beat: Beat, hour: Hour, report: Callable[[Progress], object]) -> Options:
        throttled_before = beat.throttled

        def observe(attempt: Attempt) -> None:
            beat.called(attempt.seconds, failed=attempt.failed is not None)
            beat.throttled = throttled_before + attempt.seconds_throttled
            if attempt.failed:
                self.logs.call_failed(beat.feed, hour, attempt.failed)

        def report_too(progress: Progress) -> None:
            if beat.hour == hour:  # once the next hour has begun, that one is shown
                beat.progress = progress
            report(progress)

        return replace(self.options, observe=observe, report=report_too)
