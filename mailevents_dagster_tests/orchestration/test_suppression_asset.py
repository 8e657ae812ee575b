"""The suppression list as a daily asset."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pyarrow.parquet as pq

from mailevents_dagster.build import build_defs
from mailevents_dagster_tests.deliverability.outcomes import DOMAIN, day_ago, place, told


def test_a_day_of_the_list_shows_numbers_a_chart_and_a_check_and_names_nobody(tmp_path: Path) -> None:
    here = place(tmp_path)
    here.commit([told("hard", "gone@example.org", 2), told("complained", "anna@example.org", 1)])
    defs = build_defs(here.settings)
    key = dg.AssetKey(["deliverability", DOMAIN, "suppression"])
    with dg.DagsterInstance.ephemeral() as instance:
        found = dg.materialize(
            [one for one in defs.assets or () if isinstance(one, dg.AssetsDefinition) and key in one.keys],
            partition_key=str(day_ago(1)),
            resources=defs.resources,
            instance=instance,
        )
    [made] = found.asset_materializations_for_node("deliverability__example_com__suppression")
    [check] = found.get_asset_check_evaluations()
    assert check.passed
    assert (made.metadata["suppressed"].value, made.metadata["suppressed_hard"].value) == (2, 1)
    assert str(made.metadata["chart"].value).startswith("![suppression](data:image/png")
    file = made.metadata["parquet_file"].value
    assert "example.org" not in f"{made.metadata} {check}".replace(str(file), "")
    rows = pq.ParquetFile(str(file)).read().to_pylist()
    assert [row["address"] for row in rows] == ["anna@example.org", "gone@example.org"]
