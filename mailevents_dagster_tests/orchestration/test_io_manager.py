"""Assets built on feeds: they load one hour or a range as the type they are annotated with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pytest

from mailevents_dagster.model.hour import Hour
from mailevents_dagster.sources.uzmanposta.feeds import feed_of
from mailevents_dagster_tests.projects import DOMAIN, Project, busy_hours, project

INCOMING = "mail/incominglog"
UPSTREAM = dg.AssetKey(feed_of(DOMAIN, INCOMING).asset_key)


@pytest.fixture
def hours() -> list[Hour]:
    return busy_hours()


@pytest.fixture
def here(tmp_path: Path, hours: list[Hour]) -> Iterator[Project]:
    with project(tmp_path) as made:
        made.materialize([INCOMING], hours)
        yield made


def reader(here: Project, annotation: Any, columns: list[str] | None = None) -> tuple[dg.AssetsDefinition, list[Any]]:
    """An asset that loads the feed as `annotation`, and the list it puts what it got into."""
    got: list[Any] = []
    partitions = next(asset.partitions_def for asset in here.defs.assets if isinstance(asset, dg.AssetsDefinition))

    def read(events) -> None:  # type: ignore[no-untyped-def]
        got.append(events.to_table() if isinstance(events, ds.Dataset) else events)

    read.__annotations__["events"] = annotation
    metadata = {"columns": columns} if columns else None
    return dg.asset(ins={"events": dg.AssetIn(UPSTREAM, metadata=metadata)}, partitions_def=partitions)(read), got


@pytest.mark.parametrize(
    ("annotation", "expected"), [(pd.DataFrame, pd.DataFrame), (pa.Table, pa.Table), (ds.Dataset, pa.Table)]
)
def test_a_reader_gets_the_type_it_asks_for(here: Project, hours: list[Hour], annotation: Any, expected: type) -> None:
    asset, got = reader(here, annotation)

    assert here.materialize([], hours[0], extra=[asset]).success

    [events] = got
    assert isinstance(events, expected)
    assert len(events) == len(here.truth(INCOMING, hours[0]))


@pytest.mark.parametrize("annotation", [pd.DataFrame, pa.Table, ds.Dataset])
def test_a_range_is_loaded_in_order_of_time(here: Project, hours: list[Hour], annotation: Any) -> None:
    asset, got = reader(here, annotation)

    assert here.materialize([], hours, extra=[asset]).success

    times = list(pd.Series(got[0]["event_time"]))
    assert len(times) == sum(len(here.truth(INCOMING, hour)) for hour in hours)
    assert times == sorted(times)


def test_only_the_columns_that_are_named_are_loaded(here: Project, hours: list[Hour]) -> None:
    asset, got = reader(here, pd.DataFrame, ["event_time", "subject", "date"])

    assert here.materialize([], hours[0], extra=[asset]).success

    assert list(got[0].columns) == ["event_time", "subject", "date"]


def test_an_hour_that_is_not_there_is_named(here: Project, hours: list[Hour]) -> None:
    asset, _ = reader(here, pa.Table)
    missing = hours[0].previous

    result = here.materialize([], missing, extra=[asset])

    [failure] = result.get_step_failure_events()
    assert f"not collected yet: {missing.key}" in str(failure.step_failure_data.error)


def test_another_type_is_refused_with_those_that_are_there(here: Project, hours: list[Hour]) -> None:
    asset, _ = reader(here, dict)

    result = here.materialize([], hours[0], extra=[asset])

    [failure] = result.get_step_failure_events()
    assert "pandas.DataFrame, pyarrow.Table or pyarrow.dataset.Dataset" in str(failure.step_failure_data.error)


def test_the_whole_tree_reads_as_one_table(here: Project, hours: list[Hour]) -> None:
    here.materialize(["quarantine/quarantine", "quarantine/hold"], hours)

    for feeds in ([INCOMING], ["quarantine/quarantine", "quarantine/hold"]):
        folder = Path(here.settings.storage) / "parquet" / f"domain={DOMAIN}" / f"category={feeds[0].split('/')[0]}"
        assert len(pd.read_parquet(folder)) == sum(len(here.truth(feed, hour)) for feed in feeds for hour in hours)
