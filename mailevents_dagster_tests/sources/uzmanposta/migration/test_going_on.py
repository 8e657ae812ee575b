"""After moving over, the collection goes on where the old tool stood: no hour is left out, none is torn."""

from __future__ import annotations

import json
import time
from pathlib import Path

import dagster as dg
import pytest

from mailevents_dagster.build import build_defs
from mailevents_dagster.collecting.feed_states import rules_of, states_of
from mailevents_dagster.collecting.planning import UnderWay, closing_end, plan
from mailevents_dagster.model.hour import last_ended
from mailevents_dagster.orchestration.unreported_hours import report_hours
from mailevents_dagster.sources.catalog import load_settings
from mailevents_dagster.sources.uzmanposta.feeds import feed_of
from mailevents_dagster.sources.uzmanposta.simulator import Behaviour, Simulator
from mailevents_dagster.store.opening import store_of
from mailevents_dagster_tests.homes import in_files
from mailevents_dagster_tests.projects import DOMAIN, KEY, Project, busy_hours, same_events
from mailevents_dagster_tests.sources.uzmanposta.migration.old_tool import OldTool

FEED = "mail/incominglog"
INI = """\
[MailLogger:in]
api_key = {key}
domain = {domain}
type = incominglog
url = {url}/logs/mail
"""


@pytest.fixture
def moved(old: OldTool, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project that moved over in the middle of a busy hour, with the old logs up to there."""
    before, torn, _ = busy_hours()
    position = torn.start + 1800
    # Few mails: their details are asked for at the ten calls a second that settings begin with.
    with Simulator(Behaviour(events_per_hour=30), domains=[DOMAIN]) as api, in_files() as instance:
        old.ini(INI.format(key=KEY, domain=DOMAIN, url=api.base_url))
        old.position("in", position)
        seen = api.truth(DOMAIN, FEED, before.start, position)
        content = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in reversed(seen))
        old.log(f"{DOMAIN}/mail/incominglog/{DOMAIN}_incominglog_{torn.stamp('%Y-%m-%d_%H')}.log", content.encode())
        assert old.migrate("--adopt", str(old.folder / "output")).returncode == 0
        monkeypatch.setenv("UZMANPOSTA_KEY_EXAMPLE_COM", KEY)
        settings = load_settings(old.out / "mailevents.yaml")
        yield Project(settings, build_defs(settings), instance, api)


def test_the_hour_of_the_position_and_all_after_it_are_asked_for_and_come_whole(moved: Project) -> None:
    before, torn, after = busy_hours()
    [state] = states_of(moved.settings, store_of(moved.settings))
    rules, now = rules_of(moved.settings), time.time()

    made = plan([state], UnderWay(), now, rules)

    assert sum(ask.end - ask.first for ask in made.asks) + made.behind * 3600 == closing_end(now, rules) - torn.start
    assert made.forgotten == 0
    assert moved.materialize([FEED], [torn, after]).success
    for hour in (before, torn, after):
        assert same_events(moved.logged(FEED, hour), moved.truth(FEED, hour))
    origins = [moved.store.manifest(feed_of(DOMAIN, FEED), hour).origin.value for hour in (before, torn)]  # type: ignore[union-attr]
    assert origins == ["logs", "api"]


def test_hours_of_old_logs_show_as_partitions_that_say_where_they_come_from(moved: Project) -> None:
    before, *_ = busy_hours()
    shown, _ = report_hours(moved.instance, moved.store, states_of(moved.settings, moved.store), 0, lambda: 0.0)
    assert (shown, moved.materialized(FEED)) == (1, {before.key})
    key = dg.AssetKey(feed_of(DOMAIN, FEED).asset_key)
    assert before.key in moved.defs.get_assets_def(key).partitions_def.get_partition_keys()  # type: ignore[union-attr]
    event = moved.instance.get_latest_materialization_event(key)
    assert event
    assert event.asset_materialization
    metadata = {name: value.value for name, value in event.asset_materialization.metadata.items()}
    assert (metadata["origin"], metadata["complete"], metadata["closed"]) == ("logs", False, True)
    assert "listed_at" not in metadata


def test_a_follow_run_follows_the_hour_now_running(moved: Project, tmp_path: Path) -> None:
    assert moved.run("follow").success
    cursor = moved.store.cursor(feed_of(DOMAIN, FEED))
    assert last_ended(time.time(), moved.settings.timezone).start <= max(cursor.open)
    assert cursor.first == busy_hours()[1].start
