"""SPF: which servers may send for a domain, as receivers read it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from mailevents_dagster.deliverability.posture.findings import (
    Finding,
    Verdict,
    bad,
    good,
    missing,
    note,
    unknown,
    weak,
)
from mailevents_dagster.deliverability.posture.spf_record import is_spf
from mailevents_dagster.deliverability.posture.spf_walk import Walk, walk_of
from mailevents_dagster.deliverability.posture.world import World
from mailevents_dagster.deliverability.quoting import few

MOST_LOOKUPS: Final = 10
MOST_VOIDS: Final = 2
NEAR: Final = 9
MANY_ADDRESSES: Final = 2**24

_ENDS: Final = {
    "-": (Verdict.GOOD, "ends with `-all`: whoever is not named may not send", ""),
    "~": (Verdict.GOOD, "ends with `~all`: whoever is not named is suspect", ""),
    "?": (
        Verdict.WEAK,
        "ends with `?all`, which says nothing of whoever is not named",
        "Write `~all` once the record names all who send for the domain.",
    ),
    "+": (
        Verdict.BAD,
        "ends with `+all`: everybody may send in the name of the domain",
        "Name those who send, and write `~all` or `-all`.",
    ),
    "": (
        Verdict.WEAK,
        "has no `all` at its end, so it says nothing of whoever is not named",
        "Write `~all` at its end.",
    ),
}


def spf(domain: str, sending_ips: Sequence[str], world: World) -> Iterator[Finding]:
    answer = world.ask(domain, "TXT")
    if answer.is_unasked:
        yield unknown("spf.record", domain, "The SPF record", answer)
        return
    records = [text for text in answer.records if is_spf(text)]
    if not records:
        mend = f"Publish a TXT record at {domain} that names who sends, such as `v=spf1 mx ~all`."
        yield missing("spf.record", domain, Verdict.BAD, "There is no SPF record.", mend)
        return
    if len(records) > 1:
        text = f"There are {len(records)} SPF records; receivers then take none of them."
        yield bad("spf.record", domain, text, "Join them into one, and take the others away.", tuple(records))
        return
    yield good("spf.record", domain, "There is one SPF record.", (records[0],))
    walk = walk_of(domain, records[0], world)
    yield from _of_walk(domain, walk)
    yield from _of_ips(domain, walk, sending_ips)


def _of_walk(domain: str, walk: Walk) -> Iterator[Finding]:
    if walk.faults:
        text = f"Receivers take the record for broken, or pass over a part of it: {few(walk.faults)}."
        yield bad("spf.syntax", domain, text, "Mend or take out what is named.")
    if walk.has_ptr:
        text = "It uses `ptr`, which is slow, is not to be used any more, and which large receivers pass over."
        yield weak("spf.ptr", domain, text, "Name addresses or hosts (`ip4:`, `ip6:`, `a:`) instead.")
    yield _of_lookups(domain, walk)
    if len(walk.voids) > MOST_VOIDS:
        text = f"{len(walk.voids)} of its look-ups find nothing, and receivers stop after {MOST_VOIDS}."
        yield bad("spf.voids", domain, text, "Take out the names that are gone.", tuple(walk.voids))
    elif walk.voids:
        text = f"{len(walk.voids)} of its look-ups find nothing."
        yield weak("spf.voids", domain, text, "Take out the names that are gone.", tuple(walk.voids))
    verdict, text, mend = _ENDS[walk.default]
    if not walk.unasked or walk.default:
        yield Finding("spf.all", domain, verdict, f"It {text}.", mend)
    yield _of_networks(domain, walk)


def _of_lookups(domain: str, walk: Walk) -> Finding:
    count, code = walk.lookups, "spf.lookups"
    mend = "Take out senders that are not used any more, or name their addresses (`ip4:`, `ip6:`)."
    if count > MOST_LOOKUPS:
        text = f"It takes {count} DNS look-ups, and receivers stop after {MOST_LOOKUPS}: the record counts as broken."
        return bad(code, domain, text, mend)
    if walk.unasked:
        text = f"It takes at least {count} of {MOST_LOOKUPS} DNS look-ups; not all could be asked."
        return Finding(code, domain, Verdict.UNKNOWN, text, "Look again later.", details=tuple(walk.unasked))
    text = f"It takes {count} of the {MOST_LOOKUPS} DNS look-ups that receivers do."
    return weak(code, domain, text, mend) if count >= NEAR else good(code, domain, text)


def _of_networks(domain: str, walk: Walk) -> Finding:
    permitted = [network for qualifier, network in walk.permitted if qualifier == "+"]
    addresses = sum(network.num_addresses for network in set(permitted) if network.version == 4)
    details = tuple(dict.fromkeys(map(str, permitted)))
    text = f"It permits {addresses:,} IPv4 addresses, in {len(details):,} ranges with those of IPv6."
    if walk.unseen:
        text += f" Others depend on the mail: {few(walk.unseen)}."
    if addresses >= MANY_ADDRESSES:
        mend = "Name only the servers that send; find out which part is so wide."
        return (bad if addresses >= 2**31 else weak)("spf.networks", domain, text, mend, details)
    return note("spf.networks", domain, text, details)


def _of_ips(domain: str, walk: Walk, sending_ips: Sequence[str]) -> Iterator[Finding]:
    for address in sending_ips:
        result = walk.result_of(address)
        if result == "+":
            yield good("spf.covers", address, f"The SPF record of {domain} permits {address}.")
        elif result is None and (walk.unasked or walk.unseen):
            text = f"Whether the SPF record of {domain} permits {address} cannot be told: parts of it were not seen."
            yield Finding("spf.covers", address, Verdict.UNKNOWN, text, details=(*walk.unasked, *walk.unseen))
        else:
            text = f"{address} sends, and the SPF record of {domain} does not permit it."
            version = ipv(address)
            yield bad("spf.covers", address, text, f"Add `{version}:{address}`, or the include of whoever runs it.")


def ipv(address: str) -> str:
    """Return the name of the SPF mechanism for the address."""
    return "ip6" if ":" in address else "ip4"
