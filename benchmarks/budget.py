"""Measures how well several processes keep one budget of requests: what the API saw, and who got how much of it."""

from __future__ import annotations

import tempfile
import threading
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import mean
from typing import Final

import click
from processes import receive, start
from simulated_api import SimulatedApi
from workload import FEED, HOUR, KEY

from mailevents_dagster.sharing.database import Database
from mailevents_dagster.sharing.number_places import Place, Row
from mailevents_dagster.sources.uzmanposta.access import Access
from mailevents_dagster.sources.uzmanposta.api import UzmanPostaApi

THREADS: Final = 4


@dataclass(frozen=True, slots=True)
class Shared:
    """What came of calling at the same time."""

    answered: int
    refused: int
    seconds: float
    """From the first call to the last answer."""
    calls: tuple[tuple[int, ...], ...]
    """Of each thread of each process."""

    def sentence(self, rate: float) -> str:
        processes = [sum(threads) for threads in self.calls]
        threads = [calls for process in self.calls for calls in process]
        return (
            f"{len(processes)} processes of {THREADS} threads at {rate:g} requests a second, {self.seconds:.1f} s: "
            f"{self.refused} refused, {self.answered / (rate * self.seconds):.1%} of the budget used, "
            f"the slowest process had {min(processes) / mean(processes):.0%} of the mean, "
            f"the slowest thread {min(threads) / mean(threads):.0%}."
        )


def share_a_budget(place: Place, processes: int, rate: float, seconds: float, latency: float) -> Shared:
    with SimulatedApi(0, latency=latency, rate=rate) as api:
        access = Access(FEED.domain, api.base_url, KEY, requests_per_second=rate, budget=place)
        callers = [start(_call, access, seconds) for _ in range(processes)]
        for caller in callers:
            receive(caller)
        began = time.monotonic()
        for caller in callers:
            caller.send("go")
        calls = tuple(receive(caller) for caller in callers)
        ended = time.monotonic()
        served = api.served()
    return Shared(served.lists, served.refused, ended - began, calls)


def _call(connection: Connection, access: Access, seconds: float) -> None:
    with UzmanPostaApi(access) as api:
        connection.send("ready")
        connection.recv()
        until = time.monotonic() + seconds
        counts = [0] * THREADS

        def work(number: int) -> None:
            while time.monotonic() < until:
                api.rows(FEED, HOUR.start, HOUR.start + 1)
                counts[number] += 1

        threads = [threading.Thread(target=work, args=(number,)) for number in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        connection.send(tuple(counts))


@click.command()
@click.option("--rate", default=50.0, show_default=True, help="Requests a second that the API allows.")
@click.option("--seconds", default=20.0, show_default=True, help="How long to call.")
@click.option("--latency", default=0.1, show_default=True, help="Seconds that an answer takes.")
@click.option("--processes", default=4, show_default=True, help="How many share it, as hosts would with --postgres.")
@click.option("--postgres", metavar="URL", help="Share it in this database instead of a file.")
def main(*, rate: float, seconds: float, latency: float, processes: int, postgres: str | None) -> None:
    """Measure how well several processes keep one budget of requests."""
    with tempfile.TemporaryDirectory() as folder:
        row = Row(Database(postgres), f"benchmark {time.time()}") if postgres else None
        place = row or Path(folder) / "shared.budget"
        click.echo(share_a_budget(place, processes, rate, seconds, latency).sentence(rate))


if __name__ == "__main__":
    main()
