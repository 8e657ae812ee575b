"""A project with Dagster's own web server as a process, asked by GraphQL as its pages do."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import urllib3

from mailevents_dagster.model.feed import Feed
from mailevents_dagster.orchestration.io_manager import EventStore
from mailevents_dagster.sources.catalog import load_settings
from mailevents_dagster.sources.uzmanposta.simulator import Behaviour, Simulator
from mailevents_dagster.store.store import Store

PROJECT = Path(__file__).parents[1]
VARIABLE = "UZMANPOSTA_KEY"
PATIENCE = 60.0
# Dagster's default puts runs into a queue, from which its daemon takes them: one process more, and seconds for each
# run. How runs are started, ended and recorded is the same without.
WITHOUT_QUEUE = "\nrun_coordinator: {module: dagster._core.run_coordinator, class: DefaultRunCoordinator}\n"

LAUNCH = """mutation($run: ExecutionParams!) { launchRun(executionParams: $run) {
    __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message stack } } }"""
ENDS = ("SUCCESS", "FAILURE", "CANCELED")
STATUS = "query($run: ID!) { runOrError(runId: $run) { ... on Run { status } } }"
RUN = """query($run: ID!) {
    runOrError(runId: $run) { ... on Run { runConfigYaml tags { key value } } }
    logsForRun(runId: $run) { ... on EventConnection { events {
        ... on MessageEvent { message }
        ... on DisplayableEvent { label description metadataEntries {
            label description ... on TextMetadataEntry { text } ... on JsonMetadataEntry { jsonString } } }
        ... on ErrorEvent { error { message stack errorChain { error { message stack } } } } } } } }"""
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
        return ask(self.http, self.url, query, variables)

    def launch(self, feed: Feed, tags: Mapping[str, str]) -> str:
        """Starts a run of a feed as the button Materialize does; returns its id."""
        return self.materialize([dg.AssetKey(feed.asset_key)], tags)

    def materialize(self, keys: Sequence[dg.AssetKey], tags: Mapping[str, str]) -> str:
        """Starts a run of these assets; returns its id."""
        selection = [{"path": list(key.path)} for key in keys]
        selector = {**REPOSITORY, "pipelineName": "__ASSET_JOB", "assetSelection": selection}
        metadata = {"tags": [{"key": key, "value": value} for key, value in tags.items()]}
        params = {"selector": selector, "runConfigData": {}, "executionMetadata": metadata}
        launched = self.ask(LAUNCH, run=params)["launchRun"]
        assert launched["__typename"] == "LaunchRunSuccess", launched
        return str(launched["run"]["runId"])

    def end_of(self, run: str, patience: float = PATIENCE) -> str:
        """The status of the run once it is over."""
        wait_for(lambda: self.ask(STATUS, run=run)["runOrError"]["status"] in ENDS, patience)
        return str(self.ask(STATUS, run=run)["runOrError"]["status"])

    def shown(self, run: str) -> str:
        """Configuration, tags and log of the run."""
        return json.dumps(self.ask(RUN, run=run))

    def journaled(self) -> int:
        return sum(journal.read_bytes().count(b"\n") for journal in self.folder.rglob("*.journal"))


def ask(http: urllib3.PoolManager, url: str, query: str, variables: Mapping[str, object]) -> dict[str, Any]:
    """Returns the data that a web server answers a query with."""
    answer = http.request("POST", f"{url}/graphql", json={"query": query, "variables": variables}).json()
    assert "errors" not in answer, answer
    return dict(answer["data"])


def wait_for(true: Callable[[], bool], patience: float = PATIENCE) -> None:
    """Returns as soon as it is true; fails when patience is over."""
    until = time.monotonic() + patience
    while not true():
        assert time.monotonic() < until
        time.sleep(0.05)


def is_over(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return False
    return True


@contextmanager
def webserver(folder: Path, settings: str, behaviour: Behaviour, key: str, domains: Sequence[str]) -> Iterator[Ui]:
    """The web server as `make ui` has it: the project's dagster.yaml and workspace.yaml, settings in a file."""
    home, file = folder / "home", folder / "mailevents.yaml"
    home.mkdir()
    (home / "dagster.yaml").write_text((PROJECT / "dagster.yaml").read_text() + WITHOUT_QUEUE)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    command = [sys.executable, "-m", "dagster_webserver", "--workspace", str(PROJECT / "workspace.yaml"), "-p", port]
    own = {"DAGSTER_HOME": str(home), "MAILEVENTS_CONFIG": str(file), VARIABLE: key}
    with (
        Simulator(behaviour, domains=domains) as api,
        (folder / "stdout").open("wb") as out,
        (folder / "stderr").open("wb") as err,
        urllib3.PoolManager(retries=False) as http,
    ):
        file.write_text(settings.format(base_url=api.base_url))
        store = EventStore(load_settings(file, environ=own)).store
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
