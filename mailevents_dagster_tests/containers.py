"""All containers together, as processes: database, code server, daemon, web interface, and one for each run.

The commands are those of compose.yaml, the variables those of the Dockerfile; Dagster's own launcher starts runs
through a stand-in for Docker's engine. They share PostgreSQL and a storage, and nothing else.
"""

from __future__ import annotations

import os
import re
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson
import pytest
import urllib3
import yaml

from mailevents_dagster.model.hour import Hour
from mailevents_dagster.sources.catalog import load_settings
from mailevents_dagster.sources.uzmanposta.feeds import feed_of
from mailevents_dagster.sources.uzmanposta.simulator import Behaviour, Simulator
from mailevents_dagster.store.opening import store_of
from mailevents_dagster.store.store import Store
from mailevents_dagster_tests.docker_engine import Container, DockerEngine
from mailevents_dagster_tests.postgres_server import PASSWORD, PostgresServer
from mailevents_dagster_tests.projects import DOMAIN, KEY, same_events
from mailevents_dagster_tests.test_containers import DOCKER, command_of
from mailevents_dagster_tests.webserver import ask

PATIENCE: Final = 240.0
FEEDS: Final = ("mail/incominglog", "mail/outgoinglog")
SETTINGS: Final = """
timezone: Europe/Istanbul
start: 2026-11-01T00:00
storage: {storage}
postgres: ${{POSTGRES_URL}}
automation: {{enabled: false}}
api: {{base_url: "{api}", requests_per_second: null}}
accounts:
  - domain: example.com
    api_key: ${{UZMANPOSTA_KEY}}
    feeds: [mail/incominglog, mail/outgoinglog]
"""
BACKFILL: Final = """mutation($backfill: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $backfill) {
    __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message stack } } }"""
BACKFILL_STATUS: Final = """query($id: String!) {
    partitionBackfillOrError(backfillId: $id) { ... on PartitionBackfill { status } } }"""
RUNS: Final = "{ runsOrError { ... on Runs { results { runId status } } } }"


@dataclass(frozen=True)
class Together:
    """Everything that runs, asked through the web interface."""

    engine: DockerEngine
    api: Simulator
    database: PostgresServer
    store: Store
    url: str
    http: urllib3.PoolManager

    def ask(self, query: str, **variables: object) -> dict[str, Any]:
        return ask(self.http, self.url, query, variables)

    def backfill(self, hours: Sequence[Hour]) -> str:
        asked = {
            "assetSelection": [{"path": list(feed_of(DOMAIN, feed).asset_key)} for feed in FEEDS],
            "partitionNames": [hour.key for hour in hours],
            "fromFailure": False,
        }
        begun = self.ask(BACKFILL, backfill=asked)["launchPartitionBackfill"]
        assert begun["__typename"] == "LaunchBackfillSuccess", begun
        return str(begun["backfillId"])

    def wait_for(self, backfill: str) -> str:
        def is_over() -> bool:
            return status() not in ("REQUESTED", "CANCELING", "FAILING")

        def status() -> str:
            return str(self.ask(BACKFILL_STATUS, id=backfill)["partitionBackfillOrError"]["status"])

        self.until(is_over)
        return status()

    def until(self, true: Callable[[], object]) -> None:
        until(true, self.engine)

    @property
    def runs(self) -> Mapping[str, str]:
        """Return the status of each run by its id."""
        return {run["runId"]: run["status"] for run in self.ask(RUNS)["runsOrError"]["results"]}

    @property
    def containers_of_runs(self) -> list[Container]:
        return [one for one in self.engine.containers.values() if not one.is_service]

    def differing(self, hours: Sequence[Hour]) -> list[tuple[str, str]]:
        """Return feeds and hours that are not what the API had."""
        return [(feed, hour.key) for feed in FEEDS for hour in hours if not self._is_the_truth(feed, hour)]

    def _is_the_truth(self, feed: str, hour: Hour) -> bool:
        raws = self.store.dataset(feed_of(DOMAIN, feed), [hour]).to_table(columns=["raw"]).column("raw")
        truth = self.api.truth(DOMAIN, feed, hour.start, hour.end)
        return same_events([orjson.loads(raw) for raw in raws.to_pylist()], truth)


def until(true: Callable[[], object], engine: DockerEngine) -> None:
    """Return as soon as it is true; fail with what all containers printed when patience is over."""
    end = time.monotonic() + PATIENCE
    while not true():
        ended = [one for one in engine.containers.values() if one.is_service and one.status == "exited"]
        assert not ended, engine.printed()
        assert time.monotonic() < end, engine.printed()
        time.sleep(0.2)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def image_variables() -> dict[str, str]:
    """Return what the Dockerfile sets in the image, less where programs lie."""
    text = (DOCKER / "Dockerfile").read_text().split("\nFROM ")[-1]
    [block] = re.findall(r"^ENV ((?:.*\\\n)*.*)$", text, re.M)
    found = dict(one.split("=", 1) for one in block.replace("\\\n", " ").split())
    del found["PATH"]
    return found


@contextmanager
def together(
    folder: Path, storage: str, keys: Mapping[str, str], behaviour: Behaviour, monitoring: Mapping[str, object]
) -> Iterator[Together]:
    """Start all containers; `keys` are what stands in `.env` beside the API's, `monitoring` how lost runs are found."""
    with ExitStack() as closing:
        api = closing.enter_context(Simulator(behaviour, domains=[DOMAIN]))
        database = closing.enter_context(PostgresServer())
        database.sql("CREATE DATABASE mailevents")
        http = closing.enter_context(urllib3.PoolManager(retries=False))
        code, web = free_port(), free_port()
        paths = {"/etc/mailevents": folder / "settings", "/var/lib/mailevents": folder / "data"}

        def translate(text: str) -> str:
            return re.sub("|".join(paths), lambda found: str(paths[found[0]]), text)

        for path in (*paths.values(), folder / "image"):
            path.mkdir()
        secrets = {"UZMANPOSTA_KEY": KEY, **keys}
        file = folder / "settings" / "mailevents.yaml"
        file.write_text(SETTINGS.format(storage=translate(storage), api=api.base_url))
        file.with_name(".env").write_text("".join(f"{name}={value}\n" for name, value in secrets.items()))
        file.with_name("postgres_password").write_text(PASSWORD)
        dagster = translate((DOCKER / "dagster.yaml").read_text()).replace("port: 5432", f"port: {database.port}")
        settings = yaml.safe_load(dagster)
        settings["run_monitoring"] |= monitoring
        (folder / "image" / "dagster.yaml").write_text(yaml.safe_dump(settings))
        workspace = (DOCKER / "workspace.yaml").read_text().replace("host: code", "host: 127.0.0.1")
        (folder / "image" / "workspace.yaml").write_text(workspace.replace("4000", str(code)))
        own = {"POSTGRES_HOST": "127.0.0.1"}
        image = image_variables() | {
            "POSTGRES_PORT": str(database.port),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        }
        engine = closing.enter_context(DockerEngine(folder, [str(DOCKER / "entrypoint")], image, translate))
        variables = {"DOCKER_HOST": engine.address, **own}

        def start(service: str) -> Container:
            ports = {"4000": str(code), "3000": str(web), "0.0.0.0": "127.0.0.1"}
            given = {"DAGSTER_CURRENT_IMAGE": "mailevents:local"} if service == "code" else {}
            return engine.start([ports.get(word, word) for word in command_of(service)], variables | given)

        def answers() -> bool:
            with suppress(urllib3.exceptions.HTTPError):
                return http.request("GET", f"http://127.0.0.1:{web}/server_info").status == 200
            return False

        def is_open() -> bool:
            with suppress(OSError), socket.create_connection(("127.0.0.1", code), 1):
                return True
            return False

        start("code")
        until(is_open, engine)
        start("daemon")
        start("webserver")
        until(answers, engine)
        url = f"postgresql://mailevents:{PASSWORD}@127.0.0.1:{database.port}/mailevents"
        closing.enter_context(pytest.MonkeyPatch.context()).setenv("POSTGRES_URL", url)  # of this process's own store
        store = store_of(load_settings(file, {**secrets, "POSTGRES_URL": url}))
        yield Together(engine, api, database, store, f"http://127.0.0.1:{web}", http)
