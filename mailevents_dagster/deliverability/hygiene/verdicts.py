"""What becomes of a row: kept, looked at by somebody, or left out, and why. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from disposable_email_domains import blocklist

from mailevents_dagster.deliverability.addresses import DOMAINS_KEPT, meant_domain, role_of
from mailevents_dagster.deliverability.hygiene.domains import State, Takes


class Reason(StrEnum):
    """What can be said against an address. Those before ROLE leave it out; the others are for somebody to look at."""

    EMPTY = "empty"
    SYNTAX = "syntax"
    DUPLICATE = "duplicate"
    SUPPRESSED = "suppressed"
    NO_DOMAIN = "no_domain"
    NO_MX = "no_mx"
    NULL_MX = "null_mx"
    DISPOSABLE = "disposable"
    ROLE = "role"
    TYPO = "typo"
    INACTIVE = "inactive"
    DNS_UNKNOWN = "dns_unknown"


LOOKED_AT = frozenset({Reason.ROLE, Reason.TYPO, Reason.INACTIVE, Reason.DNS_UNKNOWN})


@dataclass(frozen=True, slots=True)
class Objection:
    """One thing that is said against an address."""

    reason: Reason
    said: str = ""

    def __str__(self) -> str:
        return f"{self.reason}: {self.said}" if self.said else self.reason.value


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of an address beside itself."""

    first_row: int | None = None
    """The row that has the same address, where an earlier one does."""
    state: State | None = None
    """Of its domain; None where it was not asked."""
    suppressed: str = ""
    """Why it must not be mailed."""
    is_inactive: bool = False


def objections(address: str, domain: str, fault: str | None, facts: Facts) -> Sequence[Objection]:
    """Return what speaks against an address (as it is compared), the gravest first."""
    if not address:
        return (Objection(Reason.EMPTY),)
    if fault:
        return (Objection(Reason.SYNTAX, fault.removesuffix(".")),)
    found = []
    if facts.first_row is not None:
        found.append(Objection(Reason.DUPLICATE, f"of row {facts.first_row}"))
    if facts.suppressed:
        found.append(Objection(Reason.SUPPRESSED, facts.suppressed))
    if facts.state and facts.state.takes is not Takes.MAIL:
        found.append(Objection(Reason(facts.state.takes.value), facts.state.said))
    if is_disposable(domain):
        found.append(Objection(Reason.DISPOSABLE))
    if role := role_of(address):
        found.append(Objection(Reason.ROLE, role))
    if meant := meant_domain(domain):
        found.append(Objection(Reason.TYPO, f"perhaps {meant}"))
    if facts.is_inactive:
        found.append(Objection(Reason.INACTIVE))
    return sorted(found, key=lambda one: one.reason in LOOKED_AT)


def is_left_out(found: Sequence[Objection]) -> bool:
    return any(one.reason not in LOOKED_AT for one in found)


@lru_cache(DOMAINS_KEPT)
def is_disposable(domain: str) -> bool:
    """Return whether a domain, or one that it lies below, gives out addresses to throw away."""
    labels = domain.split(".")
    return any(".".join(labels[place:]) in blocklist for place in range(len(labels) - 1))
