"""How a domain sends, as the outcomes of the day before tell it."""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from mailevents_dagster.deliverability.outcomes_of_day import outcomes_of_day
from mailevents_dagster.deliverability.part import Work
from mailevents_dagster.model.outcome import Became
from mailevents_dagster.summaries.anonymous import domains_of

MOST: Final = 50
"""Addresses or domains that are looked at: those with the most mails."""

_INSIDE: Final = [
    ipaddress.ip_network(one) for one in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
]


@dataclass(frozen=True, slots=True)
class Seen:
    sending_ips: tuple[str, ...]
    sender_domains: tuple[str, ...]
    """The domain and those below it."""
    with_tls: int
    without_tls: int
    """Mails that were handed over; of others nothing is known."""


def seen_the_day_before(work: Work) -> Seen:
    """Return what the hours of the day before tell; hours that are not there tell nothing."""
    day, domain = work.day.ago(1), work.domain.domain
    rows = outcomes_of_day(work.store, domain, day, ["outcome", "sending_ip", "sender", "tls"], work.note).rows
    handed_over = rows.filter(pc.equal(rows["outcome"], str(Became.DELIVERED)))["tls"]
    tls = dict(_counted(handed_over.cast(pa.string())))
    return Seen(
        _most((one, count) for one, count in _counted(rows["sending_ip"]) if _is_of_the_internet(one)),
        _most((one, count) for one, count in _counted(domains_of(rows["sender"])) if f".{one}".endswith(f".{domain}")),
        tls.get("true", 0),
        tls.get("false", 0),
    )


def _counted(values: pa.Array | pa.ChunkedArray) -> Iterator[tuple[str, int]]:
    for one in pc.value_counts(values).to_pylist():
        if one["values"]:
            yield one["values"], one["counts"]


def _most(counted: Iterable[tuple[str, int]]) -> tuple[str, ...]:
    return tuple(sorted(one for one, _ in Counter(dict(counted)).most_common(MOST)))


def _is_of_the_internet(text: str) -> bool:
    """Return whether an address may be known outside; logs of servers behind another tell those of their network."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return not (address.is_loopback or address.is_link_local or any(address in network for network in _INSIDE))
