"""What an SPF record permits in the end: its includes followed as a receiver would, and its look-ups counted."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from mailevents_dagster.deliverability.posture.spf_record import OF_LOOKUPS, Network, Record, Term, is_spf, record_of
from mailevents_dagster.deliverability.posture.world import World
from mailevents_dagster.deliverability.quoting import quoted

MOST_FOLLOWED: Final = 40
"""Look-ups after which the rest is not followed any more: four times what receivers do."""
MOST_RANGES: Final = 10_000
"""Ranges that are kept; records of the largest providers have some thousand."""
MOST_HOSTS: Final = 10
"""MX hosts of one `mx` that receivers look up."""

_EVERYTHING: Final[tuple[Network, ...]] = (ipaddress.IPv4Network("0.0.0.0/0"), ipaddress.IPv6Network("::/0"))


@dataclass(slots=True)
class Walk:
    lookups: int = 0
    voids: list[str] = field(default_factory=list)
    """Look-ups that found nothing."""
    faults: list[str] = field(default_factory=list)
    unasked: list[str] = field(default_factory=list)
    """What could not be asked, with the reason."""
    unseen: list[str] = field(default_factory=list)
    """Terms whose addresses depend on the mail."""
    has_ptr: bool = False
    permitted: list[tuple[str, Network]] = field(default_factory=list)
    """Each with its qualifier, in the order in which receivers try them."""
    default: str = ""
    """The qualifier of the `all` that ends it; empty without one."""

    def result_of(self, address: str) -> str | None:
        """Return the qualifier of the first range with this address; None where there is none."""
        ip = ipaddress.ip_address(address)
        return next((qualifier for qualifier, network in self.permitted if ip in network), None)


def walk_of(domain: str, text: str, world: World) -> Walk:
    """Follow this record of the domain."""
    walk = Walk()
    record = record_of(text)
    walk.default = record.default
    permitted = _visit(walk, domain, record, world, (domain,))
    walk.permitted = permitted[:MOST_RANGES]
    if len(permitted) > MOST_RANGES:
        walk.unseen.append(f"{len(permitted) - MOST_RANGES:,} ranges behind the first {MOST_RANGES:,}")
    return walk


def _visit(walk: Walk, domain: str, record: Record, world: World, path: tuple[str, ...]) -> list[tuple[str, Network]]:
    walk.faults += [fault if len(path) == 1 else f"{quoted(domain)}: {fault}" for fault in record.faults]
    found: list[tuple[str, Network]] = []
    for term in record.terms:
        if walk.lookups > MOST_FOLLOWED:
            return found
        walk.lookups += term.name in OF_LOOKUPS
        if term.name == "all":
            return found + [(term.qualifier, network) for network in _EVERYTHING if term.qualifier == "+"]
        found += [(term.qualifier, network) for network in _permitted(walk, domain, term, world, path)]
    if record.redirect and not record.default:
        walk.lookups += 1
        found += _follow(walk, record.redirect, world, path, is_redirect=True)
    return found


def _permitted(walk: Walk, domain: str, term: Term, world: World, path: tuple[str, ...]) -> Sequence[Network]:
    if term.network:
        return [term.network]
    walk.has_ptr |= term.name == "ptr"
    if term.has_macros or term.name in ("ptr", "exists"):
        walk.unseen.append(quoted(f"{term.name}:{term.target or domain}"))
        return []
    if term.name == "include":
        return [network for qualifier, network in _follow(walk, term.target, world, path) if qualifier == "+"]
    return [*_of_hosts(walk, term.target or domain, term, world)]


def _follow(
    walk: Walk, target: str, world: World, path: tuple[str, ...], *, is_redirect: bool = False
) -> list[tuple[str, Network]]:
    """Return what the record of another domain permits."""
    target, how = target.lower(), "redirect=" if is_redirect else "include:"
    if "%" in target:
        walk.unseen.append(quoted(f"{how}{target}"))
        return []
    if target in path:
        walk.faults.append(f"{quoted(how + target)} leads back to itself: {quoted(' → '.join((*path, target)))}")
        return []
    answer = world.ask(target, "TXT")
    if answer.is_unasked:
        walk.unasked.append(f"{target} ({answer.reason})")
        return []
    records = [text for text in answer.records if is_spf(text)]
    if len(records) != 1:
        found = f"has {len(records)} SPF records" if records else "has no SPF record"
        walk.faults.append(f"{quoted(how + target)} {found}, so receivers take the whole record for broken")
        walk.voids += [target] if answer.is_absent else []
        return []
    record = record_of(records[0])
    if is_redirect:
        walk.default = record.default
    return _visit(walk, target, record, world, (*path, target))


def _of_hosts(walk: Walk, target: str, term: Term, world: World) -> Iterator[Network]:
    """Yield the networks of the addresses that a name, or the MX hosts of it, have."""
    hosts = [target]
    if term.name == "mx":
        answer = world.ask(target, "MX")
        _note(walk, target, "MX", world)
        hosts = [record.partition(" ")[2] for record in answer.records]
        hosts = [host for host in hosts if host != "."]
        if len(hosts) > MOST_HOSTS:
            walk.faults.append(
                f"{quoted(f'mx:{target}')} has {len(hosts)} hosts, and receivers look up {MOST_HOSTS} at the most"
            )
    asked = [(host, kind) for host in hosts[:MOST_HOSTS] for kind in ("A", "AAAA")]
    answers = world.ask_all(asked)
    for (host, kind), answer in zip(asked, answers, strict=True):
        if answer.is_unasked:
            walk.unasked.append(f"{host} {kind} ({answer.reason})")
        prefix = term.prefixes[kind == "AAAA"]
        for address in answer.records:
            yield ipaddress.ip_network(f"{address}/{prefix}", strict=False)
    if term.name == "a" and all(answer.is_absent for answer in answers):
        walk.voids.append(target)


def _note(walk: Walk, name: str, kind: str, world: World) -> None:
    answer = world.ask(name, kind)
    if answer.is_unasked:
        walk.unasked.append(f"{name} {kind} ({answer.reason})")
    elif answer.is_absent:
        walk.voids.append(name)
