"""Whether the addresses that a DMARC record names may and can receive reports (RFC 9990)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote

from mailevents_dagster.deliverability.posture.dmarc_record import VERSION, Published, tree_walk
from mailevents_dagster.deliverability.posture.findings import (
    Finding,
    Verdict,
    bad,
    good,
    missing,
    unknown,
    weak,
)
from mailevents_dagster.deliverability.posture.tags import of_version
from mailevents_dagster.deliverability.posture.world import World

MOST_ADDRESSES: Final = 10

_MAILTO: Final = re.compile(r"mailto:([^@,!?\s]{1,256}@([A-Za-z0-9.-]{1,253}))(![0-9]+[kmgt]?)?", re.IGNORECASE)


def reports(record: Published, world: World) -> Iterator[Finding]:
    name = f"_dmarc.{record.domain}"
    written = record.values.get("rua", "")
    if not written:
        text = "It asks for no reports (`rua`), so nobody sees who sends in the name of the domain."
        yield weak("dmarc.rua", name, text, "Add `rua=mailto:ADDRESS`, an address that a program reads.")
        return
    uris = [uri.strip() for uri in written.split(",")]
    for uri in uris[:MOST_ADDRESSES]:
        match = _MAILTO.fullmatch(unquote(uri))
        if match is None:
            text = "An entry of `rua` is no address that reports can be sent to."
            yield bad("dmarc.rua", name, text, "Write `mailto:` and an address.", (uri,))
        else:
            yield from _of_destination(record.domain, match[2].lower().removesuffix("."), world)
    if len(uris) > MOST_ADDRESSES:
        yield weak("dmarc.rua", name, f"`rua` names {len(uris)} addresses; few get reports.", "Leave one or two.")


def _of_destination(domain: str, destination: str, world: World) -> Iterator[Finding]:
    """Judge a destination by its domain alone: the address is nobody else's business."""
    yield from _may(domain, destination, world)
    yield _can(destination, world)


def _may(domain: str, destination: str, world: World) -> Iterator[Finding]:
    if _is_of_one_organization(domain, destination, world):
        return
    code, name = "dmarc.rua", f"{domain}._report._dmarc.{destination}"
    answer = world.ask(name, "TXT")
    if answer.is_unasked:
        yield unknown(code, name, f"Whether {destination} takes reports on {domain}", answer)
    elif of_version(answer.records, VERSION):
        yield good(code, name, f"{destination} takes reports on {domain}.")
    else:
        text = f"{destination} does not say that it takes reports on {domain}, so none are sent there."
        mend = f"Ask its owner to publish `v=DMARC1` as TXT at {name}, or name an address at {domain}."
        yield missing(code, name, Verdict.BAD, text, mend)


def _is_of_one_organization(domain: str, destination: str, world: World) -> bool:
    if destination == domain or f".{destination}".endswith(f".{domain}"):
        return True
    return tree_walk(domain, world).organization == tree_walk(destination, world).organization


def _can(destination: str, world: World) -> Finding:
    code = "dmarc.rua"
    answer = world.ask(destination, "MX")
    if answer.is_unasked:
        return unknown(code, destination, f"Whether {destination} receives mail", answer)
    if answer.records and any(record.partition(" ")[2] != "." for record in answer.records):
        return good(code, destination, f"{destination} receives mail, so reports can arrive.")
    if answer.is_absent:
        addresses = world.ask_all([(destination, "A"), (destination, "AAAA")])
        if any(one.is_there for one in addresses):
            return good(code, destination, f"{destination} receives mail at its own address, so reports can arrive.")
        if any(one.is_unasked for one in addresses):
            return unknown(
                code, destination, f"The address of {destination}", next(o for o in addresses if o.is_unasked)
            )
    text = f"{destination} takes no mail at all, so no report can arrive."
    return missing(code, destination, Verdict.BAD, text, "Name an address at a domain that receives mail.")
