"""What tests of the API client share: a listing of the one mail there is, and what a call fails with."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mailevents_dagster.sources.uzmanposta.api import UzmanPostaApi
from mailevents_dagster.sources.uzmanposta.errors import ApiError
from mailevents_dagster_tests.conftest import INCOMING, START

PATIENCE = 60.0


def listed(api: UzmanPostaApi) -> list[str | None]:
    return [row.queue_id for row in api.rows(INCOMING, START, START + 3600)]


def failure(call: Callable[[], object]) -> ApiError:
    with pytest.raises(ApiError) as raised:
        call()
    return raised.value
