"""The file for Prometheus, from a store with a collection in it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mailevents_dagster.collecting.heartbeats import Heartbeats
from mailevents_dagster.health.prometheus import write_metrics
from mailevents_dagster.model.hour import last_ended
from mailevents_dagster.settings import Settings
from mailevents_dagster.sources.catalog import load_settings
from mailevents_dagster.sources.uzmanposta.feeds import feed_of
from mailevents_dagster.store.opening import store_of
from mailevents_dagster_tests.conftest import collection, event

SETTINGS = """
start: 2026-11-01T00:00
storage: ./data
api: {base_url: simulator}
accounts: [{domain: example.com, feeds: [authentication, mail/incominglog]}]
"""
SAMPLE = re.compile(r'(mailevents_\w+)\{domain="([^"]+)"(?:,feed="([^"]+)")?\} (-?[0-9.e+]+)')


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "mailevents.yaml").write_text(SETTINGS)
    return load_settings(tmp_path / "mailevents.yaml")


def samples(settings: Settings) -> dict[tuple[str, str], float]:
    """The numbers of feeds, by metric and feed; every line is one of the format."""
    text = store_of(settings).layout.metrics.read_text()
    found = {}
    for line in text.splitlines():
        if not line.startswith("# "):
            match = SAMPLE.fullmatch(line)
            assert match, line
            found[match[1], match[3] or ""] = float(match[4])
    return found


def test_what_a_feed_has_and_lacks_stands_under_its_labels(settings: Settings) -> None:
    store, hour = store_of(settings), last_ended(1_795_250_000, "UTC")
    feed = feed_of("example.com", "authentication")
    with store.open_hour(feed, hour) as work, Heartbeats(store.layout, {}, "UTC").beating(feed, hour):
        work.commit(collection([event(hour.start)]))

    write_metrics(settings)

    found = samples(settings)
    assert found["mailevents_feed_closed_hours", "authentication"] == 1
    assert found["mailevents_feed_closed_hours", "mail/incominglog"] == 0
    assert found["mailevents_feed_missing_hours", "mail/incominglog"] > 24
    assert found["mailevents_feed_completed", "authentication"] == 1
    assert ("mailevents_feed_lag_seconds", "mail/incominglog") not in found, "there is no lag of a feed without an hour"
    assert found["mailevents_account_allowed_calls_per_second", ""] == 10


def test_each_metric_is_explained_once_before_its_samples(settings: Settings) -> None:
    write_metrics(settings)
    lines = store_of(settings).layout.metrics.read_text().splitlines()
    helped = [line.split()[2] for line in lines if line.startswith("# HELP")]
    typed = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert helped == typed == list(dict.fromkeys(line.split("{")[0] for line in lines if not line.startswith("#")))


def test_a_file_that_cannot_be_written_holds_nothing_up(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    store_of(settings).layout.metrics.mkdir(parents=True)
    write_metrics(settings)
    assert "mailevents.prom cannot be written" in caplog.text
