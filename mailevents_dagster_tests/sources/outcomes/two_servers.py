"""Logs of two Postfix servers, of which the outcomes of a domain are made, and the project that collects them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mailevents_dagster.collecting.outcomes import Outcome, Task
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.settings import Settings
from mailevents_dagster.sources.catalog import SOURCES
from mailevents_dagster.sources.client import Client
from mailevents_dagster.sources.outcomes.feeds import outcomes_of
from mailevents_dagster.store.opening import store_of
from mailevents_dagster_tests.collecting_process import collector_in, outcomes
from mailevents_dagster_tests.sources.maillog.mail_server import NOON, stamp

OUTCOMES = outcomes_of("example.com")
MADE_OF_TWO = """
start: 2026-11-01T00:00
storage: {folder}/data
mail_logs:
  - {{name: mx1.example.com, format: postfix, files: {folder}/one.log}}
  - {{name: mx2.example.com, format: postfix, files: {folder}/two.log}}
deliverability:
  - domain: example.com
"""


def arrival(at: int, sender: str, queue_id: str = "4jdFMk25cKz6mCx") -> list[str]:
    head = f"{stamp(at)} mx1 postfix"
    return [
        f"{head}/smtpd[1]: {queue_id}: client=mail.example.org[192.0.2.205]",
        f"{head}/cleanup[2]: {queue_id}: message-id=<m.{queue_id}@example.com>",
        f"{head}/qmgr[3]: {queue_id}: from=<{sender}>, size=345, nrcpt=1 (queue active)",
    ]


def collect(settings: Settings, hours: Sequence[Hour] = (NOON,), feeds: Sequence[Feed] | None = None) -> list[Outcome]:
    clients: dict[tuple[str, str], Client] = {}

    def client(feed: Feed) -> Client:
        source = next(one for one in SOURCES if one.name == feed.kind.source)
        return clients.setdefault(feed.lane, source.client(settings, feed.domain))

    tasks = [Task(feed, hours) for feed in feeds or settings.feeds]
    try:
        return outcomes(collector_in(store_of(settings)), client, tasks)
    finally:
        for one in clients.values():
            one.close()


def rows(settings: Settings, hour: Hour = NOON) -> list[Mapping[str, Any]]:
    return list(store_of(settings).dataset(OUTCOMES, [hour]).to_table().to_pylist())


def write(tmp_path: Path, name: str, *lines: str) -> None:
    with (tmp_path / name).open("a", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in lines)
