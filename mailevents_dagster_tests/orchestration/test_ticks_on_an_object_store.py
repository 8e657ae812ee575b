"""What a tick of the sensor costs in requests, where the storage is an object store."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from mailevents_dagster.orchestration.io_manager import EventStore
from mailevents_dagster.store.cursor_file import write_cursor
from mailevents_dagster.store.cursors import Cursor
from mailevents_dagster.store.opening import store_of
from mailevents_dagster_tests.object_server import ObjectServer
from mailevents_dagster_tests.projects import SETTINGS, Project, project

HOURS = 48


@pytest.fixture
def here(bucket: str, s3: ObjectServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """A project whose feeds have all hours, as their cursors say; no manifest of them is there."""
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    with project(tmp_path, settings=SETTINGS.replace("./data", bucket)) as made:
        store, end = store_of(made.settings), int(time.time()) // 3600 * 3600
        for feed in made.settings.feeds:
            cursor = Cursor(closed=((end - HOURS * 3600, end),), newest=(end - 3600, 20))
            write_cursor(store.layout.cursor(feed), cursor, store.timezone)
        s3.forget()
        yield made


def tick(here: Project, s3: ObjectServer) -> tuple[int, int, int]:
    """Return how many requests read cursors, how many read manifests, and how many listed something."""
    repository = here.defs.get_repository_def()
    s3.forget()
    resources = {"event_store": here.defs.resources["event_store"]} if here.defs.resources else {}
    with dg.build_sensor_context(here.instance, repository_def=repository, resources=resources) as context:
        repository.get_sensor_def("follow_feeds").evaluate_tick(context)
    keys = [request.key for request in s3.requests]
    return (
        sum("/cursors/" in key and not key.startswith("?") for key in keys),
        sum("/manifests/example.com/" in key and not key.startswith("?") for key in keys),
        sum(key.startswith("?") for key in keys),
    )


def test_each_cursor_is_read_once_and_then_only_if_it_changed(here: Project, s3: ObjectServer) -> None:
    feeds = here.settings.feeds
    cursors, manifests, listings = tick(here, s3)
    assert (cursors, manifests) == (len(feeds), 0)
    assert listings <= len(feeds) + 3  # the manifests of each feed, cursors twice, and runs
    assert tick(here, s3)[:2] == (0, 0)
    store = store_of(here.settings)
    write_cursor(store.layout.cursor(feeds[0]), Cursor(), store.timezone)
    assert tick(here, s3)[:2] == (1, 0)


def test_runs_sign_in_where_everything_else_is_locked(here: Project) -> None:
    settings = here.settings.model_copy(update={"postgres": "postgresql://nobody@127.0.0.1:1/none"})
    assert EventStore(settings).store.locks is store_of(settings).locks
