"""What deploy/rsyslog.conf ships, to a SIEM of a test: each line once, to the byte, and nothing but events."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailevents_dagster.collecting.operating_logs import OperatingLogs
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.settings import OperatingLogSettings
from mailevents_dagster.sources.uzmanposta.feeds import feed_of
from mailevents_dagster.store.store import Store
from mailevents_dagster_tests.conftest import NOON, collection, event, make_store
from mailevents_dagster_tests.pages import CHECKOUT

LONG = "x" * 200_000
FEEDS = [feed_of("a.example", name) for name in ("mail/incominglog", "authentication")]


@pytest.fixture
def siem() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(30)
        yield listening


def configured(folder: Path, siem: socket.socket) -> Path:
    """The file as it is, but for where the logs lie and where they go, included from one that has modules already."""
    text = (CHECKOUT / "deploy" / "rsyslog.conf").read_text(encoding="utf-8")
    for written, here in (
        ("/var/lib/mailevents/data", str(folder / "data")),
        ("siem.example.com", "127.0.0.1"),
        ('port="5514"', f'port="{siem.getsockname()[1]}"'),
    ):
        assert written in text
        text = text.replace(written, here)
    (folder / "mailevents.conf").write_text(text)
    main = folder / "rsyslog.conf"
    main.write_text(
        f'module(load="imtcp")\nglobal(workDirectory="{folder}")\ninclude(file="{folder}/mailevents.conf")\n'
    )
    return main


def commit(store: Store, feed: Feed, hour: Hour, *texts: str) -> bytes:
    """Commits events; returns the log, which says them."""
    with store.open_hour(feed, hour) as work:
        work.commit(collection([event(hour.start + place, f"{place}", text) for place, text in enumerate(texts)]))
    return Path(str(store.layout.log(feed, hour))).read_bytes()


@pytest.mark.programs
def test_rsyslog_ships_each_event_once_and_as_it_is(tmp_path: Path, siem: socket.socket) -> None:
    store = make_store(tmp_path / "data")
    for feed in FEEDS:
        OperatingLogs(store.layout, OperatingLogSettings(), "UTC").message(feed, "this is for people")
    there = b"".join(commit(store, feed, NOON, "one", LONG) for feed in FEEDS)
    command = ["rsyslogd", "-n", "-i", str(tmp_path / "pid"), "-f", str(configured(tmp_path, siem))]

    with subprocess.Popen(command) as shipping:
        try:
            connection, _ = siem.accept()
            connection.settimeout(30)
            with connection, connection.makefile("rb") as told:
                assert sorted(lines(told, 4)) == sorted(there.splitlines(keepends=True))
                before = commit(store, FEEDS[0], NOON, "one", LONG, "appended")
                assert lines(told, 1) == before.splitlines(keepends=True)[2:]
                new = commit(store, FEEDS[0], NOON.next, "a new hour")
                assert lines(told, 1) == [new]
        finally:
            shipping.terminate()


def lines(told: Iterator[bytes], number: int) -> list[bytes]:
    return [next(told) for _ in range(number)]
