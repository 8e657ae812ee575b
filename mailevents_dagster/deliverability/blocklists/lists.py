"""Asking a list by DNS (RFC 5782), and telling apart what it lists, what it does not, and what it does not answer."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from mailevents_dagster.deliverability.answers import Answer, Ask

LISTED_ADDRESS: Final = "127.0.0.2"
"""Each list of addresses lists this, so that one can see that it works."""
UNLISTED_ADDRESS: Final = "127.0.0.1"
"""No list lists this; one that does says yes to everything."""
LISTED_DOMAIN: Final = "test"
UNLISTED_DOMAIN: Final = "invalid"
TEST_ENTRIES: Final = {
    "dbl.spamhaus.org": "dbltest.com",
    "multi.surbl.org": "test.surbl.org",
    "multi.uribl.com": "test.uribl.com",
}
"""Lists of domains with an entry of their own for tests."""
HIDDEN: Final = re.compile("[a-z0-9]{20,63}")
"""A label that is the key of whoever pays for a list."""
LONGEST_REASON: Final = 300

_ERRORS: Final = ipaddress.ip_network("127.255.255.0/24")
_LISTINGS: Final = ipaddress.ip_network("127.0.0.0/8")
_MEANINGS: Final = {
    "127.255.255.252": "the name of the list is written wrong",
    "127.255.255.254": "it does not answer public name servers; ask by a name server of your own",
    "127.255.255.255": "it was asked too often; ask less, or subscribe",
    "127.0.0.1": "it refuses this name server; ask by one of your own, or subscribe",
    "127.0.1.255": "it lists domains and no addresses",
}


class Standing(StrEnum):
    LISTED = "listed"
    CLEAR = "not listed"
    UNASKED = "could not be asked"


@dataclass(frozen=True, slots=True)
class Listing:
    """What one list says of one address or domain."""

    subject: str
    zone: str
    standing: Standing
    codes: tuple[str, ...] = ()
    """The addresses by which the list says why."""
    text: str = ""
    """Why it is listed, in the words of the list."""
    reason: str = ""
    """Why it could not be asked, or why `not listed` is worth little."""


def is_address(subject: str) -> bool:
    try:
        ipaddress.ip_address(subject)
    except ValueError:
        return False
    return True


def asked_name(subject: str, zone: str) -> str:
    """Return the name that is asked for: an address backwards, a domain as it is."""
    if not is_address(subject):
        return f"{subject}.{zone}"
    backwards = ipaddress.ip_address(subject).reverse_pointer.rpartition(".")[0].rpartition(".")[0]
    return f"{backwards}.{zone}"


def shown_zone(zone: str) -> str:
    """Return the name of a list without the key of a subscriber."""
    label, _, rest = zone.partition(".")
    return f"….{rest}" if HIDDEN.fullmatch(label) else zone


def standing_of(answer: Answer) -> tuple[Standing, str]:
    """Return what the addresses of an answer mean, with why it could not be asked."""
    if answer.is_absent:
        return Standing.CLEAR, ""
    if answer.is_unasked:
        return Standing.UNASKED, answer.reason
    for code in answer.records:
        if code in _MEANINGS or ipaddress.ip_address(code) in _ERRORS:
            return Standing.UNASKED, f"it answers with {code}: {_MEANINGS.get(code, 'an error of the list')}"
        if ipaddress.ip_address(code) not in _LISTINGS:
            return Standing.UNASKED, f"it answers with {code}, which no list does: the list is closed, or somebody lies"
    return Standing.LISTED, ""


def ask_list(subject: str, zone: str, ask: Ask) -> Listing:
    name = asked_name(subject, zone)
    answer = ask(name, "A")
    standing, reason = standing_of(answer)
    if standing is not Standing.LISTED:
        return Listing(subject, zone, standing, reason=reason)
    said = ask(name, "TXT")
    text = " ".join(said.records)[:LONGEST_REASON]
    return Listing(subject, zone, standing, answer.records, text, said.reason if said.is_unasked else "")


@dataclass(frozen=True, slots=True)
class Health:
    """Whether the answers of a list are worth anything, by the entries that each list has for that."""

    says_yes_to_all: bool
    shows_its_test: bool


def health_of(zone: str, ask: Ask, *, of_addresses: bool) -> Health:
    unlisted = UNLISTED_ADDRESS if of_addresses else UNLISTED_DOMAIN
    tests = [LISTED_ADDRESS] if of_addresses else [*_own_test(zone), LISTED_DOMAIN]
    standings = [standing_of(ask(asked_name(one, zone), "A"))[0] for one in tests]
    says_yes = standing_of(ask(asked_name(unlisted, zone), "A"))[0] is Standing.LISTED
    return Health(says_yes, Standing.LISTED in standings)


def _own_test(zone: str) -> Sequence[str]:
    return [entry for name, entry in TEST_ENTRIES.items() if zone == name or zone.endswith(f".{name}")]


def believed(listing: Listing, health: Health) -> Listing:
    """Return what is left of a listing when one knows how the list answers."""
    name, zone, standing = listing.subject, listing.zone, listing.standing
    if standing is Standing.LISTED and health.says_yes_to_all:
        reason = "it lists everything, also what no list may: it is closed, or broken"
        return Listing(name, zone, Standing.UNASKED, listing.codes, reason=reason)
    if standing is Standing.CLEAR and not health.shows_its_test:
        return Listing(name, zone, standing, reason="it does not show its test entry: it may be closed, or refuse")
    return listing
