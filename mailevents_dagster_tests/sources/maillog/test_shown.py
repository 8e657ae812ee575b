"""What people and monitors are shown of a mail server says what is true of one: no account, no calls, no domain."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest

from mailevents_dagster.build import build_defs
from mailevents_dagster.cli import progress
from mailevents_dagster.collecting.heartbeats import Heartbeats
from mailevents_dagster.health.prometheus import write_metrics
from mailevents_dagster.orchestration import manual_runs
from mailevents_dagster.orchestration.runs_in_flight import CHECKS_JOB
from mailevents_dagster_tests.commands import mailevents, nothing
from mailevents_dagster_tests.homes import in_files
from mailevents_dagster_tests.sources.maillog.mail_server import BOUNCED, LINES, NOON, SERVER, MailServer, mail_server

pytestmark = pytest.mark.slow


@pytest.fixture
def server(tmp_path: Path) -> MailServer:
    return mail_server(tmp_path)


def run(server: MailServer, *arguments: str, before: Callable[[], None] = nothing) -> str:
    environ = {"PATH": "/usr/bin:/bin", "HOME": str(server.folder), "MAILEVENTS_CONFIG": str(server.settings.source)}
    return mailevents(*arguments, environ=environ, before=before).stdout


def always_telling() -> None:
    """Have a collection say how far it is from the first moment on: a quick one is done before it would say so."""
    progress.SAY_EVERY = 0.0  # type: ignore[misc]
    manual_runs.LOOK_EVERY = 0.0  # type: ignore[misc]


def test_the_list_of_feeds_leaves_empty_what_a_server_has_none_of(server: MailServer) -> None:
    said = run(server, "feeds")

    assert str(LINES) in said
    assert "None" not in said
    assert "unlimited" not in said
    lines, bounces = json.loads(run(server, "feeds", "--json"))
    assert (lines["account"], lines["endpoint"]) == (None, str(server.folder / "log" / "mail.log*"))
    assert (bounces["account"], bounces["endpoint"], bounces["requests_per_second"]) == (None, None, None)


def test_no_check_speaks_of_calls(server: MailServer) -> None:
    defs = build_defs(server.settings)
    names = {key.name for key in defs.resolve_asset_graph().get(dg.AssetKey(LINES.asset_key)).check_keys}
    assert "current" in names
    assert "keeping_up" not in names
    with in_files() as instance:
        result = defs.resolve_job_def(CHECKS_JOB).execute_in_process(instance=instance)
        assert result.success
        said = [entry.user_message for entry in instance.all_logs(result.run_id)]
    assert [line for line in said if "'current'" in line]
    assert not [line for line in said if "'keeping_up'" in line]


def test_monitors_get_no_numbers_of_calls(server: MailServer) -> None:
    with Heartbeats(server.store.layout, {}, "UTC").beating(LINES, NOON):
        pass

    write_metrics(server.settings)

    text = server.store.layout.metrics.read_text()
    assert f'mailevents_process_events{{domain="{SERVER}",feed="maillog/postfix"}} 0' in text
    assert "mailevents_process_api_calls" not in text
    assert "mailevents_process_throttled_seconds" not in text
    assert "mailevents_account" not in text


def test_a_collection_tells_of_hours_and_events_alone(server: MailServer) -> None:
    hours = ("--from", "2026-11-20T12:00", "--to", "2026-11-20T14:00")

    said = run(server, "collect", *hours, before=always_telling)

    assert "0 of 4 hours, 0 new events, 0.0 a second, 0 hours failed\n" in said
    assert "details" not in said
    assert "calls" not in said


def test_an_asset_says_that_a_server_has_it_and_what_its_log_is(server: MailServer) -> None:
    graph = build_defs(server.settings).resolve_asset_graph()
    lines, bounces = (graph.get(dg.AssetKey(feed.asset_key)) for feed in (LINES, BOUNCED))

    for asset in (lines, bounces):
        assert f"Server **{SERVER}**, feed" in str(asset.description)
        assert "Domain" not in str(asset.description)
    assert "| log | the lines themselves" in str(lines.description)
    assert "| log | one JSON object a line" in str(bounces.description)
    assert ("json" in {*lines.kinds}, "json" in {*bounces.kinds}) == (False, True)


def test_an_asset_leads_to_its_server_in_the_settings(server: MailServer) -> None:
    asset = build_defs(server.settings).resolve_assets_def(dg.AssetKey(LINES.asset_key))
    value = asset.metadata_by_key[dg.AssetKey(LINES.asset_key)]["dagster/code_references"]
    assert isinstance(value, dg.CodeReferencesMetadataValue)
    [link] = [one for one in value.code_references if getattr(one, "label", None) == "mailevents.yaml"]
    assert isinstance(link, dg.LocalFileCodeReference)
    assert server.settings.source
    line = server.settings.source.read_text().splitlines()[(link.line_number or 1) - 1]
    assert f"name: {SERVER}" in line
