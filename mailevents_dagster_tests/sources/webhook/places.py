"""A webhook with its spool and its store, without a receiver: requests are put into the spool as that does it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from mailevents_dagster.model.event import Collection
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.sources.client import Options
from mailevents_dagster.sources.webhook.collect import Webhook, WebhookClient
from mailevents_dagster.sources.webhook.feeds import FEED_KINDS, feed_of
from mailevents_dagster.sources.webhook.placing import Placing
from mailevents_dagster.sources.webhook.providers import PROVIDERS
from mailevents_dagster.sources.webhook.spool.frames import Posted, framed
from mailevents_dagster.sources.webhook.spool.segments import segments
from mailevents_dagster.sources.webhook.spool.uptime import Uptime
from mailevents_dagster.sources.webhook.spool.writing import SpoolWriter
from mailevents_dagster.store.hour.commit import Commit
from mailevents_dagster.store.store import Store
from mailevents_dagster_tests.conftest import LOG_FILE_NAME

NOON: Final = Hour.from_key("2026-11-20-12:00", "UTC")
START: Final = NOON.start - 30 * 86_400
SETTLE: Final = 600.0


@dataclass
class Place:
    """A webhook."""

    folder: Path
    provider: str = "mailgun"
    now: float = NOON.start + 1800.0
    kept_days: int | None = None
    reach: float = 7 * 86_400
    client: WebhookClient = field(init=False)

    def __post_init__(self) -> None:
        self.client = self.another_client()

    @property
    def feed(self) -> Feed:
        return feed_of("replies", self.provider)

    @property
    def store(self) -> Store:
        return Store(str(self.folder), "UTC", LOG_FILE_NAME, FEED_KINDS, scratch=self.folder)

    @property
    def spool(self) -> Path:
        return self.store.layout.webhook_spool("replies")

    def another_client(self) -> WebhookClient:
        placing = Placing("UTC", START, self.reach)
        webhook = Webhook(self.feed, PROVIDERS[self.provider], self.spool, placing, self.kept_days)
        return WebhookClient(self.store, webhook, lambda: self.now)

    def receive(self, *bodies: bytes, at: float | None = None, type_: str = "application/json") -> None:
        """Put requests into a segment of their own, received at this time."""
        received = self.now if at is None else at
        spool = SpoolWriter({"replies": self.spool}, 10**9, lambda: received)
        for done in [spool.add("replies", framed(Posted(received, type_, body))) for body in bodies]:
            done.result(30)
        spool.close()

    def runs(self, *times: tuple[float, float]) -> None:
        """Say when the receiver ran."""
        for first, last in times:
            uptime = Uptime(self.spool)
            uptime.begin(first)
            uptime.beat(last)

    def collect(self, hour: Hour = NOON, client: WebhookClient | None = None) -> tuple[Collection, Commit]:
        with self.store.open_hour(self.feed, hour) as work:
            found = (client or self.client).collect(work, Options(settle_seconds=SETTLE))
            return found, work.commit(found)

    def rows(self, hour: Hour = NOON) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.store.dataset(self.feed, [hour]).to_table().to_pylist()
        return rows

    def ids(self, hour: Hour = NOON) -> list[str]:
        return [row["id"] for row in self.rows(hour)]

    @property
    def segments(self) -> Sequence[Path]:
        return segments(self.spool)

    def is_closed(self, hour: Hour = NOON) -> bool:
        return self.store.cursor(self.feed).is_closed(hour.start)


def event(id_: str, time: float, **changes: Any) -> bytes:
    """A request of Mailgun with one event; nobody looks at its signature any more."""
    said = {"event": "delivered", "id": id_, "timestamp": time, "recipient": f"{id_}@example.com", **changes}
    return json.dumps({"event-data": said}).encode()
