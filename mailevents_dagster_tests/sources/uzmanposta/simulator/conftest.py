"""A simulator of fixed mail with somebody who asks it, and one of generated mail."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mailevents_dagster.sources.uzmanposta.simulator import Behaviour, FixedMail, Simulator
from mailevents_dagster_tests.sources.uzmanposta.simulator.asking import DOMAIN, NOW, Client


@pytest.fixture
def simulator(fixed: FixedMail) -> Iterator[Simulator]:
    with Simulator(source=fixed, now=lambda: NOW) as running:
        yield running


@pytest.fixture
def client(simulator: Simulator) -> Iterator[Client]:
    made = Client(simulator)
    yield made
    made.session.close()


@pytest.fixture
def generated() -> Iterator[Simulator]:
    with Simulator(Behaviour(seed=7, events_per_hour=300), domains=[DOMAIN], now=lambda: NOW) as running:
        yield running
