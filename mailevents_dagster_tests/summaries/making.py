"""Summaries of two domains, made in runs."""

from __future__ import annotations

from collections.abc import Sequence

import dagster as dg

from mailevents_dagster.model.day import Day
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.sources.uzmanposta.feeds import feed_of
from mailevents_dagster_tests.projects import DOMAIN, SETTINGS, Project, range_tags

ZONE = "Europe/Istanbul"
DAY = Day.from_key("2026-11-16", ZONE)
HOURS = list(DAY.hours)
NOW = DAY.end + 5 * 3600 + 1800.0
OTHER = "example.org"
INCOMING = feed_of(DOMAIN, "mail/incominglog")
OTHER_INCOMING = feed_of(OTHER, "mail/incominglog")
TWO_DOMAINS = (
    SETTINGS.replace("2026-11-01T00:00", "2026-11-14T06:00").split("accounts:")[0]
    + """accounts:
  - {{domain: example.com, api_key: "${{UZMANPOSTA_KEY}}", feeds: [mail/incominglog, authentication]}}
  - {{domain: example.org, api_key: "${{UZMANPOSTA_KEY}}", feeds: [mail/incominglog]}}
"""
)


def summary(name: str, domain: str = DOMAIN) -> dg.AssetKey:
    return dg.AssetKey(["summaries", domain, name])


VOLUMES = {summary("volume", domain) for domain in (DOMAIN, OTHER, "all")}
SIGN_INS = summary("sign_ins")


def make(
    here: Project, keys: Sequence[dg.AssetKey], day: Day = DAY, extra: Sequence[dg.AssetsDefinition] = ()
) -> dg.ExecuteInProcessResult:
    return dg.materialize(
        [*(here.defs.assets or ()), *extra],
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


def collect(here: Project, hours: Sequence[Hour], *feeds: Feed) -> None:
    keys = [dg.AssetKey(feed.asset_key) for feed in feeds]
    assert here.run("collect_hours", tags=range_tags(hours), asset_selection=keys).success
