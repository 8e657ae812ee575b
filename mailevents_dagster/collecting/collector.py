"""Collector: hours opened, collected and seen to, in one way for assets, rounds and whoever comes later."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from mailevents_dagster.collecting.configuration import store_of
from mailevents_dagster.collecting.heartbeats import Heartbeats
from mailevents_dagster.collecting.operating_logs import OperatingLogs
from mailevents_dagster.model.event import Collection, Progress
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.settings import Settings
from mailevents_dagster.sources.uzmanposta.api import UzmanPostaApi
from mailevents_dagster.sources.uzmanposta.collect import Tell, collect_hour
from mailevents_dagster.sources.uzmanposta.errors import ApiError
from mailevents_dagster.store.cursors import lack_of
from mailevents_dagster.store.destruction_record import DestroyedError
from mailevents_dagster.store.hour.open_hour import OpenHour
from mailevents_dagster.store.store import Store

logger = logging.getLogger(__name__)


def collector_of(settings: Settings) -> Collector:
    """The collector that closes hours, as it is configured."""
    store = store_of(settings)
    names = {one.feed: one.monitor_name for one in settings.configured if one.monitor_name}
    return Collector(
        store,
        Heartbeats(store.layout, names, settings.timezone),
        OperatingLogs(store.layout, settings.operating_logs, settings.timezone),
        settle_seconds=settings.collect.settle_minutes * 60,
        lookback_seconds=settings.collect.lookback_hours * 3600,
        details=settings.collect.details,
    )


@dataclass(frozen=True, slots=True)
class Collector:
    """How hours are collected, and who sees it."""

    store: Store
    heartbeats: Heartbeats
    logs: OperatingLogs
    settle_seconds: float
    """How long after its end an hour closes; infinite where none may."""
    lookback_seconds: float = 0.0
    """How long after its end an hour is looked at again."""
    details: bool = True

    @contextmanager
    def hour(
        self,
        api: UzmanPostaApi,
        feed: Feed,
        hour: Hour,
        when_held: Callable[[str], object] = logger.warning,
        tell: Tell = lambda _: None,
        nearly_asked: Callable[[], object] = lambda: None,
    ) -> Iterator[tuple[OpenHour, Collection]]:
        """The hour as it was found, still open to be committed by the block.

        `nearly_asked` is called when it is time to ask for the next hour.
        """
        with self._open(feed, hour, when_held) as work, self.heartbeats.beating(feed, hour) as beat:
            before, throttled = beat.throttled, api.budget.seconds_throttled

            def watch(seconds: float, failed: ApiError | None) -> None:
                beat.called(seconds, failed=failed is not None)
                beat.throttled = before + api.budget.seconds_throttled - throttled
                if failed:
                    self.logs.call_failed(feed, hour, failed)

            def told(progress: Progress) -> None:
                if beat.hour == hour:  # the next one is the one to be shown
                    beat.progress = progress
                tell(progress)

            beat.stop = api.stop
            try:
                found = collect_hour(
                    api,
                    work,
                    settle_seconds=self.settle_seconds,
                    lookback_seconds=self.lookback_seconds,
                    details=self.details,
                    tell=told,
                    watch=watch,
                    nearly_asked=nearly_asked,
                )
                yield work, found
            except Exception as error:
                self.logs.hour_failed(feed, hour, error)
                raise
            if work.done:
                beat.events += work.done.added
                beat.lacking[hour] = lack_of(work.done.manifest)

    @contextmanager
    def _open(self, feed: Feed, hour: Hour, when_held: Callable[[str], object]) -> Iterator[OpenHour]:
        """The hour to collect into; one that was destroyed counts as failed, as any other that cannot be collected."""
        with ExitStack() as opened:
            try:
                work = opened.enter_context(self.store.open_hour(feed, hour, when_held))
            except DestroyedError:
                with self.heartbeats.beating(feed, hour):
                    raise
            yield work
