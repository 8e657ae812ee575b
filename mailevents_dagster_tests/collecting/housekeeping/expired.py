"""A project with hours that have expired, and what is shown of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import dagster as dg

from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour, hours_between
from mailevents_dagster.sources.uzmanposta.feeds import feed_of
from mailevents_dagster.store.cursor_file import write_cursor
from mailevents_dagster.store.cursors import Cursor
from mailevents_dagster_tests.conftest import collection, event
from mailevents_dagster_tests.projects import (
    DOMAIN,
    NOW,
    RUNNING,
    TWO_FEEDS,
    Project,
)
from mailevents_dagster_tests.store.kept import commit

INCOMING = feed_of(DOMAIN, "mail/incominglog")
SIGN_INS = feed_of(DOMAIN, "authentication")
TIMEZONE = "Europe/Istanbul"
DAY = 86_400
OLD = list(hours_between(RUNNING.start - 10 * DAY, RUNNING.start - 10 * DAY + 5 * 3600, TIMEZONE))
"""Five hours of ten days ago."""
EDGE = Hour.containing(NOW - 5 * DAY, TIMEZONE)
"""The hour of which a half is older than five days."""
FIVE_DAYS = TWO_FEEDS + "retention: {{mail_days: 5}}\n"


def bear_out_the_clock(here: Project) -> None:
    """The API said what time it is when something was collected last."""
    write_cursor(here.store.layout.cursor(SIGN_INS), Cursor(witnessed=NOW - 300), TIMEZONE)


def keep(here: Project, hours: Sequence[Hour], feed: Feed = INCOMING) -> None:
    for hour in hours:
        commit(here.store, collection([event(hour.start)]), feed, hour)


def observations(here: Project, feed: Feed = INCOMING) -> dict[str, dict[str, Any]]:
    """What hours of the feed were observed with, by partition."""
    found: dict[str, dict[str, Any]] = {}
    for record in here.instance.fetch_observations(dg.AssetKey(feed.asset_key), limit=1000).records:
        observation = record.asset_observation
        assert observation
        assert str(observation.partition) not in found
        found[str(observation.partition)] = {name: value.value for name, value in observation.metadata.items()}
    return found


def snapshots(here: Project, feed: Feed = INCOMING) -> int:
    return len(list(Path(str(here.store.layout.snapshots(feed))).rglob("*.parquet")))


def key_of(feed: Feed) -> dg.AssetKey:
    return dg.AssetKey(feed.asset_key)
