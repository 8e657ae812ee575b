"""A mailbox on a simulated Graph: what is in it, and what collects it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from mailevents_dagster.model.event import Collection
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.sources.client import Options
from mailevents_dagster.sources.mailbox.collect import MailboxClient
from mailevents_dagster.sources.mailbox.feeds import FEED_KINDS, messages_of
from mailevents_dagster.sources.mailbox.graph.calls import Access, Calls
from mailevents_dagster.sources.mailbox.graph.reader import GraphReader
from mailevents_dagster.sources.mailbox.reader import Reader
from mailevents_dagster.sources.mailbox.simulator import Behaviour, Mail, SimulatedMailbox, Simulator, id_of
from mailevents_dagster.sources.mailbox.tokens import Application
from mailevents_dagster.store.blobs import Blobs
from mailevents_dagster.store.hour.commit import Commit
from mailevents_dagster.store.store import Store

ADDRESS: Final = "fund@example.com"
FEED: Final = messages_of(ADDRESS)
NOON: Final = Hour.from_key("2026-11-20-12:00", "UTC")
NOW: Final = NOON.start + 7 * 3600.0
OWN: Final = ("Fund", ADDRESS)
OTHER: Final = ("김민수", "minsu.kim@fund.example")


def mail(after: int, **changes: Any) -> Mail:
    """Return a mail that was received so many seconds after noon."""
    time = NOON.start + after
    usual = Mail(
        id=id_of(ADDRESS, time, 0),
        received=time,
        sent=time - 2,
        folder="Inbox",
        author=OTHER,
        sender=OTHER,
        to=(OWN,),
        subject="기준가 확인 요청",
    )
    return replace(usual, **changes)


def sent(after: int, **changes: Any) -> Mail:
    """Return a mail that was sent so many seconds after noon, and put among the sent ones a second later."""
    time = NOON.start + after
    usual = {"sent": time, "received": time + 1, "folder": "Sent Items", "author": OWN, "sender": OWN, "to": (OTHER,)}
    return mail(after, **{**usual, **changes})


def application(simulator: Simulator, **changes: Any) -> Application:
    return replace(Application(simulator.url, "tenant.example", "client-1", secret="simulator"), **changes)


def calls_of(simulator: Simulator, budget: Path | None = None, **changes: Any) -> Calls:
    return Calls(Access(ADDRESS, application(simulator, **changes), simulator.base_url, budget))


def store_in(folder: Path) -> Store:
    return Store(str(folder / "data"), "UTC", "{domain}_{type}_%Y-%m-%d_%H.log", FEED_KINDS, scratch=folder / "scratch")


@dataclass
class Place:
    """A simulator, a store, and what collects the one into the other."""

    simulator: Simulator
    store: Store
    reader: Reader
    client: MailboxClient

    @property
    def mailbox(self) -> SimulatedMailbox:
        return self.simulator.mailbox(ADDRESS)

    @property
    def blobs(self) -> Blobs:
        return self.store.blobs

    def collect(self, hour: Hour = NOON, options: Options | None = None) -> tuple[Collection, Commit]:
        with self.store.open_hour(FEED, hour) as work:
            found = self.client.collect(work, options or Options())
            return found, work.commit(found)

    def rows(self, hour: Hour = NOON) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.store.dataset(FEED, [hour]).to_table().to_pylist()
        return rows

    def ids(self, hour: Hour = NOON) -> list[str]:
        return [row["id"] for row in self.rows(hour)]

    def fetched(self) -> int:
        """Return how many raw messages were given out."""
        return self.simulator.count("messages/$value")


def place(simulator: Simulator, folder: Path, wrap: Callable[[Reader], Reader] = lambda reader: reader) -> Place:
    store = store_in(folder)
    reader = wrap(GraphReader(calls_of(simulator, folder / "budgets" / "graph.calls")))
    return Place(simulator, store, reader, MailboxClient(reader, store.blobs))


def quiet() -> Behaviour:
    """Return how a simulator behaves whose mailboxes hold what is put into them alone."""
    return Behaviour(mails_per_hour=0)
