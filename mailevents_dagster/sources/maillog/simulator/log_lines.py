"""The simulated log of a server: the same lines for the same name and time, whoever asks, and for any past hour."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from operator import itemgetter
from typing import Final
from zoneinfo import ZoneInfo

from mailevents_dagster.sources.maillog.simulator.exim import Entry, Exim
from mailevents_dagster.sources.maillog.simulator.postfix import Postfix
from mailevents_dagster.sources.maillog.simulator.traffic import LONGEST_LIFE, Mail, traffic

SERVERS: Final[dict[str, type[Exim] | type[Postfix]]] = {"exim": Exim, "postfix": Postfix}
MAILS_PER_HOUR: Final = 16.0
"""Makes 100 to 300 lines in an hour of the day, and few at night."""


def lines(
    name: str,
    format: str,  # noqa: A002 - the name it has in the settings
    first: int,
    end: int,
    timezone: str,
    mails_per_hour: float = MAILS_PER_HOUR,
) -> Iterator[str]:
    """Yield the lines of `[first, end)`, in their order and without line ends."""
    zone = ZoneInfo(timezone)
    server = SERVERS[format](name)
    waiting: defaultdict[int, list[Entry]] = defaultdict(list)
    for minute in range((first - LONGEST_LIFE) // 60, -(-end // 60)):
        local = datetime.fromtimestamp(minute * 60, zone)
        for what in traffic(f"{name} {format}", minute, local.hour, mails_per_hour):
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
