"""Whether a domain takes mail, by its MX records, or else by its address, as RFC 5321 has it."""

from __future__ import annotations

from typing import Final

from mailevents_dagster.deliverability.answers import Ask
from mailevents_dagster.deliverability.hygiene.domains import State, Takes

NULL: Final = "."
"""The server of a domain that takes no mail (RFC 7505)."""
NO_NAME: Final = "no such name"
"""How the resolver says that there is nothing at all of this name."""


def takes_mail(domain: str, ask: Ask) -> State:
    """Return whether a domain takes mail."""
    mx = ask(domain, "MX")
    if mx.is_unasked:
        return State(Takes.UNKNOWN, mx.reason)
    if mx.is_there:
        servers = {record.partition(" ")[2] for record in mx.records}
        return State(Takes.NULL_MX if servers == {NULL} else Takes.MAIL)
    addresses = [ask(domain, kind) for kind in ("A", "AAAA")]
    if any(one.is_there for one in addresses):
        return State(Takes.MAIL)
    unasked = next((one for one in addresses if one.is_unasked), None)
    if unasked:
        return State(Takes.UNKNOWN, unasked.reason)
    return State(Takes.NO_DOMAIN if NO_NAME in mx.reason else Takes.NO_MX)
