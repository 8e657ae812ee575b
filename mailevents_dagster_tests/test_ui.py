"""Dagster's own web server with this project: runs are started, watched and ended in it as its UI does, by GraphQL."""

from __future__ import annotations

import json
import re
import sqlite3
import time
import zlib
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing, suppress
from itertools import chain
from pathlib import Path
from urllib.parse import quote

import orjson
import pyarrow.parquet as pq
import pytest

from mailevents_dagster.model.hour import Hour, last_ended
from mailevents_dagster.sources.uzmanposta.feeds import feed_of
from mailevents_dagster.sources.uzmanposta.simulator import Answer, Behaviour
from mailevents_dagster_tests.projects import DOMAIN, SETTINGS, range_tags, same_events
from mailevents_dagster_tests.webserver import REPOSITORY, VARIABLE, Ui, is_over, wait_for, webserver

pytestmark = pytest.mark.slow

KEY = "d1stinctive+4e1f/key=of~the#ui"
INCOMING = feed_of(DOMAIN, "mail/incominglog")
TERMINATE = """mutation($run: String!) { terminateRun(runId: $run, terminatePolicy: SAFE_TERMINATE) { __typename } }"""
RESOURCES = """query($of: RepositorySelector!) { allTopLevelResourceDetailsOrError(repositorySelector: $of) {
    __typename ... on ResourceDetailsList { results {
        name configFields { name defaultValueAsJson } configuredValues { key value } } } } }"""


@pytest.fixture(scope="module")
def ui(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ui]:
    with webserver(tmp_path_factory.mktemp("ui"), SETTINGS, Behaviour(events_per_hour=300), KEY, [DOMAIN]) as running:
        yield running


@pytest.fixture
def hour() -> Hour:
    return last_ended(time.time() - 7200, "Europe/Istanbul")


def test_terminate_in_the_ui_ends_a_collection_inside_a_long_pause_and_keeps_its_journal(ui: Ui, hour: Hour) -> None:
    ui.api.fail_next("/logs/mail/", Answer(), times=5)
    ui.api.fail_next("/logs/mail/", Answer(429, {"Retry-After": "600"}), times=None)
    run = ui.launch(INCOMING, {"dagster/partition": hour.key})
    wait_for(lambda: ui.api.calls.count("detail", 429) > 0 and ui.journaled() == 5)
    [pid] = map(int, re.findall(r"Started process for run \(pid: (\d+)\)", ui.shown(run)))
    assert not is_over(pid)

    assert ui.ask(TERMINATE, run=run)["terminateRun"]["__typename"] == "TerminateRunSuccess"

    assert ui.end_of(run) == "CANCELED"
    wait_for(lambda: is_over(pid))
    assert ui.journaled() == ui.api.calls.count("detail", 200) == 5
    assert not list(ui.folder.rglob("*.partial"))

    known = {(call.path, call.params["time"]) for call in ui.api.calls if (call.kind, call.status) == ("detail", 200)}
    ui.api.faults.clear()
    ui.api.calls.clear()
    for budget in ui.folder.rglob("*.budget"):
        budget.unlink()  # what the API told the account holds for the next run as well: 600 seconds

    assert ui.end_of(ui.launch(INCOMING, {"dagster/partition": hour.key})) == "SUCCESS"

    truth = ui.api.truth(DOMAIN, INCOMING.name, hour.start, hour.end)
    wanted = sum(bool(mail.get("queue_id") and mail.get("recipients")) for mail in truth)
    asked = [(call.path, call.params["time"]) for call in ui.api.calls if call.kind == "detail"]
    assert len(asked) == wanted - 5
    assert known.isdisjoint(asked)
    log = Path(str(ui.store.layout.log(INCOMING, hour)))
    assert same_events([orjson.loads(line) for line in log.read_bytes().splitlines()], truth)
    assert not list(ui.folder.rglob("*.journal"))


def test_the_key_is_nowhere_below_storage_and_dagster_home_nor_in_any_output(ui: Ui, hour: Hour) -> None:
    failing = [feed_of(DOMAIN, name) for name in ("quarantine/quarantine", "authentication", "mail/outgoinglog")]
    ui.api.fail_next("/quarantines", Answer(401, body=orjson.dumps({"message": f"{KEY} is no key"})), times=None)
    ui.api.fail_next("/logs/authentication", Answer(500), times=1)
    ui.api.fail_next("/logs/authentication", Answer(reset=True), times=None)
    folder = ui.store.layout.journal(failing[-1], hour).parent
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.touch()  # a file in its place: no detail can be kept, which nothing expects
    runs = [ui.launch(INCOMING, range_tags([hour.previous, hour]))]
    runs += [ui.launch(feed, {"dagster/partition": hour.key}) for feed in failing]

    assert [ui.end_of(run) for run in runs] == ["SUCCESS", "FAILURE", "FAILURE", "FAILURE"]

    shown = [ui.shown(run) for run in runs]
    for said, what in zip(shown[1:], ("answered 401", "connection was reset", "NotADirectoryError"), strict=True):
        assert what in said
    assert {call.key for call in ui.api.calls} == {KEY}
    places = {f"run {run}": said.encode() for run, said in zip(runs, shown, strict=True)}
    places["resources"] = json.dumps(ui.ask(RESOURCES, of=REPOSITORY)).encode()
    # Backwards: x.db-wal before x.db, into which it may go meanwhile.
    for path in sorted((path for path in ui.folder.rglob("*") if path.is_file()), reverse=True):
        with suppress(FileNotFoundError):
            places[str(path)] = b"\n".join(contents(path))

    assert [place for place, content in places.items() if any(form in content for form in forms_of_the_key())] == []
    # What is searched is what was meant: the name of the variable is in it.
    named = {place for place, content in places.items() if VARIABLE.encode() in content}
    assert f"run {runs[1]}" in named
    assert b'"uzmanposta"' in places["resources"]
    assert [place for place in named if place.endswith(".err")]


def forms_of_the_key() -> Iterator[bytes]:
    """The key as it is, as URLs carry it, and as Base64 does."""
    yield KEY.encode()
    yield quote(KEY, safe="").encode()
    for before in range(3):  # in Base64 a text looks in three ways, by what stands before it
        yield b64encode(b" " * before + KEY.encode())[4 if before else 0 : -4]


def contents(path: Path) -> Iterator[bytes]:
    """The bytes of a file and, as these may be packed or lie in pieces, the values that it holds."""
    yield path.read_bytes()
    if path.suffix == ".parquet":
        yield repr(pq.read_table(path).to_pylist()).encode()
    if path.suffix == ".db":
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
            tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
            rows = (row for (table,) in tables for row in database.execute(f"SELECT * FROM {table}"))
            for value in chain.from_iterable(rows):
                yield value if isinstance(value, bytes) else str(value).encode()
                with suppress(zlib.error, TypeError):
                    yield zlib.decompress(value)
