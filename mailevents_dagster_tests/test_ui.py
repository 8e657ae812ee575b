"""Dagster's own web server with this project: runs are started, watched and ended in it as its UI does, by GraphQL."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import zlib
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson
import pyarrow.parquet as pq
import pytest
import urllib3

from mailevents_dagster.build import build_defs
from mailevents_dagster.feeds import Feed
from mailevents_dagster.hours import Hour, last_ended
from mailevents_dagster.settings import load_settings
from mailevents_dagster.sources.uzmanposta.simulator import Answer, Behaviour, Simulator
from mailevents_dagster.store.store import Store
from mailevents_dagster_tests.projects import DOMAIN, SETTINGS, range_tags, same_events

PROJECT = Path(__file__).parents[1]
KEY = "d1stinctive+4e1f/key=of~the#ui"
VARIABLE = "UZMANPOSTA_KEY"
INCOMING = Feed(DOMAIN, "mail/incominglog")
PATIENCE = 60.0
# Dagster's default puts runs into a queue, from which its daemon takes them: one process more, and seconds for each
# run. How runs are started, ended and recorded is the same without.
WITHOUT_QUEUE = "\nrun_coordinator: {module: dagster._core.run_coordinator, class: DefaultRunCoordinator}\n"

LAUNCH = """mutation($run: ExecutionParams!) { launchRun(executionParams: $run) {
    __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message stack } } }"""
TERMINATE = """mutation($run: String!) { terminateRun(runId: $run, terminatePolicy: SAFE_TERMINATE) { __typename } }"""
ENDS = ("SUCCESS", "FAILURE", "CANCELED")
STATUS = "query($run: ID!) { runOrError(runId: $run) { ... on Run { status } } }"
RUN = """query($run: ID!) {
    runOrError(runId: $run) { ... on Run { runConfigYaml tags { key value } } }
    logsForRun(runId: $run) { ... on EventConnection { events {
        ... on MessageEvent { message }
        ... on DisplayableEvent { label description metadataEntries {
            label description ... on TextMetadataEntry { text } ... on JsonMetadataEntry { jsonString } } }
        ... on ErrorEvent { error { message stack errorChain { error { message stack } } } } } } } }"""
RESOURCES = """query($of: RepositorySelector!) { allTopLevelResourceDetailsOrError(repositorySelector: $of) {
    __typename ... on ResourceDetailsList { results {
        name configFields { name defaultValueAsJson } configuredValues { key value } } } } }"""
REPOSITORY = {"repositoryLocationName": "mailevents", "repositoryName": "__repository__"}


@dataclass(frozen=True)
class Ui:
    """A running web server, the simulated API behind it, and the folder where all of both lies."""

    folder: Path
    api: Simulator
    store: Store
    url: str
    http: urllib3.PoolManager

    def ask(self, query: str, **variables: object) -> dict[str, Any]:
        body = {"query": query, "variables": variables}
        answer = self.http.request("POST", f"{self.url}/graphql", json=body).json()
        assert "errors" not in answer, answer
        return dict(answer["data"])

    def launch(self, feed: Feed, tags: Mapping[str, str]) -> str:
        """Starts a run as the button Materialize does; returns its id."""
        selector = {**REPOSITORY, "pipelineName": "__ASSET_JOB", "assetSelection": [{"path": feed.asset_key}]}
        metadata = {"tags": [{"key": key, "value": value} for key, value in tags.items()]}
        params = {"selector": selector, "runConfigData": {}, "executionMetadata": metadata}
        launched = self.ask(LAUNCH, run=params)["launchRun"]
        assert launched["__typename"] == "LaunchRunSuccess", launched
        return str(launched["run"]["runId"])

    def end_of(self, run: str) -> str:
        """The status of the run once it is over."""
        wait_for(lambda: self.ask(STATUS, run=run)["runOrError"]["status"] in ENDS)
        return str(self.ask(STATUS, run=run)["runOrError"]["status"])

    def shown(self, run: str) -> str:
        """Configuration, tags and log of the run."""
        return json.dumps(self.ask(RUN, run=run))

    def journaled(self) -> int:
        return sum(journal.read_bytes().count(b"\n") for journal in self.folder.rglob("*.journal"))


def wait_for(true: Callable[[], bool]) -> None:
    """Returns as soon as it is true; fails when patience is over."""
    until = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < until
        time.sleep(0.05)


def is_over(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return False
    return True


@pytest.fixture(scope="module")
def ui(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ui]:
    """The web server as `make ui` has it: the project's dagster.yaml and workspace.yaml, settings in a file."""
    folder = tmp_path_factory.mktemp("ui")
    home, file = folder / "home", folder / "mailevents.yaml"
    home.mkdir()
    (home / "dagster.yaml").write_text((PROJECT / "dagster.yaml").read_text() + WITHOUT_QUEUE)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    command = [sys.executable, "-m", "dagster_webserver", "--workspace", str(PROJECT / "workspace.yaml"), "-p", port]
    own = {"DAGSTER_HOME": str(home), "MAILEVENTS_CONFIG": str(file), VARIABLE: KEY}
    with (
        Simulator(Behaviour(events_per_hour=300), domains=[DOMAIN]) as api,
        (folder / "stdout").open("wb") as out,
        (folder / "stderr").open("wb") as err,
        urllib3.PoolManager(retries=False) as http,
    ):
        file.write_text(SETTINGS.format(base_url=api.base_url))
        store = build_defs(load_settings(file, environ=own)).resources["event_store"].store
        made = Ui(folder, api, store, f"http://127.0.0.1:{port}", http)

        def answers() -> bool:
            assert server.poll() is None, (folder / "stderr").read_text()
            with suppress(urllib3.exceptions.HTTPError):
                return http.request("GET", f"{made.url}/server_info").status == 200
            return False

        streams = {"stdout": out, "stderr": err}
        with subprocess.Popen(command, cwd=home, env=os.environ | own, start_new_session=True, **streams) as server:
            try:
                wait_for(answers)
                yield made
            finally:
                server.terminate()
                with suppress(subprocess.TimeoutExpired):
                    server.wait(PATIENCE)
                with suppress(ProcessLookupError):
                    os.killpg(server.pid, signal.SIGKILL)  # runs that a failed test left behind


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
    failing = [Feed(DOMAIN, name) for name in ("quarantine/quarantine", "authentication", "mail/outgoinglog")]
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
    assert {"resources", f"run {runs[1]}", str(ui.folder / "home" / "history" / "runs.db")} <= named
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
