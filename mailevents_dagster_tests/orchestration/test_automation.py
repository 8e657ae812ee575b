"""Sensor and schedules with Dagster's real daemon: hours are collected by themselves, also past kills."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import orjson
from dagster import AssetKey

from mailevents_dagster.model.hour import Hour, hours_between
from mailevents_dagster.settings import Settings
from mailevents_dagster.sources.catalog import load_settings
from mailevents_dagster.sources.uzmanposta.feeds import FEED_KINDS
from mailevents_dagster.sources.uzmanposta.simulator import Behaviour, FixedMail, Simulator
from mailevents_dagster.store.store import Store
from mailevents_dagster_tests.conftest import mail
from mailevents_dagster_tests.orchestration.daemons import Automated, automated
from mailevents_dagster_tests.projects import KEY, same_events

PATIENCE = 300.0
HOURS = 5
SETTINGS = """
timezone: Europe/Istanbul
start: {start}
storage: ./data
api: {{base_url: "{base_url}", requests_per_second: null, max_attempts: 3}}
collect: {{settle_minutes: 0, hours_per_run: 3}}
automation: {{follow_minutes: 0.1, max_parallel_runs: 2}}
accounts:
  - domain: example.com
    api_key: ${{UZMANPOSTA_KEY}}
    feeds: [mail/incominglog, mail/outgoinglog, quarantine/quarantine, authentication]
  - domain: example.org
    api_key: ${{UZMANPOSTA_KEY}}
    feeds: [mail/incominglog, authentication]
"""


def mail_from(first: Hour) -> FixedMail:
    """An event every two minutes in each feed, at night as at noon."""
    source = FixedMail()
    for time_of_it in range(first.start, int(time.time()), 120):
        for domain in ("example.com", "example.org"):
            for feed in ("mail/incominglog", "mail/outgoinglog"):
                source.add(domain, feed, [mail(time_of_it, f"{feed[5]}{time_of_it}")])
            for feed in ("quarantine/quarantine", "authentication"):
                source.add(domain, feed, [{"time": time_of_it, "email": "a@example.com"}])
    return source


def until(holds: Callable[[], bool], daemon_log: Callable[[], str]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, daemon_log()[-5000:]
        time.sleep(0.2)


def test_with_kills_in_the_middle_all_hours_come_to_be_collected_closed_and_materialized(tmp_path: Path) -> None:
    first = Hour.containing(time.time() - HOURS * 3600, "Europe/Istanbul")
    with Simulator(Behaviour(latency_seconds=0.06), source=mail_from(first)) as api:
        text = SETTINGS.format(start=first.key[:10] + "T" + first.key[11:], base_url=api.base_url)
        here = automated(tmp_path, text, {"UZMANPOSTA_KEY": KEY})
        settings = load_settings(tmp_path / "mailevents.yaml", environ={"UZMANPOSTA_KEY": KEY})
        store = Store(settings.storage, settings.timezone, settings.log_file_name, FEED_KINDS, Path(settings.storage))
        ended = list(hours_between(first.start, time.time(), "Europe/Istanbul"))

        with here.daemon() as daemon:
            until(lambda: len(here.collecting()) > 0, here.log)
            os.kill(here.collecting()[0], signal.SIGKILL)
            until(lambda: len(here.collecting()) > 1, here.log)
            os.killpg(daemon.pid, signal.SIGKILL)
        with here.daemon():
            until(lambda: all_closed(store, settings, ended) and all_materialized(here, settings, ended), here.log)
            until(lambda: running_hour_is_followed(store, settings), here.log)

        for feed in settings.feeds:
            for hour in ended:
                log = Path(str(store.layout.log(feed, hour))).read_bytes()
                assert same_events(
                    [orjson.loads(line) for line in log.splitlines()],
                    api.truth(feed.domain, feed.name, hour.start, hour.end),
                ), (feed, hour)
    assert "kept and not shown" in here.log()


def running_hour_is_followed(store: Store, settings: Settings) -> bool:
    running = Hour.containing(time.time(), settings.timezone)
    return any(store.layout.log(feed, running).exists() for feed in settings.feeds)


def all_closed(store: Store, settings: Settings, hours: list[Hour]) -> bool:
    cursors = [store.readable_cursor(feed) for feed in settings.feeds]
    return all(cursor and all(cursor.is_closed(hour.start) for hour in hours) for cursor in cursors)


def all_materialized(here: Automated, settings: Settings, hours: list[Hour]) -> bool:
    with here.instance() as instance:
        return all(
            {hour.key for hour in hours} <= instance.get_materialized_partitions(AssetKey(feed.asset_key))
            for feed in settings.feeds
        )
