"""How a domain sends, as the outcomes of the day before tell it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final

from mailevents_dagster.deliverability.part import Work
from mailevents_dagster.sources.outcomes.feeds import outcomes_of
from mailevents_dagster.summaries.making import events_of

MOST: Final = 50
"""Addresses or domains that are looked at: those with the most mails."""
_COLUMNS: Final = ("outcome", "sending_ip", "sender", "tls")


@dataclass(slots=True)
class Seen:
    ips: Counter[str] = field(default_factory=Counter)
    domains: Counter[str] = field(default_factory=Counter)
    """Of senders: the domain and those below it."""
    with_tls: int = 0
    without_tls: int = 0
    """Mails that were handed over; of others nothing is known."""

    @property
    def sending_ips(self) -> list[str]:
        return sorted(ip for ip, _ in self.ips.most_common(MOST))

    @property
    def sender_domains(self) -> list[str]:
        return sorted(domain for domain, _ in self.domains.most_common(MOST))


def seen_the_day_before(work: Work) -> Seen:
    """Return what the hours of the day before tell; hours that are not there tell nothing."""
    seen, domain = Seen(), work.domain.domain
    day = replace(work.day, date=work.day.date - timedelta(days=1))
    for hour in day.hours:
        rows = events_of(work.store, outcomes_of(domain), hour, _COLUMNS, work.note)
        if rows is None:
            continue
        seen.ips.update(ip for ip in rows["sending_ip"].to_pylist() if ip)
        senders = Counter((address or "").rpartition("@")[2].lower() for address in rows["sender"].to_pylist())
        seen.domains.update({one: n for one, n in senders.items() if one and f".{one}".endswith(f".{domain}")})
        for outcome, tls in zip(rows["outcome"].to_pylist(), rows["tls"].to_pylist(), strict=True):
            if outcome == "delivered" and tls is not None:
                seen.with_tls += tls
                seen.without_tls += not tls
    return seen
