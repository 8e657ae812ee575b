"""A store that a collection left, to be verified."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import Any

from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.settings import Settings
from mailevents_dagster.sources.uzmanposta.accounts import access_of
from mailevents_dagster.sources.uzmanposta.api import UzmanPostaApi
from mailevents_dagster.sources.uzmanposta.collect import collect_hour
from mailevents_dagster.sources.uzmanposta.feeds import feed_of
from mailevents_dagster.store.store import Store
from mailevents_dagster_tests.conftest import DOMAIN

Verify = Callable[..., subprocess.CompletedProcess[str]]

HOLD = feed_of(DOMAIN, "quarantine/hold")


def collect(settings: Settings, store: Store, feed: Feed, *hours: Hour) -> None:
    with UzmanPostaApi(access_of(settings, DOMAIN)) as api:
        for hour in hours:
            with store.open_hour(feed, hour) as work:
                work.commit(collect_hour(api, work))


def written(hour: Hour) -> str:
    return f"{hour.key[:10]}T{hour.key[11:]}"


def sign_in(at: int) -> dict[str, Any]:
    return {"email": "a@example.com", "service": "imap", "time": at}
