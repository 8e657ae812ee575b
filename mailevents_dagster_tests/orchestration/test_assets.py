"""Feeds as assets: real Dagster runs against the simulated API, from a partition or a range to files and metadata."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from mailevents_dagster.model.hour import Hour
from mailevents_dagster.sources.uzmanposta.feeds import FEED_KINDS, feed_of
from mailevents_dagster.sources.uzmanposta.simulator import Answer, Request
from mailevents_dagster_tests.projects import DOMAIN, KEY, Project, busy_hours, project, same_events

INCOMING = "mail/incominglog"
ALL_FEEDS = list(FEED_KINDS)


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Project]:
    with project(tmp_path) as made:
        yield made


@pytest.fixture
def hours() -> list[Hour]:
    return busy_hours()


def metadata_of(here: Project, feed: str, hour: Hour) -> dict[str, object]:
    records = here.instance.fetch_materializations(
        dg.AssetRecordsFilter(dg.AssetKey(feed_of(DOMAIN, feed).asset_key), asset_partitions=[hour.key]), limit=1
    ).records
    assert records[0].asset_materialization
    return {name: value.value for name, value in records[0].asset_materialization.metadata.items()}


def lists_hour(hour: Hour) -> object:
    window = str(hour.start - 1), str(hour.end)
    return lambda request: request.kind == "list" and (request.params["starttime"], request.params["endtime"]) == window


@pytest.mark.parametrize("feed", ALL_FEEDS)
def test_a_partition_holds_what_the_api_has_of_its_hour(here: Project, hours: list[Hour], feed: str) -> None:
    assert here.materialize([feed], hours[0]).success

    truth = here.truth(feed, hours[0])
    assert truth
    assert same_events(here.logged(feed, hours[0]), truth)
    assert metadata_of(here, feed, hours[0])["dagster/partition_row_count"] == len(truth)


def test_each_hour_of_a_range_run_has_its_own_files_and_metadata(here: Project, hours: list[Hour]) -> None:
    assert here.materialize(ALL_FEEDS, hours).success

    for feed in ALL_FEEDS:
        assert here.materialized(feed) == {hour.key for hour in hours}
        for hour in hours:
            assert same_events(here.logged(feed, hour), here.truth(feed, hour))
            assert metadata_of(here, feed, hour)["dagster/partition_row_count"] == len(here.truth(feed, hour))


def test_a_range_of_one_hour_is_what_the_backfill_daemon_sends(here: Project, hours: list[Hour]) -> None:
    assert here.materialize([INCOMING], hours[:1]).success
    assert here.materialized(INCOMING) == {hours[0].key}


def test_an_hour_carries_the_numbers_of_its_collection(here: Project, hours: list[Hour]) -> None:
    here.materialize([INCOMING], hours[0])

    mails = [event for event in here.truth(INCOMING, hours[0]) if event.get("queue_id") and event.get("recipients")]
    numbers = metadata_of(here, INCOMING, hours[0])
    assert numbers["list_calls"] == 3, "the feed's first answer of ten rows or more is asked once for the rest"
    assert numbers["detail_calls"] == len(mails)
    assert numbers["api_calls"] == 3 + len(mails)
    assert (numbers["details_reused"], numbers["details_missing"], numbers["throttle_seconds"]) == (0, 0, 0)
    assert Path(str(numbers["log_file"])).stat().st_size == numbers["log_bytes"]
    assert Path(str(numbers["parquet_file"])).stat().st_size == numbers["parquet_bytes"]
    assert (numbers["complete"], numbers["closed"]) == (True, True)
    assert hours[0].start <= numbers["first_event"] <= numbers["last_event"] < hours[0].end  # type: ignore[operator]
    assert numbers["collect_seconds"] > 0  # type: ignore[operator]


def test_a_second_collection_asks_for_no_detail_and_leaves_the_log_as_it_was(here: Project, hours: list[Hour]) -> None:
    here.materialize([INCOMING], hours)
    logs = {hour: Path(str(here.store.layout.log(feed_of(DOMAIN, INCOMING), hour))) for hour in hours}
    before = {hour: (log.read_bytes(), log.stat().st_ino) for hour, log in logs.items()}
    here.api.calls.clear()

    assert here.materialize([INCOMING], hours).success

    lists = 5  # the longest hour is asked for the rest a second time, and never again
    assert (here.api.calls.count("list"), here.api.calls.count("detail")) == (lists, 0)
    assert {hour: (log.read_bytes(), log.stat().st_ino) for hour, log in logs.items()} == before
    assert metadata_of(here, INCOMING, hours[0])["log_change"] == "unchanged"


def test_hours_around_one_that_fails_count_as_materialized(here: Project, hours: list[Hour]) -> None:
    here.api.fail_next(lists_hour(hours[1]), Answer(status=404), times=None)

    result = here.materialize([INCOMING], hours)

    assert not result.success
    assert here.materialized(INCOMING) == {hours[0].key, hours[2].key}
    assert metadata_of(here, INCOMING, hours[0])["dagster/partition_row_count"] == len(here.truth(INCOMING, hours[0]))
    [failure] = result.get_step_failure_events()
    said = str(failure.step_failure_data.error)
    assert hours[1].key in said
    assert "answered 404" in said


def test_an_api_that_is_down_is_not_asked_for_hour_after_hour(here: Project, hours: list[Hour]) -> None:
    here.api.fail_next("/logs/auth", Answer(status=404), times=1)
    here.api.fail_next("/logs/auth", Answer(status=503), times=None)
    first = hours[0].previous.previous.previous
    six = [first, first.next, first.next.next, *hours]

    result = here.materialize(["authentication"], six)

    assert here.api.calls.count("list", 503) == 3 * 2  # hours, each tried twice
    [failure] = result.get_step_failure_events()
    said = str(failure.step_failure_data.error)
    assert "4 of 6 hours could not be collected" in said
    assert "2 hours were not tried" in said


def test_a_refused_key_stops_at_once_and_says_which_variable_holds_it(here: Project, hours: list[Hour]) -> None:
    here.api.fail_next("/logs", Answer(status=401), times=None)

    result = here.materialize([INCOMING], hours)

    assert here.api.calls.count() == 1
    [failure] = result.get_step_failure_events()
    assert "UZMANPOSTA_KEY" in str(failure.step_failure_data.error)
    assert KEY not in str(failure.step_failure_data.error)


def test_hours_beyond_retention_fail_with_the_reason_and_the_others_are_collected(here: Project) -> None:
    limit = Hour.containing(time.time() - 6 * 86_400, "Europe/Istanbul")
    hours = [limit.previous, limit.next]

    result = here.materialize(["quarantine/quarantine"], [limit.previous, limit, limit.next])

    assert not result.success
    assert here.materialized("quarantine/quarantine") == {hours[1].key}
    assert not here.store.layout.log(feed_of(DOMAIN, "quarantine/quarantine"), hours[0]).exists()
    [failure] = result.get_step_failure_events()
    assert "keeps this feed for 7 days" in str(failure.step_failure_data.error)


def test_an_hour_without_events_is_committed_as_an_empty_hour(here: Project, hours: list[Hour]) -> None:
    here.api.fail_next(lambda request: request.kind == "list", Answer(status=200, body=b"[]"), times=None)

    assert here.materialize([INCOMING], hours[0]).success

    assert here.logged(INCOMING, hours[0]) == []
    assert metadata_of(here, INCOMING, hours[0])["dagster/partition_row_count"] == 0
    manifest = here.store.manifest(feed_of(DOMAIN, INCOMING), hours[0])
    assert manifest
    assert (manifest.events, manifest.complete) == (0, True)


def test_more_events_in_a_second_than_a_page_shows_are_named_and_the_hour_is_incomplete(
    tmp_path: Path, hours: list[Hour]
) -> None:
    from mailevents_dagster.sources.uzmanposta.simulator import FixedMail

    second = hours[0].start + 100
    source = FixedMail()
    source.add(DOMAIN, "authentication", [{"email": f"u{n}@example.com", "time": second} for n in range(1200)])
    source.add(DOMAIN, "authentication", [{"email": "v@example.com", "time": second + 5}])
    with project(tmp_path, source=source) as here:
        result = here.materialize(["authentication"], hours[0])
        numbers = metadata_of(here, "authentication", hours[0])
        said = [event.message for event in here.instance.all_logs(result.run_id)]

    assert result.success
    assert (numbers["dagster/partition_row_count"], numbers["complete"]) == (1001, False)
    assert numbers["seconds_beyond_the_page_limit"] == 1
    assert any("more events in the second" in line for line in said)


def test_the_key_is_in_no_event_and_no_file_of_a_run(here: Project, hours: list[Hour]) -> None:
    here.api.fail_next("/logs/mail/", Answer(status=500), times=1)
    here.api.fail_next(lambda request: isinstance(request, Request), Answer(status=403), times=1)
    runs = [here.materialize([INCOMING], hours[0]), here.materialize([INCOMING], hours[0])]

    logged = [repr(event) for run in runs for event in here.instance.all_logs(run.run_id)]
    assert not [line for line in logged if KEY in line]
    files = [path for path in Path(here.settings.storage).parent.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if KEY.encode() in path.read_bytes()]


def assets_of_feeds(here: Project) -> dict[dg.AssetKey, dg.AssetsDefinition]:
    """All assets but the summaries."""
    assets = [asset for asset in here.defs.assets if isinstance(asset, dg.AssetsDefinition)]
    return {asset.key: asset for asset in assets if asset.key.path[0] != "summaries"}


def test_an_asset_says_what_it_is(here: Project) -> None:
    assets = assets_of_feeds(here)
    asset = assets[dg.AssetKey(["uzmanposta", DOMAIN, "mail", "incominglog"])]
    spec = asset.get_asset_spec()

    assert set(assets) == {dg.AssetKey(feed_of(DOMAIN, feed).asset_key) for feed in ALL_FEEDS}
    assert dg.AssetKey(["uzmanposta", DOMAIN, "authentication"]) in assets
    assert spec.group_name == "example_com"
    assert spec.kinds == {"python", "parquet", "json"}
    assert spec.owners == ["team:mail-operations"]
    assert spec.tags["domain"] == DOMAIN
    assert asset.op.pool == "uzmanposta_example_com"
    assert asset.backfill_policy == dg.BackfillPolicy.multi_run(24)
    assert "GET /logs/mail" in str(spec.description)
    columns = {column.name: column.description for column in spec.metadata["dagster/column_schema"].columns}
    assert {"event_time", "queue_id", "raw"} <= set(columns)
    assert all(columns.values())


def test_all_feeds_share_one_partitions_definition(here: Project) -> None:
    definitions = {asset.partitions_def for asset in assets_of_feeds(here).values()}

    [partitions] = definitions
    assert partitions.get_first_partition_key() == "2026-11-01-00:00"


def test_the_ui_shows_no_configuration_of_a_source_and_so_no_key(here: Project) -> None:
    shown = here.defs.get_repository_def().get_top_level_resources()["uzmanposta"].config_schema
    assert not shown.default_provided
