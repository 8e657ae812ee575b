"""A project whose clock stands still at half past."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mailevents_dagster_tests.projects import NOW, Project, project, stop_the_clock


@pytest.fixture(autouse=True)
def _at_half_past(monkeypatch: pytest.MonkeyPatch) -> None:
    stop_the_clock(monkeypatch, NOW)


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Project]:
    with project(tmp_path, now=lambda: NOW) as made:
        yield made
