"""An asset built on a feed: its automation fires once for each closed hour, and again when an hour changed."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from mailevents_dagster.model.hour import Hour
from mailevents_dagster.orchestration.assets import hourly_partitions
from mailevents_dagster.sources.uzmanposta.feeds import feed_of
from mailevents_dagster.sources.uzmanposta.simulator import FixedMail
from mailevents_dagster_tests.conftest import mail
from mailevents_dagster_tests.projects import DOMAIN, SETTINGS, project, range_tags, stop_the_clock

INCOMING = "mail/incominglog"
RUNNING = Hour.from_key("2026-11-17-14:00", "Europe/Istanbul")
NOW = RUNNING.start + 1800.0
CLOSED = [RUNNING.previous.previous, RUNNING.previous]
ONCE_AN_HOUR_CHANGED = (
    dg.AutomationCondition.any_deps_updated().since_last_handled()
    & ~dg.AutomationCondition.any_deps_missing()
    & ~dg.AutomationCondition.in_progress()
)


def test_an_asset_on_a_feed_is_asked_for_once_a_closed_hour_and_again_when_it_changed(
    tmp_path: Path, fixed: FixedMail, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_the_clock(monkeypatch, NOW)
    settings = SETTINGS.replace("mail/incominglog, mail/outgoinglog", "mail/incominglog")
    for hour in (*CLOSED, RUNNING):
        fixed.add(DOMAIN, INCOMING, [mail(hour.start + 5, f"Q{hour.start}")])

    with project(tmp_path, source=fixed, settings=settings, now=lambda: NOW) as here:
        feed = dg.AssetKey(feed_of(DOMAIN, INCOMING).asset_key)

        @dg.asset(
            deps=[feed],
            partitions_def=hourly_partitions(here.settings.start, here.settings.timezone),
            automation_condition=ONCE_AN_HOUR_CHANGED,
        )
        def report() -> None: ...

        defs = dg.Definitions([*(here.defs.assets or ()), report], resources=here.defs.resources)
        cursor = None

        def fires() -> set[str]:
            nonlocal cursor
            result = dg.evaluate_automation_conditions(defs, here.instance, cursor=cursor)
            cursor = result.cursor
            return set(result.get_requested_partitions(report.key))

        assert fires() == set(), "nothing is collected"
        here.run("follow")
        assert fires() == set(), "a follow run closes no hour"
        here.run("collect_hours", tags=range_tags(CLOSED), asset_selection=[feed])
        assert fires() == {hour.key for hour in CLOSED}
        assert (fires(), fires()) == (set(), set())
        for hour in CLOSED:
            dg.materialize([report], instance=here.instance, partition_key=hour.key)
        assert fires() == set(), "what it was asked for does not call for more"
        here.run("reconcile")
        assert fires() == set(), "nothing changed"
        fixed.add(DOMAIN, INCOMING, [mail(CLOSED[0].start + 77, "late")])
        here.run("reconcile")
        assert fires() == {CLOSED[0].key}
        assert fires() == set()
