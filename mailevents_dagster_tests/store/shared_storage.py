"""A storage that machines share, and how one of them opens it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mailevents_dagster.sharing.leases import Leases
from mailevents_dagster.sources.uzmanposta.feeds import FEED_KINDS
from mailevents_dagster.store.store import Store
from mailevents_dagster_tests.conftest import LOG_FILE_NAME
from mailevents_dagster_tests.store.mailbox_hours import MESSAGES

TERM: Final = 3.0
"""Seconds, of leases: short, since they are waited for."""


@dataclass(frozen=True)
class SharedStorage:
    """Each machine has folders of its own."""

    bucket: str
    scratch: Path
    environment: dict[str, str]
    postgres: str | None

    def store(self, machine: str) -> Store:
        os.environ.update(self.environment)
        kinds = {**FEED_KINDS, MESSAGES.name: MESSAGES}
        store = Store(self.bucket, "UTC", LOG_FILE_NAME, kinds, self.scratch / machine, postgres=self.postgres)
        if not self.postgres:
            store.locks = Leases(store.layout.root / "locks", TERM)
        return store
