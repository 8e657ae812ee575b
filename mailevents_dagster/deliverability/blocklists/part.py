"""Whether a domain and the addresses that it sends from are listed, as a daily answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final

import pyarrow as pa

from mailevents_dagster.collecting.interval import Every
from mailevents_dagster.deliverability.answers import Ask
from mailevents_dagster.deliverability.blocklists.lists import (
    Listing,
    Standing,
    ask_list,
    believed,
    health_of,
    is_address,
    shown_zone,
)
from mailevents_dagster.deliverability.part import Made, Part, Work
from mailevents_dagster.deliverability.quoting import quoted
from mailevents_dagster.deliverability.sending_seen import seen_the_day_before
from mailevents_dagster.health.verdicts import Verdict
from mailevents_dagster.model.columns import Column

NAME: Final = "blocklists"
AT_ONCE: Final = 16
LOOK_BACK: Final = 7
SAY_EVERY: Final = 5.0
MOST_SAID: Final = 12

_TEXT: Final = pa.string()

COLUMNS: Final[tuple[Column, ...]] = (
    Column("subject", _TEXT, "The address or domain."),
    Column("zone", _TEXT, "The list."),
    Column("standing", _TEXT, "listed, not listed or could not be asked."),
    Column("codes", pa.list_(_TEXT), "The addresses by which the list says why."),
    Column("text", _TEXT, "Why it is listed, in the words of the list."),
    Column("reason", _TEXT, "Why the list could not be asked, or why `not listed` is worth little."),
    Column("listed_since", _TEXT, "The first day of this listing, as far as days were made; empty where not listed."),
)
CHECKS: Final[Mapping[str, str]] = {
    "not_listed": "Does no list have the domain or an address that it sends from?",
    "asked": "Did every list answer? One that refuses or fails says neither yes nor no.",
}


def look_up(questions: Sequence[tuple[str, str]], ask: Ask) -> list[Listing]:
    """Return what the lists say, for each pair of an address or domain and a list."""
    lists = {(zone, is_address(subject)) for subject, zone in questions}
    with ThreadPoolExecutor(AT_ONCE, "lists") as pool:
        healths = {one: pool.submit(health_of, one[0], ask, of_addresses=one[1]) for one in lists}
        listings = [pool.submit(ask_list, subject, zone, ask) for subject, zone in questions]
        return [
            believed(listing.result(), healths[zone, is_address(subject)].result())
            for (subject, zone), listing in zip(questions, listings, strict=True)
        ]


def make(work: Work) -> Made:
    """Ask every list for the domain, the domains of its senders, and every address that it sends from."""
    from mailevents_dagster.deliverability.dns import resolver_of  # needs what the extra installs
    from mailevents_dagster.deliverability.posture.asking import Asking

    settings, seen, interval = work.domain.blocklists, seen_the_day_before(work), Every(SAY_EVERY)
    addresses = dict.fromkeys((*work.domain.posture.sending_ips, *seen.sending_ips))
    domains = dict.fromkeys((work.domain.domain, *seen.sender_domains))
    questions = [
        *((address, zone) for address in addresses for zone in settings.ip_zones),
        *((domain, zone) for domain in domains for zone in settings.domain_zones),
    ]
    asking = Asking(resolver_of(work.domain.posture.resolver, work.note))

    def ask(name: str, kind: str) -> Any:
        if interval.has_passed():
            work.note(f"{len(questions):,} questions to block lists are under way")
        return asking.ask(name, kind)

    listings = look_up(questions, ask)
    since = listed_since(listings, _stored_before(work), work.day.key)
    return made_of(listings, since)


def _stored_before(work: Work) -> pa.Table | None:
    days = map(work.day.ago, range(1, LOOK_BACK + 1))
    return next(filter(lambda rows: rows is not None, map(partial(work.stored, NAME), days)), None)


def listed_since(listings: Sequence[Listing], before: pa.Table | None, today: str) -> list[str]:
    """Return since when each is listed; a day on which the list could not be asked ends no listing."""
    rows = before.to_pylist() if before else []
    known = {(row["subject"], row["zone"]): row["listed_since"] for row in rows}
    since = []
    for one in listings:
        first = known.get((one.subject, shown_zone(one.zone)), "")
        since.append(
            (first or today) if one.standing is Standing.LISTED else first * (one.standing is Standing.UNASKED)
        )
    return since


def made_of(listings: Sequence[Listing], since: Sequence[str]) -> Made:
    rows = [
        {
            "subject": one.subject,
            "zone": shown_zone(one.zone),
            "standing": str(one.standing),
            "codes": [*one.codes],
            "text": one.text,
            "reason": one.reason,
            "listed_since": first,
        }
        for one, first in zip(listings, since, strict=True)
    ]
    listed = [_said(row) for row in rows if row["standing"] == Standing.LISTED]
    lost = _refusing(rows)
    numbers = {
        "listed": len(listed),
        "not_listed": sum(row["standing"] == Standing.CLEAR for row in rows),
        "not_asked": sum(row["standing"] == Standing.UNASKED for row in rows),
    }
    verdicts = {
        "not_listed": _verdict(listed, "listed", is_error=True),
        "asked": _verdict(lost, "lists_without_answer"),
    }
    parts = (("Listed", listed), ("Without an answer that counts", lost))
    said = "\n\n".join(f"**{title}**\n\n" + "\n".join(f"- {line}" for line in lines) for title, lines in parts if lines)
    return Made(pa.Table.from_pylist(rows, _SCHEMA), numbers, verdicts, said)


_SCHEMA: Final = pa.schema([column.field for column in COLUMNS])


def _said(row: Mapping[str, Any]) -> str:
    why = f": {quoted(row['text'])}" if row["text"] else ""
    mend = "Look the entry up on the site of the list: it says why, and how to be taken off. Stop the cause first."
    codes = ", ".join(row["codes"])
    return f"{row['subject']} is listed by {row['zone']} ({codes}) since {row['listed_since']}{why}. {mend}"


def _refusing(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return each list that did not answer, once, with why."""
    reasons = {row["zone"]: row["reason"] for row in rows if row["reason"] and row["standing"] != Standing.LISTED}
    return [f"{zone}: {reason}." for zone, reason in sorted(reasons.items())]


def _verdict(faults: Sequence[str], number: str, *, is_error: bool = False) -> Verdict:
    rest = len(faults) - MOST_SAID
    text = " ".join([*faults[:MOST_SAID], *([f"And {rest:,} more."] if rest > 0 else [])])
    return Verdict(not faults, text or "fine", {number: len(faults)}, is_error=is_error)


BLOCKLISTS: Final = Part(
    NAME,
    "Whether lists by which receivers refuse mail have the domain, or an address that it sends from, and since when.",
    COLUMNS,
    make,
    CHECKS,
    is_wanted=lambda domain: bool(domain.blocklists.ip_zones or domain.blocklists.domain_zones),
)
