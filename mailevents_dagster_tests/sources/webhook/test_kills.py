"""The receiver is killed at any moment, again and again: what it acknowledged is in the hours, once."""

from __future__ import annotations

import os
import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from mailevents_dagster.model.hour import Hour
from mailevents_dagster.settings import Settings
from mailevents_dagster.sources.catalog import load_settings
from mailevents_dagster.sources.client import Options
from mailevents_dagster.sources.webhook.feeds import feed_of
from mailevents_dagster.sources.webhook.opening import client_of
from mailevents_dagster.sources.webhook.receiving.serving import Listening, serve
from mailevents_dagster.store.opening import store_of
from mailevents_dagster_tests.forks import FORKS, PATIENCE
from mailevents_dagster_tests.sources.webhook.senders import JSON, MAILGUN_KEY, mailgun_body, mailgun_event

pytestmark = pytest.mark.slow

KILLS = int(os.environ.get("MAILEVENTS_KILLS", "4"))
SENDERS = 8
SETTINGS = """
start: 2026-01-01T00:00
storage: ./data
webhooks: [{name: replies, provider: mailgun, secret: "${MAILGUN_SIGNING_KEY}"}]
"""
FEED = feed_of("replies", "mailgun")


class Senders:
    """Providers, who send each webhook until it is taken."""

    def __init__(self) -> None:
        self.port = 0
        self.is_up = threading.Event()
        self.is_over = False
        self.taken = Counter[int]()
        """Answers by status."""
        self.acknowledged: list[str] = []
        self.acks_left = 0
        self.killer = threading.Event()
        self._lock = threading.Lock()

    def send(self, sender: int) -> None:
        number = 0
        with requests.Session() as session:
            while not self.is_over:
                id_ = f"{sender}-{number}"
                self._until_taken(session, id_)
                number += 1

    def _until_taken(self, session: requests.Session, id_: str) -> None:
        body = mailgun_body(mailgun_event(id_, at=time.time(), pad="x" * 4000), at=time.time())
        while True:
            self.is_up.wait()
            try:
                status = session.post(
                    f"http://127.0.0.1:{self.port}/webhooks/replies", body, headers=JSON, timeout=30
                ).status_code
            except requests.RequestException:
                if self.is_over:
                    return
                continue
            assert status in (200, 406)  # 406: it was kept before the kill, and only the answer was lost
            with self._lock:
                self.taken[status] += 1
                self.acknowledged.append(id_)
                self.acks_left -= 1
                if self.acks_left <= 0:
                    self.killer.set()
            return

    def run_until_killed(self, file: Path, acks: int) -> None:
        """Have a receiver run until it has answered so often; then it is killed."""
        self.killer.clear()
        self.acks_left = acks
        said, says = FORKS.Pipe(duplex=False)
        victim = FORKS.Process(target=receive, args=(file, self.port, says))
        victim.start()
        says.close()
        self.port = said.recv()
        self.is_up.set()
        assert self.killer.wait(PATIENCE)
        self.is_up.clear()
        victim.kill()
        victim.join()
        said.close()


def receive(file: Path, port: int, says: Connection) -> None:
    """The receiver, in a process of its own."""
    os.environ["MAILGUN_SIGNING_KEY"] = MAILGUN_KEY
    settings = load_settings(file)

    def announce(listening: Listening) -> None:
        says.send(urlsplit(listening.url).port)

    serve(settings, store_of(settings), announce, port=port)


def collect(settings: Settings) -> list[str]:
    """The ids of all hours."""
    store, client = store_of(settings), client_of(settings, "replies")
    hours = sorted({hour for segment in client._survey.segments() for hour in segment.hours})
    ids = []
    for hour in (Hour(start, settings.timezone) for start in hours):
        with store.open_hour(FEED, hour) as work:
            work.commit(client.collect(work, Options()))
        ids += store.dataset(FEED, [hour]).to_table(columns=["id"]).column("id").to_pylist()
    return ids


def test_nothing_that_was_acknowledged_is_lost_and_nothing_stands_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAILGUN_SIGNING_KEY", MAILGUN_KEY)
    file = tmp_path / "mailevents.yaml"
    file.write_text(SETTINGS)
    settings, senders, chance = load_settings(file), Senders(), random.Random(20)
    with ThreadPoolExecutor(SENDERS) as threads:
        at_work = [threads.submit(senders.send, number) for number in range(SENDERS)]
        try:
            for kill in range(KILLS):
                senders.run_until_killed(file, chance.randrange(1, 200))
                if kill % 10 == 0:
                    collect(settings)  # while the receiver is away
        finally:
            senders.is_over = True
            senders.is_up.set()
        for one in at_work:
            one.result()
    stored = collect(settings)
    print(f"{KILLS} kills, {senders.taken}, {len(stored)} stored")  # noqa: T201 - what -s is for
    assert len(stored) == len(set(stored))
    assert set(senders.acknowledged) <= set(stored)
    assert len(set(stored) - set(senders.acknowledged)) <= SENDERS  # kept, and killed before the answer
