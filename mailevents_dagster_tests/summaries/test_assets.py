"""Summaries as assets: made in runs, shown with a chart, and made again when an hour changed."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Sequence
from pathlib import Path

import dagster as dg
import pytest

from mailevents_dagster.sources.uzmanposta.simulator import Behaviour
from mailevents_dagster.summaries.days import Day
from mailevents_dagster_tests.projects import DOMAIN, KEY, Project, project, stop_the_clock

ZONE = "Europe/Istanbul"
DAY = Day.from_key("2026-11-16", ZONE)
NOW = Day.from_key("2026-11-17", ZONE).start + 14 * 3600 + 1800.0
TWO_DOMAINS = """  - domain: example.org
    api_key: ${{UZMANPOSTA_KEY}}
    feeds: [mail/incominglog]
"""


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UZMANPOSTA_KEY", KEY)
    stop_the_clock(monkeypatch, NOW)


def summary(name: str, domain: str = DOMAIN) -> dg.AssetKey:
    return dg.AssetKey(["summaries", domain, name])


def make(here: Project, keys: Sequence[dg.AssetKey], day: Day = DAY) -> dg.ExecuteInProcessResult:
    return dg.materialize(
        list(here.defs.assets or ()),
        selection=list(keys),
        resources=here.defs.resources,
        instance=here.instance,
        partition_key=day.key,
    )


def shown(here: Project, key: dg.AssetKey) -> dict[str, object]:
    event = here.instance.get_latest_materialization_event(key)
    assert event
    assert event.asset_materialization
    return {name: value.value for name, value in event.asset_materialization.metadata.items()}


def test_each_summary_shows_its_numbers_and_a_small_chart(tmp_path: Path) -> None:
    with project(tmp_path, Behaviour(events_per_hour=6), now=lambda: NOW) as here:
        hours = list(DAY.hours)
        here.materialize([feed.name for feed in here.settings.feeds], hours)
        keys = [summary(name) for name in ("volume", "deliverability", "quarantine", "sign_ins")]

        assert make(here, keys).success

        for key in keys:
            numbers = shown(here, key)
            assert (numbers["complete"], numbers["hours_kept"]) == (True, numbers["hours"])
            found = re.fullmatch(r"!\[.*\]\(data:image/png;base64,(.*)\)", str(numbers["chart"]))
            assert found
            picture = b64decode(found[1])
            assert picture.startswith(b"\x89PNG")
            assert len(picture) < 30_000
        mails = sum(len(here.truth(feed, hour)) for feed in ("mail/incominglog", "mail/outgoinglog") for hour in hours)
        assert shown(here, summary("volume"))["mails"] == mails > 0
