"""A project that keeps five days of its mails."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mailevents_dagster_tests.collecting.housekeeping.expired import FIVE_DAYS, bear_out_the_clock
from mailevents_dagster_tests.projects import NOW, Project, project, stop_the_clock


@pytest.fixture(autouse=True)
def _at_half_past(monkeypatch: pytest.MonkeyPatch, from_this_autumn_on: None) -> None:
    stop_the_clock(monkeypatch, NOW)


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Project]:
    with project(tmp_path, settings=FIVE_DAYS, now=lambda: NOW) as made:
        bear_out_the_clock(made)
        yield made
