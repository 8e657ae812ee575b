"""Fixtures of the tests of who is told."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from mailevents_dagster.model.hour import Hour
from mailevents_dagster.orchestration import alert_sensor as alert_sensors
from mailevents_dagster_tests.alerts.receiving import WebhookServer
from mailevents_dagster_tests.orchestration.alert_sensor.alerting import ALERTS, Clock
from mailevents_dagster_tests.projects import TWO_FEEDS, Project, project


@pytest.fixture
def chat(chat: WebhookServer, monkeypatch: pytest.MonkeyPatch) -> WebhookServer:
    """The webhook, which the settings know by its variable."""
    monkeypatch.setenv("THE_WEBHOOK", chat.url)
    return chat


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(alert_sensors, "time", SimpleNamespace(time=made))
    return made


@pytest.fixture
def here(tmp_path: Path, chat: WebhookServer, clock: Clock) -> Iterator[Project]:
    start = Hour.containing(time.time(), "Europe/Istanbul").previous
    text = TWO_FEEDS.replace("2026-11-01T00:00", f"{start.key[:10]}T{start.key[11:]}")
    with project(tmp_path, settings=text + ALERTS) as made:
        yield made
