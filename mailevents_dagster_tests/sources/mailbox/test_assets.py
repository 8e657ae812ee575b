"""A mailbox as Dagster has it."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from mailevents_dagster.build import build_defs
from mailevents_dagster.orchestration.runs_in_flight import CHECKS_JOB, FOLLOW_JOB
from mailevents_dagster.settings import Settings
from mailevents_dagster.sources.catalog import load_settings
from mailevents_dagster.store.blob_removal import remove_unneeded
from mailevents_dagster.store.opening import store_of
from mailevents_dagster.store.retention import Retention
from mailevents_dagster.store.verify import verify_hour
from mailevents_dagster_tests.homes import in_files
from mailevents_dagster_tests.sources.mailbox.graph_mailbox import FEED, NOON
from mailevents_dagster_tests.store.destroying import destroy

pytestmark = pytest.mark.slow

HOURS = (NOON, NOON.next, NOON.next.next)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    file = tmp_path / "mailevents.yaml"
    written: dict[str, Any] = {
        "timezone": "UTC",
        "start": "2026-11-20T00:00",
        "storage": str(tmp_path / "data"),
        "mailboxes": [{"address": FEED.domain, "tenant_id": "simulator"}],
    }
    file.write_text(yaml.safe_dump(written))
    return load_settings(file, {})


def test_a_mailbox_is_an_hourly_asset(settings: Settings) -> None:
    graph = build_defs(settings).resolve_asset_graph()
    asset = graph.get(dg.AssetKey(["mailbox", FEED.domain]))
    assert {key.name for key in asset.check_keys} >= {"complete"}
    assert isinstance(asset.partitions_def, dg.TimeWindowPartitionsDefinition)


def test_a_run_makes_hours_of_a_mailbox_and_shows_what_it_found(settings: Settings) -> None:
    defs = build_defs(settings)
    tags = {"dagster/asset_partition_range_start": NOON.key, "dagster/asset_partition_range_end": HOURS[-1].key}
    with in_files() as instance:
        result = dg.materialize(
            list(defs.assets or ()),
            selection=[dg.AssetKey(FEED.asset_key)],
            resources=defs.resources,
            instance=instance,
            tags=tags,
        )
        assert result.success
        shown = [
            event.step_materialization_data.materialization.metadata
            for event in result.get_asset_materialization_events()
        ]
    assert len(shown) == len(HOURS)
    store = store_of(settings)
    for hour in HOURS:
        manifest = store.manifest(FEED, hour)
        assert manifest is not None
        assert (manifest.closed, manifest.details_owed) == (True, 0)
    assert sum(int(str(one["dagster/partition_row_count"].value)) for one in shown) > 0
    people = ("minsu.kim@", "@portfoy.example", "@custody.example")
    assert not any(person in str(one) for one in shown for person in people)


def test_jobs_that_follow_and_check_know_a_mailbox(settings: Settings) -> None:
    defs = build_defs(settings)
    with in_files() as instance:
        for job in (FOLLOW_JOB, CHECKS_JOB):
            assert defs.resolve_job_def(job).execute_in_process(instance=instance).success


def test_what_is_collected_is_verified_and_destroyed_with_its_messages(settings: Settings) -> None:
    defs = build_defs(settings)
    with in_files() as instance:
        assert dg.materialize(
            list(defs.assets or ()),
            selection=[dg.AssetKey(FEED.asset_key)],
            resources=defs.resources,
            instance=instance,
            partition_key=NOON.key,
        ).success
    store = store_of(settings)
    blobs = [path for path in Path(settings.storage, "blobs").rglob("*.eml*") if path.is_file()]
    assert blobs
    assert not verify_hour(store, FEED, NOON).findings

    content = blobs[0].read_bytes()
    blobs[0].unlink()
    assert any("gone" in one.what for one in verify_hour(store, FEED, NOON).findings)

    blobs[0].write_bytes(content)
    for path in blobs:  # one that was written within a day waits
        os.utime(path, (NOON.start, NOON.start))
    destroy(store, NOON, FEED)
    assert remove_unneeded(store, Retention({}), time.time()).blobs == len(blobs)
    assert not [path for path in blobs if path.exists()]
