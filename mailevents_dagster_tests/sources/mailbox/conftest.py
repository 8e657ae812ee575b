from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mailevents_dagster.sources import waits
from mailevents_dagster.sources.mailbox.graph import calls
from mailevents_dagster.sources.mailbox.simulator import Simulator
from mailevents_dagster_tests.sources.mailbox.graph_mailbox import NOW, Place, place, quiet


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(quiet(), now=lambda: NOW) as simulator:
        yield simulator


@pytest.fixture
def here(simulator: Simulator, tmp_path: Path) -> Iterator[Place]:
    made = place(simulator, tmp_path)
    yield made
    made.client.close()


@pytest.fixture
def no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what failed be tried again at once."""
    monkeypatch.setattr(calls, "backoff", lambda _: 0.0)
    monkeypatch.setattr(calls, "pause", lambda told, _: min(told or 0.0, 0.001))
    assert waits.backoff(1) <= 1
