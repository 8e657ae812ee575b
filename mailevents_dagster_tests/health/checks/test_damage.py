"""Checks of hours whose files were damaged on disk, one way at a time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest

from mailevents_dagster_tests.health.checks.checking import FEED, HOURS, NEWEST, judged, numbers, verdict
from mailevents_dagster_tests.projects import Project, range_tags


def flip_line(store: dict[str, Path]) -> None:
    store["log"].write_bytes(store["log"].read_bytes().replace(b"geheim", b"GEHEIM", 1))


def swap_lines(store: dict[str, Path]) -> None:
    lines = store["log"].read_bytes().splitlines(keepends=True)
    store["log"].write_bytes(b"".join([*lines[1::-1], *lines[2:]]))


def cut_log(store: dict[str, Path]) -> None:
    store["log"].write_bytes(store["log"].read_bytes()[:-20])


def cut_snapshot(store: dict[str, Path]) -> None:
    store["snapshot"].write_bytes(store["snapshot"].read_bytes()[:-20])


@pytest.mark.parametrize(
    ("damage", "number"),
    [
        (flip_line, "logs_not_as_snapshot"),
        (swap_lines, "logs_not_as_snapshot"),
        (cut_log, "logs_not_as_snapshot"),
        (lambda store: store["log"].unlink(), "logs_not_as_snapshot"),
        (cut_snapshot, "snapshots_damaged"),
        (lambda store: store["snapshot"].unlink(), "snapshots_damaged"),
        (lambda store: store["manifest"].write_text("{}"), "manifests_damaged"),
    ],
)
def test_damage_of_a_file_is_counted_where_it_is(
    one: Project, damage: Callable[[dict[str, Path]], None], number: str
) -> None:
    one.run("collect_hours", tags=range_tags(HOURS))
    layout = one.store.layout
    paths = {"log": layout.log, "snapshot": layout.snapshot, "manifest": layout.manifest}
    damage({name: Path(str(path(FEED, NEWEST))) for name, path in paths.items()})

    found = judged(one, HOURS)["well_formed"]

    assert (found.passed, found.is_error, found.hours) == (False, True, [NEWEST.key])
    assert found.numbers[number] == 1


def test_a_check_that_is_executed_by_itself_looks_at_the_newest_hour_and_asks_the_api_for_nothing(one: Project) -> None:
    one.run("collect_hours", tags=range_tags(HOURS))
    Path(str(one.store.layout.log(FEED, NEWEST))).unlink()
    one.api.calls.clear()
    selection = dg.AssetSelection.checks(dg.AssetCheckKey(dg.AssetKey(FEED.asset_key), "well_formed"))

    result = dg.materialize(
        one.defs.assets, selection=selection, resources=one.defs.resources, instance=one.instance, raise_on_error=False
    )

    assert result.success
    assert one.api.calls.count() == 0
    assert numbers(verdict(one, "well_formed"))["failing_hours"] == NEWEST.key
    assert verdict(one, "complete").passed, "it was not asked for"
