"""MX: where mail for the domain goes, bounces and reports among it."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from mailevents_dagster.deliverability.answers import Answer
from mailevents_dagster.deliverability.posture.findings import (
    Finding,
    Verdict,
    bad,
    good,
    missing,
    unknown,
    weak,
)
from mailevents_dagster.deliverability.posture.world import World
from mailevents_dagster.deliverability.quoting import few

NOWHERE: Final = "."
MOST_HOSTS: Final = 20
"""MX hosts that are looked at."""


def mx_hosts(answer: Answer) -> list[str]:
    """Return the hosts, the preferred one first."""
    split = [record.partition(" ") for record in answer.records]
    return [host for _, _, host in sorted(split, key=lambda one: (int(one[0]), one[2]))][:MOST_HOSTS]


def addresses_of(names: Sequence[str], world: World) -> list[Answer]:
    """Return what each name has of IPv4 and IPv6 addresses, together; with a reason where that may not be all."""
    answers = world.ask_all((name, kind) for name in names for kind in ("A", "AAAA"))
    return [_together(*answers[place : place + 2]) for place in range(0, len(answers), 2)]


def _together(old: Answer, new: Answer) -> Answer:
    if old.is_there and new.is_there:
        return Answer(old.state, old.records + new.records, aliases=old.aliases or new.aliases)
    lost = next((one for one in (old, new) if one.is_unasked), None)
    found = next((one for one in (old, new) if one.is_there), None)
    if found and lost:
        return replace(found, reason=lost.reason)
    return found or lost or old


def mx(domain: str, world: World) -> Iterator[Finding]:
    answer = world.ask(domain, "MX")
    if answer.is_unasked:
        yield unknown("mx.record", domain, "The MX records", answer)
        return
    hosts = mx_hosts(answer)
    if not hosts:
        yield _without(domain, world)
    elif NOWHERE in hosts:
        text = "The domain says that it takes no mail (null MX): bounces, replies and reports cannot arrive."
        if len(hosts) > 1:
            text = "A null MX stands beside others, which receivers read in different ways."
        yield bad("mx.record", domain, text, "Publish the server that takes mail, and no `.`.")
    else:
        yield good("mx.record", domain, f"Mail goes to {few(hosts)}.", answer.records)
        for host, found in zip(hosts, addresses_of(hosts, world), strict=True):
            yield _of_host(host, found)


def _without(domain: str, world: World) -> Finding:
    [address] = addresses_of([domain], world)
    mend = "Publish an MX record with the server that takes mail."
    if address.is_there:
        text = "There is no MX record; mail goes to the address of the domain itself."
        return weak("mx.record", domain, text, mend)
    if address.is_unasked:
        return unknown("mx.record", domain, "There is no MX record. The address of the domain", address)
    text = "There is neither an MX record nor an address: bounces, replies and reports cannot arrive."
    return missing("mx.record", domain, Verdict.BAD, text, mend)


def _of_host(host: str, found: Answer) -> Finding:
    code = "mx.host"
    if _is_address(host):
        return bad(
            code, host, f"The MX record holds the address {host}, and must hold a name.", "Write the host's name."
        )
    if found.is_unasked:
        return unknown(code, host, f"The address of {host}", found)
    if found.is_absent:
        text = f"{host} has no address: no mail arrives there."
        return missing(code, host, Verdict.BAD, text, "Publish its address, or take the MX record away.")
    if found.aliases:
        text = f"{host} is an alias (CNAME), which an MX record may not name; some senders refuse it."
        return weak(code, host, text, f"Name {found.aliases[-1]} in the MX record.")
    private = [one for one in found.records if not ipaddress.ip_address(one).is_global]
    if private:
        text = f"{host} has an address that nobody reaches from outside: {', '.join(private)}."
        return bad(code, host, text, "Publish the address that the world sees.")
    return good(code, host, f"{host} has {len(found.records)} addresses.", found.records)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
