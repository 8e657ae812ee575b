"""The simulated log of a server: the same lines for the same name and time, whoever asks, and for any past hour."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import chain
from operator import itemgetter
from typing import Final
from zoneinfo import ZoneInfo

from mailevents_dagster.sources.maillog.simulator.exim import Entry, Exim
from mailevents_dagster.sources.maillog.simulator.postfix import Postfix
from mailevents_dagster.sources.maillog.simulator.traffic import (
    LONGEST_LIFE,
    Mail,
    handed_on,
    is_over_by,
    liveliness,
    traffic,
)

SERVERS: Final[dict[str, type[Exim] | type[Postfix]]] = {"exim": Exim, "postfix": Postfix}
MAILS_PER_HOUR: Final = 16.0
"""Makes 100 to 300 lines in an hour of the day, and few at night."""
ALONE: Final[Mapping[str, str]] = {}


def lines(
    name: str,
    format: str,  # noqa: A002 - the name it has in the settings
    first: int,
    end: int,
    timezone: str,
    mails_per_hour: float = MAILS_PER_HOUR,
    neighbours: Mapping[str, str] = ALONE,
) -> Iterator[str]:
    """Yield the lines of `[first, end)`, in their order and without line ends.

    Neighbours are other simulated servers, their names with their formats: these and the server hand each other mails.
    """
    zone = ZoneInfo(timezone)
    server = SERVERS[format](name)
    waiting: defaultdict[int, list[Entry]] = defaultdict(list)
    for minute in range((first - LONGEST_LIFE) // 60, -(-end // 60)):
        local = datetime.fromtimestamp(minute * 60, zone)
        mean = mails_per_hour / 60 * liveliness(local.hour)
        exchanged = _exchanged(server, neighbours, minute, mails_per_hour / 60)
        for what in chain(traffic(name, format, minute, mean), exchanged):
            if is_over_by(what, first):
                continue
            for entry in server.mail(what) if isinstance(what, Mail) else server.refusal(what):
                waiting[entry[0] // 60].append(entry)
        waiting[minute].extend(server.chores(minute))
        entries = waiting.pop(minute)
        if minute * 60 < first - 59:
            continue
        stamp = local.strftime(server.stamp)
        entries.sort(key=itemgetter(0))
        for time, text in entries:
            if first <= time < end:
                yield f"{stamp}{time % 60:02}{text}"


def _exchanged(server: Exim | Postfix, neighbours: Mapping[str, str], minute: int, mean: float) -> Iterator[Mail]:
    """Yield the mails that a server hands to its neighbours, and those that it takes from them."""
    for name, kind in neighbours.items():
        neighbour = SERVERS[kind](name)
        for mail, there in handed_on(server.name, name, minute, mean):
            yield mail._replace(accepted_as=neighbour.accepts(there))
        for _, mail in handed_on(name, server.name, minute, mean):
            yield mail
