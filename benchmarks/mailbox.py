"""Measures how near the ideal an hour of a mailbox is collected."""

from __future__ import annotations

import tempfile
import time
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

import click
import pyarrow as pa
from measure import peak_memory
from processes import ServingProcess, in_fresh_process, receive

from mailevents_dagster.model.hour import Hour
from mailevents_dagster.sources.client import Options
from mailevents_dagster.sources.mailbox.collect import MailboxClient
from mailevents_dagster.sources.mailbox.feeds import FEED_KINDS, messages_of
from mailevents_dagster.sources.mailbox.graph.calls import Access, Calls
from mailevents_dagster.sources.mailbox.graph.reader import GraphReader
from mailevents_dagster.sources.mailbox.simulator import Behaviour, Mail, Simulator, id_of
from mailevents_dagster.sources.mailbox.tokens import Application
from mailevents_dagster.store.store import Store

ADDRESS: Final = "fund@example.com"
PERSON: Final = ("Kim", "kim@fund.example")
HOUR: Final = Hour.from_key("2026-11-20-12:00", "UTC")
AT_A_TIME: Final = 4


def serve(connection: Connection, mails: int, size: int, latency: float) -> None:
    """Serve a Graph with so many mails in one hour until asked to end, counting its calls."""
    behaviour = Behaviour(mails_per_hour=0, padding=size, latency_seconds=latency, at_a_time=AT_A_TIME)
    with Simulator(behaviour, now=lambda: HOUR.end + 7200.0) as simulator:
        mailbox = simulator.mailbox(ADDRESS)
        for number in range(mails):
            at = HOUR.start + number * 3600 // mails
            own = ("Fund", ADDRESS)
            one = Mail(id_of(ADDRESS, at, number), at, at - 2, "Inbox", PERSON, (own,), f"Mail {number}", padding=size)
            mailbox.add(one)
        connection.send((simulator.url, simulator.base_url))
        with suppress(EOFError):  # whoever asks has ended
            while connection.recv():
                connection.send(len(simulator.calls))


class SimulatedGraph(ServingProcess):
    """A Graph in a process of its own, so that its work is in no figure of the collector."""

    def __init__(self, mails: int, size: int, latency: float) -> None:
        super().__init__(serve, mails, size, latency)

    def calls(self) -> int:
        self._connection.send("calls")
        return int(receive(self._connection))


def collect(folder: Path, url: str, base_url: str) -> tuple[float, float, float]:
    """Return the seconds that the hour takes, those of CPU, and the megabytes at the peak."""
    pa.set_memory_pool(pa.system_memory_pool())  # as the collector does
    store = Store(
        str(folder / "data"), "UTC", "{domain}_{type}_%Y-%m-%d_%H.log", FEED_KINDS, scratch=folder / "scratch"
    )
    access = Access(ADDRESS, Application(url, "tenant.example", "client-1", secret="simulator"), base_url, folder / "b")
    client = MailboxClient(GraphReader(Calls(access)), store.blobs)
    began, cpu = time.perf_counter(), time.process_time()
    with store.open_hour(messages_of(ADDRESS), HOUR) as work:
        work.commit(client.collect(work, Options()))
    taken = time.perf_counter() - began, time.process_time() - cpu
    client.close()
    return *taken, peak_memory() / 2**20


@click.command()
@click.option("--mails", default=10_000, show_default=True)
@click.option("--size", default=60_000, show_default=True, help="Bytes of a mail.")
@click.option("--latency", default=0.1, show_default=True, help="Seconds of each answer.")
def main(mails: int, size: int, latency: float) -> None:
    with tempfile.TemporaryDirectory() as name, SimulatedGraph(mails, size, latency) as graph:
        url, base_url = graph.base_url
        seconds, cpu, megabytes = in_fresh_process(collect, Path(name), url, base_url)
        calls = graph.calls()
    ideal = (calls - mails) * latency + mails / AT_A_TIME * latency
    click.echo(
        f"{mails:,} mails of {size:,} bytes at {latency * 1000:.0f} ms, {AT_A_TIME} at a time: {seconds:.1f} s, "
        f"{ideal / seconds:.2f} of the ideal, {cpu:.1f} s of CPU, {calls:,} calls, {megabytes:.0f} MB"
    )


if __name__ == "__main__":
    main()
