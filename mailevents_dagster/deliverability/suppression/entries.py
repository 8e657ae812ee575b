"""The suppression list: who must not be mailed at a moment, and why; how two lists differ. Pure."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from mailevents_dagster.deliverability.addresses import comparable, flags_of
from mailevents_dagster.deliverability.suppression.evidence import moment
from mailevents_dagster.deliverability.suppression.ledger import Evidence, Ledger, Suppression, suppressions
from mailevents_dagster.sources.outcomes.settings.suppression import SuppressionRules


@dataclass(frozen=True, slots=True)
class Entry:
    """An address that must not be mailed."""

    key: str
    """The address as it is compared."""
    held: Mapping[str, Suppression]
    """What suppresses it, by the reason, the gravest first."""

    @property
    def reason(self) -> str:
        return next(iter(self.held))

    @property
    def evidence(self) -> Evidence:
        return self.held[self.reason].evidence

    @property
    def address(self) -> str:
        return self.evidence.address

    @property
    def until(self) -> int | None:
        """When the last of what suppresses it ends (Unix time in milliseconds); None: not by itself."""
        ends = [one.until for one in self.held.values()]
        return None if None in ends else max(one for one in ends if one is not None)

    @property
    def said(self) -> str:
        """Why it must not be mailed, in a few words."""
        since = f"{self.reason} since {moment(self.evidence.at):%Y-%m-%d}"
        return since if self.until is None else f"{since}, until {moment(self.until):%Y-%m-%d}"


@dataclass(frozen=True, slots=True)
class Difference:
    """What another set of rules would change."""

    added: Sequence[Entry]
    removed: Sequence[Entry]
    changed: Sequence[tuple[Entry, Entry]]
    """Those that stay for another reason, or until another time: as they are, and as they would be."""


def entries_of(ledger: Ledger, rules: SuppressionRules, at: int) -> Iterator[Entry]:
    """Yield who must not be mailed at a time (Unix, in milliseconds), by address."""
    for key, standing in ledger.items():
        if held := suppressions(standing, rules, at):
            yield Entry(key, held)


def difference(old: Mapping[str, Entry], new: Mapping[str, Entry]) -> Difference:
    """Return how two lists differ, each by the addresses as they are compared."""
    both = sorted(old.keys() & new.keys())
    pairs = [(old[key], new[key]) for key in both]
    return Difference(
        [new[key] for key in sorted(new.keys() - old.keys())],
        [old[key] for key in sorted(old.keys() - new.keys())],
        [(was, will) for was, will in pairs if (was.reason, was.until) != (will.reason, will.until)],
    )


def facts_of(entry: Entry, key: bytes | None = None) -> dict[str, object]:
    """Return an entry as lists have it. With a key, nothing in it names anybody."""
    facts = entry.evidence
    return {
        "address": hashed(entry.key, key) if key else entry.address,
        "reason": entry.reason,
        "reasons": list(entry.held),
        "since": moment(facts.at),
        "until": None if entry.until is None else moment(entry.until),
        "rule": None if key and entry.reason == "manual" else facts.rule,
        "code": facts.code,
        "enhanced_code": facts.enhanced_code,
        "text": None if key else facts.text,
        "feed": None if key else facts.feed,
        "event_id": None if key else facts.event_id,
        "flags": list(flags_of(entry.key)),
    }


def hashed(address: str, key: bytes) -> str:
    """Return the keyed hash (HMAC-SHA-256, in hexadecimal) of an address as it is compared."""
    return hmac.new(key, comparable(address).encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
