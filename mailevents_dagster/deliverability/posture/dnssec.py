"""DNSSEC: whether the answers on a domain can be proven."""

from __future__ import annotations

from collections.abc import Iterator

from mailevents_dagster.deliverability.posture.findings import Finding, Verdict, good, missing, note, unknown
from mailevents_dagster.deliverability.posture.world import World


def dnssec(domain: str, world: World) -> Iterator[Finding]:
    code = "dnssec.signed"
    signed, proven = world.ask_all([(domain, "DS"), (domain, "SOA")])
    if proven.is_authenticated:
        yield good(code, domain, "The resolver has proven the answers on the domain (DNSSEC).")
    elif signed.is_unasked:
        yield unknown(code, domain, "Whether the domain is signed", signed)
    elif signed.is_there and proven.is_unasked:
        yield unknown(code, domain, "The domain is signed. Whether its answers can be proven", proven)
    elif signed.is_there:
        text = "The domain is signed. The resolver does not say that it proves answers, so it may not look."
        yield note(code, domain, text, signed.records)
    else:
        text = "The domain is not signed (DNSSEC), or it is a part of a zone above. No large receiver asks for it."
        yield missing(code, domain, Verdict.NOTE, text, "")
