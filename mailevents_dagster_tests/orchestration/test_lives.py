"""The lives of mails as an asset: made in runs, asked for when lines change, destroyed with the lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pandas as pd
import pyarrow as pa
import pytest

from mailevents_dagster.model.day import Day
from mailevents_dagster.model.hour import SECONDS, Hour
from mailevents_dagster.sources.maillog.lives import SCHEMA
from mailevents_dagster.store.destruction import destroying
from mailevents_dagster_tests.projects import SETTINGS, Project, project, stop_the_clock
from mailevents_dagster_tests.summaries.servers import keep_log, log_of
from mailevents_dagster_tests.summaries.test_lives import arrival, attempt

ZONE = "Europe/Istanbul"
DAY = Day.from_key("2026-11-16", ZONE)
HOURS = list(DAY.hours)
NOW = DAY.end + 5 * 3600 + 1800.0
KEY = dg.AssetKey(["maillog", "lives"])
SERVERS = (
    SETTINGS.replace("2026-11-01T00:00", "2026-11-12T06:00").split("accounts:", maxsplit=1)[0]
    + """mail_logs:
  - {{name: mx1, format: postfix, files: simulator}}
  - {{name: exim1, format: exim, files: simulator}}
"""
)


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    stop_the_clock(monkeypatch, NOW)


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Project]:
    with project(tmp_path, settings=SERVERS, now=lambda: NOW) as made:
        yield made


def make(here: Project, extra: Sequence[dg.AssetsDefinition] = (), keys: Sequence[dg.AssetKey] = (KEY,)) -> bool:
    return dg.materialize(
        [*(here.defs.assets or ()), *extra],
        selection=list(keys),
        resources=here.defs.resources,
        instance=here.instance,
        partition_key=DAY.key,
    ).success


def tell(here: Project) -> None:
    """A mail that came two days before, and was delivered on the day."""
    came = DAY.start - 2 * 86_400
    keep_log(here.store, *arrival(came), *attempt(came, "deferred", "450 later"), *attempt(DAY.start, "sent", "250 Ok"))


def asking(here: Project) -> Callable[[], set[str]]:
    """Looks as the daemon does; returns the days that are asked for."""
    cursor = None

    def asked() -> set[str]:
        nonlocal cursor
        result = dg.evaluate_automation_conditions(
            here.defs,
            here.instance,
            asset_selection=dg.AssetSelection.assets(KEY),
            evaluation_time=datetime.fromtimestamp(NOW, UTC),
            cursor=cursor,
        )
        cursor = result.cursor
        return set(result.get_requested_partitions(KEY))

    return asked


def collected(here: Project, hours: Sequence[Hour], *servers: str) -> None:
    """Says in Dagster that these hours of lines are there."""
    for server in servers:
        for hour in hours:
            key = dg.AssetKey(log_of(server).asset_key)
            here.instance.report_runless_asset_event(dg.AssetMaterialization(key, partition=hour.key))


def test_a_run_shows_numbers_and_names_nobody(here: Project) -> None:
    tell(here)

    assert make(here)

    event = here.instance.get_latest_materialization_event(KEY)
    assert event
    assert event.asset_materialization
    shown = {name: value.value for name, value in event.asset_materialization.metadata.items()}
    assert (shown["mails"], shown["delivered"], shown["delivery_seconds_p50"]) == (1, 1, 172_800.0)
    assert (shown["dagster/partition_row_count"], shown["hours"], shown["complete"]) == (1, 48, False)
    everything = "".join(entry.to_json() for entry in here.instance.all_logs(event.run_id))
    assert not [name for name in ("r@example.com", "s@example.org") if name in everything]
    file = here.store.layout.lives(DAY.key)
    assert shown["parquet_file"] == str(file)
    assert file.stat().st_mode & 0o077 == 0, "as private as the logs"


@pytest.mark.parametrize("annotation", [pd.DataFrame, pa.Table])
def test_assets_on_the_lives_get_their_rows(here: Project, annotation: type) -> None:
    got: list[pa.Table | pd.DataFrame] = []

    def reader(lives) -> None:  # type: ignore[no-untyped-def]
        got.append(lives)

    reader.__annotations__["lives"] = annotation
    days = next(one.partitions_def for one in here.defs.assets or () if KEY in one.keys)  # type: ignore[union-attr]
    asset = dg.asset(ins={"lives": dg.AssetIn(KEY)}, partitions_def=days)(reader)
    tell(here)

    assert make(here, [asset], [KEY, asset.key])

    [lives] = got
    assert isinstance(lives, annotation)
    assert list(lives["recipient"]) in (["r@example.com"], [pa.scalar("r@example.com")])
    if isinstance(lives, pa.Table):
        assert lives.schema.equals(SCHEMA)


def test_a_day_is_asked_for_once_its_hours_and_those_before_are_there_and_when_one_changed(here: Project) -> None:
    asked = asking(here)
    before = [Hour(start, ZONE) for start in range(here.settings.start, DAY.start, SECONDS)]
    assert asked() == set()
    collected(here, HOURS, "mx1", "exim1")
    assert asked() == set(), "of the days before there is nothing yet"
    collected(here, before[3:], "mx1", "exim1")
    collected(here, before[:3], "mx1")
    assert asked() == set(), "one server lacks hours of the first day"
    collected(here, before[:3], "exim1")
    every = {f"2026-11-{day}" for day in range(12, 17)}
    assert asked() == every
    assert make(here)
    assert asked() == set()

    collected(here, [HOURS[-1]], "mx1")
    assert asked() == {DAY.key}
    assert asked() == set()
    collected(here, [before[-1]], "exim1")
    assert asked() == {"2026-11-15", DAY.key}, "a mail of that day may have come the day before"


def test_destroying_lines_destroys_the_lives_of_their_day(here: Project) -> None:
    tell(here)
    assert make(here)
    feed, file = log_of("mx1"), here.store.layout.lives(DAY.key)
    with destroying(here.store, feed, HOURS[1], [], "maillog_days: 1", print) as record:
        assert record
        assert [one.path for one in record.files] == [f"lives/date={DAY.key}/lives.parquet"]

    assert not file.exists()


def test_there_are_lives_only_where_there_are_mail_servers_and_summaries(tmp_path: Path) -> None:
    def has(settings: str) -> bool:
        with project(tmp_path, settings=settings) as here:
            return KEY in here.defs.get_repository_def().asset_graph.materializable_asset_keys

    assert has(SERVERS)
    assert not has(SERVERS + "summaries: {{enabled: false}}\n")
    assert not has(SETTINGS)
