"""Fixtures of the tests of the API client."""

from __future__ import annotations

import pytest

from mailevents_dagster.sources.uzmanposta.api import UzmanPostaApi
from mailevents_dagster.sources.uzmanposta.simulator import FixedMail, Simulator
from mailevents_dagster_tests.conftest import DOMAIN, INCOMING, START, MakeApi, mail


@pytest.fixture
def api(simulator: Simulator, fixed: FixedMail, make_api: MakeApi, waits: list[float]) -> UzmanPostaApi:
    """A client with three attempts for one mail, whose waits take no time."""
    fixed.add(DOMAIN, INCOMING.name, [mail(START, "Q1")])
    return make_api(simulator.base_url)
