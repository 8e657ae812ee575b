"""Projects whose newest hour closed a quarter of an hour ago."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mailevents_dagster.sources.uzmanposta.simulator import FixedMail
from mailevents_dagster_tests.health.checks.checking import FROM_NOON, HOURS, INCOMING, NOW, whole_mail
from mailevents_dagster_tests.projects import DOMAIN, Project, project, stop_the_clock


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    stop_the_clock(monkeypatch, NOW)


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Project]:
    """Five feeds of generated mail."""
    with project(tmp_path, now=lambda: NOW) as made:
        yield made


@pytest.fixture
def one(tmp_path: Path, fixed: FixedMail) -> Iterator[Project]:
    """One feed whose first hour is the first of three with thirty mails each, which a test may add to."""
    for hour in HOURS:
        fixed.add(DOMAIN, INCOMING, [whole_mail(hour.start + 10 * n) for n in range(30)])
    with project(tmp_path, source=fixed, settings=FROM_NOON, now=lambda: NOW) as made:
        yield made
