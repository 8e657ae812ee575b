"""Reports as daily assets: what a run shows of them."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from mailevents_dagster.build import build_defs
from mailevents_dagster_tests.deliverability.judged import judged
from mailevents_dagster_tests.deliverability.reports.samples import aggregate, record

pytestmark = pytest.mark.slow


def test_a_run_shows_sources_checks_and_a_chart(tmp_path: Path) -> None:
    here = judged(tmp_path, has_mailbox=False)
    (tmp_path / "reports" / "a.xml").write_bytes(aggregate(record(count=5), record("192.0.2.9", 5, dkim="fail")))
    (tmp_path / "reports" / "b.xml").write_bytes(b"<feedback>")
    defs = build_defs(here.settings)
    today = datetime.fromtimestamp(time.time(), UTC).date().isoformat()
    keys = [dg.AssetKey(["deliverability", "example.com", name]) for name in ("dmarc", "complaints")]
    with dg.DagsterInstance.ephemeral() as instance:
        done = dg.materialize(
            [one for one in defs.assets or () if isinstance(one, dg.AssetsDefinition)],
            selection=keys,
            partition_key=today,
            resources=defs.resources,
            instance=instance,
        )
    (dmarc,) = done.asset_materializations_for_node("deliverability__example_com__dmarc")
    shown = {name: value.value for name, value in dmarc.metadata.items()}
    assert (shown["reports"], shown["messages"], shown["pass_rate"], shown["reports_broken"]) == (1, 10, 50.0, 1)
    assert "192.0.2.0/24" in str(shown["said"])
    assert "data:image/png" in str(shown["chart"])
    passed = {one.check_name: one.passed for one in done.get_asset_check_evaluations()}
    assert passed == {
        "reports_arrive": True,
        "no_new_sources": True,
        "pass_rate": True,
        "reports_are_whole": False,
        "spam_rate": True,
        "outlook_filter": True,
        "answered": True,
    }
