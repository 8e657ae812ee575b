"""The servers that send: the name of each address, and the names they greet with."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Sequence
from typing import Final

from mailevents_dagster.deliverability.answers import Answer
from mailevents_dagster.deliverability.posture.findings import Finding, Verdict, bad, good, missing, unknown, weak
from mailevents_dagster.deliverability.posture.mx import addresses_of
from mailevents_dagster.deliverability.posture.world import World
from mailevents_dagster.deliverability.quoting import few

MOST_NAMES: Final = 8
"""Names of an address that are looked up."""
ENOUGH_TLS: Final = 0.95
LITTLE_TLS: Final = 0.5
"""Below this the sending side does not use TLS; above it, there are receivers that do not offer it."""


def reverse_name(address: str) -> str:
    return ipaddress.ip_address(address).reverse_pointer


def ptr(sending_ips: Sequence[str], world: World) -> Iterator[Finding]:
    answers = world.ask_all((reverse_name(address), "PTR") for address in sending_ips)
    for address, answer in zip(sending_ips, answers, strict=True):
        yield _of_address(address, answer, world)


def _of_address(address: str, answer: Answer, world: World) -> Finding:
    code = "ptr.name"
    if answer.is_unasked:
        return unknown(code, address, f"The name of {address}", answer)
    mend = "Ask whoever gave you the address to set its reverse DNS to the name of the server."
    if answer.is_absent:
        text = f"{address} has no name (PTR): large receivers refuse what it sends."
        return missing(code, address, Verdict.BAD, text, mend)
    names = answer.records[:MOST_NAMES]
    found = world.ask_all((name, "AAAA" if ":" in address else "A") for name in names)
    leads_back = [name for name, one in zip(names, found, strict=True) if _has(one, address)]
    if not leads_back:
        lost = next((one for one in found if one.is_unasked), None)
        if lost:
            return unknown(code, address, f"Whether {few(names)} leads back to {address}", lost)
        text = f"{address} is called {few(names)}, which does not lead back to it."
        return bad(code, address, text, f"Publish {address} as an address of that name, or let the PTR name another.")
    if _is_of_a_pool(leads_back[0], address):
        text = f"{address} is called {leads_back[0]}, as addresses of homes are; some receivers refuse those."
        return weak(code, address, text, mend)
    return good(code, address, f"{address} is called {leads_back[0]}, which leads back to it.")


def _has(answer: Answer, address: str) -> bool:
    return ipaddress.ip_address(address) in {ipaddress.ip_address(one) for one in answer.records}


def _is_of_a_pool(name: str, address: str) -> bool:
    """Return whether a name is made of the address, as those of dial-up pools are."""
    if ":" in address:
        return False
    numbers = re.findall("[0-9]+", name)
    parts = address.split(".")
    return any(numbers[place : place + 4] in (parts, parts[::-1]) for place in range(len(numbers)))


def helo(names: Sequence[str], sending_ips: Sequence[str], world: World) -> Iterator[Finding]:
    code = "helo.name"
    for name, found in zip(names, addresses_of(names, world), strict=True):
        if found.is_unasked:
            yield unknown(code, name, f"The address of {name}, with which a server greets,", found)
        elif found.is_absent:
            text = f"A server greets as {name} (HELO), which has no address; some receivers refuse that."
            yield missing(
                code, name, Verdict.BAD, text, "Publish its address, or let the server greet with its PTR name."
            )
        elif sending_ips and not any(_has(found, address) for address in sending_ips):
            if found.reason:
                yield unknown(
                    code, name, f"Whether {name}, with which a server greets, is an address that sends", found
                )
                continue
            text = f"A server greets as {name} (HELO), which is none of the addresses that send."
            yield weak(code, name, text, "Let the server greet with the name of its own address.")
        else:
            yield good(code, name, f"The name {name}, with which a server greets, has an address.")


def tls(domain: str, with_tls: int, without_tls: int) -> Iterator[Finding]:
    """Judge how mail was handed over; nothing is said where nothing is known."""
    total = with_tls + without_tls
    if not total:
        return
    share, code = with_tls / total, "tls.sent"
    text = f"{share:.1%} of {total:,} mails were handed over with TLS on the day before."
    mend = "Let the sending servers use TLS wherever it is offered (Postfix: `smtp_tls_security_level = may`)."
    if share >= ENOUGH_TLS:
        yield good(code, domain, text)
    else:
        yield (weak if share >= LITTLE_TLS else bad)(code, domain, text, mend)
