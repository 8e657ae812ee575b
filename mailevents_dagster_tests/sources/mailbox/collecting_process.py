"""Collecting the hour of a test from a simulated Graph, in a process that is killed."""

from __future__ import annotations

from pathlib import Path

from mailevents_dagster.sources.client import Options
from mailevents_dagster.sources.mailbox.collect import MailboxClient
from mailevents_dagster.sources.mailbox.graph.calls import Access, Calls
from mailevents_dagster.sources.mailbox.graph.reader import GraphReader
from mailevents_dagster.sources.mailbox.tokens import Application
from mailevents_dagster_tests.sources.mailbox.graph_mailbox import ADDRESS, FEED, NOON, store_in


def collect(url: str, folder: Path) -> None:
    store = store_in(folder)
    application = Application(url, "tenant.example", "client-1", secret="simulator")
    calls = Calls(Access(ADDRESS, application, f"{url}/v1.0", folder / "budgets" / "graph.calls"))
    client = MailboxClient(GraphReader(calls), store.blobs)
    with store.open_hour(FEED, NOON) as work:
        work.commit(client.collect(work, Options()))
    client.close()
