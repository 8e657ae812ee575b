"""Fixtures of the tests of the API client."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mailevents_dagster.sources.uzmanposta.access import Access
from mailevents_dagster.sources.uzmanposta.api import UzmanPostaApi
from mailevents_dagster.sources.uzmanposta.simulator import FixedMail, Simulator
from mailevents_dagster.sources.uzmanposta.transport import Answer, Transport
from mailevents_dagster_tests.conftest import DOMAIN, INCOMING, KEY, START, MakeApi, mail
from mailevents_dagster_tests.sources.uzmanposta.calling import PATIENCE
from mailevents_dagster_tests.sources.uzmanposta.sending import MakeSender


@pytest.fixture
def api(simulator: Simulator, fixed: FixedMail, make_api: MakeApi, waits: list[float]) -> UzmanPostaApi:
    """A client with three attempts for one mail, whose waits take no time."""
    fixed.add(DOMAIN, INCOMING.name, [mail(START, "Q1")])
    return make_api(simulator.base_url)


@pytest.fixture
def make_sender() -> Iterator[MakeSender]:
    """What sends calls to a base URL; its connections are closed at the end."""
    made: list[Transport] = []

    def make(base_url: str, **access: Any) -> Callable[[str], Answer]:
        made.append(Transport(Access(DOMAIN, base_url, KEY, **{"timeout_seconds": PATIENCE} | access)))
        return made[-1].get

    yield make
    for transport in made:
        transport.close()
