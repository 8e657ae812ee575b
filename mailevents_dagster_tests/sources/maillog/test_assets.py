"""The feeds of a mail server as Dagster has them."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from mailevents_dagster.build import build_defs
from mailevents_dagster.orchestration.runs_in_flight import CHECKS_JOB, FOLLOW_JOB
from mailevents_dagster_tests.homes import in_files
from mailevents_dagster_tests.sources.maillog.mail_server import (
    BOUNCED,
    LINES,
    NOON,
    PUBLISHED,
    SERVER,
    MailServer,
    bounced,
    mail_server,
)

pytestmark = pytest.mark.slow


@pytest.fixture
def server(tmp_path: Path) -> MailServer:
    sqs = {"queue": "errors", "endpoint_url": "simulator", "only_with_pattern": False, "since": "2026-11-01T00:00"}
    return mail_server(tmp_path, sqs=sqs)


def test_each_feed_is_an_asset_that_is_made_of_the_one_before(server: MailServer) -> None:
    graph = build_defs(server.settings).resolve_asset_graph()
    lines, bounces, published = (dg.AssetKey(feed.asset_key) for feed in (LINES, BOUNCED, PUBLISHED))
    assert lines == dg.AssetKey(["maillog", SERVER])
    assert published == dg.AssetKey(["maillog", SERVER, "sqs"])
    assert graph.get(bounces).parent_keys == {lines}
    assert graph.get(published).parent_keys == {bounces}
    assert {key.name for key in graph.get(published).check_keys} >= {"complete", "published"}
    assert "published" not in {key.name for key in graph.get(bounces).check_keys}


def test_a_run_makes_an_hour_of_all_of_them_and_shows_what_it_found(server: MailServer) -> None:
    server.write(bounced(NOON.start, "who@dest.example"))
    defs = build_defs(server.settings)
    with in_files() as instance:
        keys = [dg.AssetKey(feed.asset_key) for feed in (LINES, BOUNCED, PUBLISHED)]
        result = dg.materialize(
            list(defs.assets or ()), selection=keys, partition_key=NOON.key, resources=defs.resources, instance=instance
        )
        assert result.success
        shown = {
            tuple(event.asset_key.path): event.step_materialization_data.materialization.metadata
            for event in result.get_asset_materialization_events()
            if event.asset_key
        }
    assert not {"details_missing", "origin"} & shown[LINES.asset_key].keys(), "they are of APIs"
    assert shown[LINES.asset_key]["records_not_understood"].value == 0
    assert shown[LINES.asset_key]["bytes_read"].value >= server.log.stat().st_size
    assert shown[BOUNCED.asset_key]["bounces_hard"].value == 1
    assert shown[PUBLISHED.asset_key]["published"].value == 1
    assert not any("who@" in str(value) for metadata in shown.values() for value in metadata.values())


def test_jobs_that_follow_and_check_know_a_server(server: MailServer) -> None:
    server.write(bounced(NOON.start, "who@dest.example"))
    defs = build_defs(server.settings)
    with in_files() as instance:
        for job in (FOLLOW_JOB, CHECKS_JOB):
            result = defs.resolve_job_def(job).execute_in_process(instance=instance)
            assert result.success
            assert not [one for one in instance.all_logs(result.run_id) if "detail calls" in one.user_message]
