from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mailevents_dagster.sources import waits
from mailevents_dagster.sources.mailbox.graph import calls as graph_calls
from mailevents_dagster.sources.mailbox.graph.calls import Calls
from mailevents_dagster.sources.mailbox.simulator import Simulator
from mailevents_dagster_tests.sources.mailbox.graph_mailbox import NOW, Place, calls_of, place, quiet


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(quiet(), now=lambda: NOW) as simulator:
        yield simulator


@pytest.fixture
def calls(simulator: Simulator) -> Iterator[Calls]:
    made = calls_of(simulator)
    yield made
    made.close()


@pytest.fixture
def here(simulator: Simulator, tmp_path: Path) -> Iterator[Place]:
    made = place(simulator, tmp_path)
    yield made
    made.client.close()


@pytest.fixture
def no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what failed be tried again at once."""
    monkeypatch.setattr(graph_calls, "backoff", lambda _: 0.0)
    monkeypatch.setattr(graph_calls, "pause", lambda told, _: min(told or 0.0, 0.001))
    assert waits.backoff(1) <= 1
