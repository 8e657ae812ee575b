"""An API with as much mail an hour as one likes, made when it is asked for: a million rows fill no memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection
from typing import Any, Final, overload

from processes import ServingProcess
from workload import FEED, HOUR

from mailevents_dagster.model.hour import SECONDS
from mailevents_dagster.sources.uzmanposta.simulator import Behaviour, Simulator

Record = dict[str, Any]
SUBJECT: Final = "A subject of a usual length, as most mails have one"


class DenseMail:
    """So many mails an hour from HOUR or another time on, at even distances."""

    def __init__(self, an_hour: int, hours: int, first: int = HOUR.start) -> None:
        self.an_hour = an_hour
        self.all = an_hour * hours
        self.first = first

    def rows(self, domain: str, feed_name: str, start: int, end: int) -> Any:  # noqa: ARG002 - a source's signature
        return _Rows(self, self._up_to(start), self._up_to(end + 1))

    def detail(self, queue_id: str, time: int) -> Record:
        row = self.row(int(queue_id[1:], 16))
        hops = [{"time": time + hop, "text": f"{queue_id}: hop {hop}, " + SUBJECT * 4} for hop in range(10)]
        return {**row, "logs": hops}

    def row(self, number: int) -> Record:
        at = self.first + number * SECONDS // self.an_hour
        return {
            "queue_id": f"4{number:011X}",
            "sender": f"sender{number % 977}@example.org",
            "subject": f"{SUBJECT}, number {number}",
            "size": 1000 + number % 100_000,
            "srcip": f"192.0.2.{number % 250}",
            "time": at,
            "recipients": [
                {"time": at, "mailto": f"user{number % 89}@{FEED.domain}", "status": "sent", "code": "2.0.0"}
            ],
        }

    def _up_to(self, second: int) -> int:
        """How many mails are older than this second."""
        return min(self.all, max(0, -(-(second - self.first) * self.an_hour // SECONDS)))


class _Rows(Sequence[Record]):
    """Mails that are made when somebody looks at them."""

    def __init__(self, mail: DenseMail, first: int, end: int) -> None:
        self._mail, self._numbers = mail, range(first, max(first, end))

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, at: int) -> Record: ...
    @overload
    def __getitem__(self, at: slice) -> list[Record]: ...
    def __getitem__(self, at: int | slice) -> Record | list[Record]:
        numbers = self._numbers[at]
        return self._mail.row(numbers) if isinstance(numbers, int) else [self._mail.row(one) for one in numbers]

    def __iter__(self) -> Iterator[Record]:
        return map(self._mail.row, self._numbers)


class DenseApi(ServingProcess):
    """The API with such mail; how long its answers take, and how many requests a second it allows."""

    def __init__(self, an_hour: int, hours: int = 1, latency: float = 0.0, rate: float | None = None) -> None:
        super().__init__(_serve, an_hour, hours, latency, rate)


def _serve(connection: Connection, an_hour: int, hours: int, latency: float, rate: float | None) -> None:
    behaviour = Behaviour(latency_seconds=latency, requests_per_second=rate)
    with Simulator(behaviour, source=DenseMail(an_hour, hours)) as simulator:
        connection.send(simulator.base_url)
        try:
            connection.recv()
        except EOFError:  # whoever measures is done, or gone
            return
