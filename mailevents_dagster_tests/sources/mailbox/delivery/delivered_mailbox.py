"""A mailbox on a simulated Graph whose mails are delivered to a server of this process."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from mailevents_dagster.collecting.outcomes import Outcome, Task
from mailevents_dagster.health.status import FeedStatus, status_of
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.settings import Settings
from mailevents_dagster.sources.catalog import load_settings
from mailevents_dagster.sources.mailbox.delivery.simulated_server import SimulatedServer
from mailevents_dagster.sources.mailbox.feeds import SFTP
from mailevents_dagster.sources.mailbox.simulator import Mail, Simulator
from mailevents_dagster.sources.mailbox.source import MAILBOX
from mailevents_dagster.store.opening import store_of
from mailevents_dagster.store.store import Store
from mailevents_dagster_tests.collecting_process import collector_in, outcomes
from mailevents_dagster_tests.sources.mailbox.graph_mailbox import ADDRESS, FEED, NOON

DELIVERED = Feed(ADDRESS, SFTP)
SECRETS = {"CLIENT_SECRET": "simulator"}


@dataclass(frozen=True)
class DeliveredMailbox:
    """The mailbox, the server, and the project between them."""

    folder: Path
    simulator: Simulator
    server: SimulatedServer
    file: Path

    @property
    def environ(self) -> Mapping[str, str]:
        home = {"DAGSTER_HOME": str(self.folder / "home"), "MAILEVENTS_CONFIG": str(self.file)}
        return {**os.environ, **SECRETS, "SFTP_PASSWORD": self.server.password, **home}

    @property
    def settings(self) -> Settings:
        return load_settings(self.file, self.environ)

    @property
    def store(self) -> Store:
        return store_of(self.settings)

    def put(self, *mails: Mail) -> None:
        self.simulator.mailbox(ADDRESS).add(*mails)

    def collect(self, feeds: Sequence[Feed] = (FEED, DELIVERED), hours: Sequence[Hour] = (NOON,)) -> list[Outcome]:
        client = MAILBOX.client(self.settings, ADDRESS)
        try:
            return outcomes(collector_in(self.store), lambda _: client, [Task(feed, hours) for feed in feeds])
        finally:
            client.close()

    def receipts(self, hour: Hour = NOON) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.store.dataset(DELIVERED, [hour]).to_table().to_pylist()
        return rows

    def status(self) -> FeedStatus:
        (one,) = [one for one in status_of(self.settings, NOON.end + 7200).feeds if one.feed.endswith("sftp")]
        return one


def delivered_mailbox(
    folder: Path, simulator: Simulator, server: SimulatedServer, *, mail_days: int | None = None, **deliver: Any
) -> DeliveredMailbox:
    access = server.access
    sftp = {
        "host": access.host,
        "port": access.port,
        "user": access.user,
        "password": "${SFTP_PASSWORD}",
        "known_hosts": str(access.known_hosts),
        "folder": "/in",
    }
    mailbox = {
        "address": ADDRESS,
        "tenant_id": "tenant.example",
        "client_id": "client-1",
        "client_secret": "${CLIENT_SECRET}",
        "base_url": simulator.base_url,
        "authority": simulator.url,
        "deliver": {"sftp": sftp, **deliver},
    }
    written = {
        "start": "2026-11-20T10:00",
        "storage": str(folder / "data"),
        "mailboxes": [mailbox],
        "retention": {"mailbox_days": mail_days},
    }
    file = folder / "mailevents.yaml"
    file.write_text(yaml.safe_dump(written))
    return DeliveredMailbox(folder, simulator, server, file)
