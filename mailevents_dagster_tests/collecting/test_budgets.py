"""Whether what arrives fits into the budget that accounts share."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from mailevents_dagster.collecting.budgets import paces
from mailevents_dagster.collecting.planning import FeedState
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import SECONDS, Hour
from mailevents_dagster.sources.catalog import load_settings
from mailevents_dagster.store.cursors import Cursor
from mailevents_dagster_tests.settings.documents import ENVIRON, NOW, account, document


class Manifests:
    """A store in which each newest hour has 3,599 mails."""

    timezone = "UTC"

    def __init__(self) -> None:
        self.read: list[Feed] = []

    def readable_manifest(self, feed: Feed, hour: Hour) -> Any:
        self.read.append(feed)
        return SimpleNamespace(events=3599)


def test_accounts_of_one_key_have_one_pace_for_which_each_feed_is_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY_A", ENVIRON["KEY_A"])
    monkeypatch.setenv("KEY_B", ENVIRON["KEY_B"])
    own = account(domain="own.example", api_key="${KEY_B}")
    accounts = [account(domain="a.example"), account(domain="b.example", requests_per_second=4), own]
    file = tmp_path / "settings.yaml"
    file.write_text(yaml.safe_dump(document(accounts=accounts)))
    settings, store = load_settings(file, ENVIRON, NOW), Manifests()
    closed = ((settings.start, int(NOW)),)
    states = [FeedState(feed, settings.start, Cursor(closed=closed)) for feed in settings.feeds]

    found = dict(paces(settings, store, states, NOW))  # type: ignore[arg-type]

    assert {domain: (pace.arriving, pace.allowed) for domain, pace in found.items()} == {
        "a.example": (2.0, 4.0),
        "b.example": (2.0, 4.0),
        "own.example": (1.0, 10.0),
    }
    assert store.read == list(settings.feeds)


def test_what_a_cursor_says_of_its_newest_hour_is_not_read_again(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text(yaml.safe_dump(document()))
    settings, store = load_settings(file, ENVIRON, NOW), Manifests()
    closed = ((settings.start, int(NOW)),)
    known = Cursor(closed=closed, newest=(int(NOW) - SECONDS, 3599))
    states = [FeedState(feed, settings.start, known) for feed in settings.feeds]

    found = dict(paces(settings, store, states, NOW))  # type: ignore[arg-type]

    assert {pace.arriving for pace in found.values()} == {1.0}
    assert store.read == []
