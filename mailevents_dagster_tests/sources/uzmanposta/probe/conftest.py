"""A simulated API, and the probe that asks it."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from mailevents_dagster.sources.uzmanposta.simulator import FixedMail, Simulator
from mailevents_dagster_tests.sources.uzmanposta.probe.probing import Ask, asking


@pytest.fixture
def now() -> int:
    return int(time.time())


@pytest.fixture
def api(fixed: FixedMail) -> Iterator[Simulator]:
    with Simulator(source=fixed) as running:
        yield running


@pytest.fixture
def ask(api: Simulator) -> Ask:
    return asking(api)
