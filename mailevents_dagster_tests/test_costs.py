"""What an hour costs, counted so that it is the same on every machine: who makes it dearer has to say so here."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import pytest

from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.sources.uzmanposta import api as api_module
from mailevents_dagster.sources.uzmanposta.api import UzmanPostaApi
from mailevents_dagster.sources.uzmanposta.collect import collect_hour
from mailevents_dagster.sources.uzmanposta.simulator import FixedMail, Simulator
from mailevents_dagster.store.hour.commit import Commit
from mailevents_dagster.store.hour.known_events import Snapshot
from mailevents_dagster.store.hour.snapshot_file import SnapshotFile
from mailevents_dagster.store.store import Store
from mailevents_dagster_tests.conftest import AUTHENTICATION, DOMAIN, INCOMING, NOON, MakeApi, mail

pytestmark = pytest.mark.slow

MAILS = 640
JOURNAL_FLUSHES = MAILS // 64
COMMIT_FLUSHES = 11
"""Snapshot, log, manifest and twice the cursor, each with its folder, and the journal as it is closed."""


@pytest.fixture
def api(make_api: MakeApi, simulator: Simulator, fixed: FixedMail) -> UzmanPostaApi:
    fixed.add(DOMAIN, "mail/incominglog", [mail(NOON.start + number * 5, f"Q{number}") for number in range(-1, MAILS)])
    return make_api(simulator.base_url, max_parallel_details=4)


def collect(store: Store, api: UzmanPostaApi, feed: Feed = INCOMING, hour: Hour = NOON) -> Commit:
    with store.open_hour(feed, hour) as work:
        return work.commit(collect_hour(api, work))


@contextmanager
def counted(**calls: tuple[object, str]) -> Iterator[Counter[str]]:
    """How often these are called, by any thread."""
    counts: Counter[str] = Counter()

    def counting(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            counts[name] += 1
            return real(*arguments, **named)

        return call

    with pytest.MonkeyPatch.context() as patch:
        for name, (owner, attribute) in calls.items():
            patch.setattr(owner, attribute, counting(name, getattr(owner, attribute)))
        yield counts


def bytes_below(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_a_new_hour_takes_a_call_and_a_parse_for_each_mail_and_few_flushes(
    store: Store, api: UzmanPostaApi, simulator: Simulator
) -> None:
    collect(store, api, hour=NOON.previous)  # folders are made and flushed once
    simulator.calls.clear()
    with counted(parses=(api_module, "parse"), flushes=(os, "fsync")) as counts:
        collect(store, api)

    lists = 3  # it has as many rows as the hour before, so it is asked once for the rest
    assert (simulator.calls.count("list"), simulator.calls.count("detail")) == (lists, MAILS)
    assert counts["parses"] == lists + MAILS, "each answer is parsed once"
    assert counts["flushes"] <= JOURNAL_FLUSHES + COMMIT_FLUSHES


def test_no_record_is_parsed_again_to_be_written(store: Store, api: UzmanPostaApi) -> None:
    def parses(_: object) -> NoReturn:
        raise AssertionError("a record was parsed again")

    rows = replace(INCOMING.kind.rows, read=parses, marks_of=parses)
    collect(store, api, replace(INCOMING, kind=replace(INCOMING.kind, load_rows=lambda: rows)))


def test_an_hour_that_did_not_change_costs_a_call_and_reads_no_record(
    store: Store, api: UzmanPostaApi, simulator: Simulator
) -> None:
    collect(store, api)
    before = simulator.calls.count()
    with counted(
        parses=(api_module, "parse"),
        records=(Snapshot, "take"),
        whole=(SnapshotFile, "proven"),
        flushes=(os, "fsync"),
    ) as counts:
        again = collect(store, api)

    assert simulator.calls.count() == before + 1
    assert (again.added, again.changed) == (0, 0)
    assert (counts["parses"], counts["records"], counts["whole"]) == (1, 0, 0)
    assert counts["flushes"] <= 10, "manifest and cursor, each with its folder; the cursor twice"


def test_what_is_kept_of_an_hour_is_its_log_and_little_more(store: Store, api: UzmanPostaApi) -> None:
    done = collect(store, api)

    root = Path(str(store.layout.root))
    files = Counter(path.suffix for path in root.rglob("*") if path.is_file())
    log = done.manifest.log.bytes
    assert (files[".log"], files[".parquet"], files[".json"]) == (1, 1, 3), (
        "with manifest, cursor, and a word on the store"
    )
    assert done.manifest.snapshot.bytes < log / 4
    assert bytes_below(root) < log + done.manifest.snapshot.bytes + 8192


def test_rows_without_details_cost_a_call_a_page(
    store: Store, make_api: MakeApi, simulator: Simulator, fixed: FixedMail
) -> None:
    rows = [{"time": NOON.start + number, "email": f"u{number}", "service": "imap"} for number in range(3000)]
    fixed.add(DOMAIN, "authentication", rows)
    collect(store, make_api(simulator.base_url), AUTHENTICATION)

    assert simulator.calls.count("list") <= 4
    assert simulator.calls.count("detail") == 0
