"""The product: the hour collected and committed as a run does it, without Dagster around it."""

from __future__ import annotations

from pathlib import Path

from workload import FEED, HOUR, KEY, Task

from mailevents_dagster.settings.models import DEFAULT_LOG_FILE_NAME
from mailevents_dagster.sources.client import Options
from mailevents_dagster.sources.uzmanposta.access import Access
from mailevents_dagster.sources.uzmanposta.api import UzmanPostaApi
from mailevents_dagster.sources.uzmanposta.collect import collect_hour
from mailevents_dagster.sources.uzmanposta.feeds import FEED_KINDS
from mailevents_dagster.store.store import Store


def collect(task: Task) -> Path:
    """Collects the hour into log, snapshot and manifest, and returns the path of the log."""
    access = Access(
        FEED.domain, task.base_url, KEY, requests_per_second=task.rate, max_parallel_details=task.concurrency
    )
    store = Store(str(task.folder), HOUR.timezone, DEFAULT_LOG_FILE_NAME, FEED_KINDS, scratch=task.folder)
    with UzmanPostaApi(access) as api, store.open_hour(FEED, HOUR) as work:
        commit = work.commit(collect_hour(api, work, Options(settle_seconds=600, details=task.details)))
    return Path(str(commit.log))
