"""MTA-STS (RFC 8461): whether senders may hand mail over without TLS, or to another server."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
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
from mailevents_dagster.deliverability.posture.mx import NOWHERE, mx_hosts
from mailevents_dagster.deliverability.posture.tags import of_version, tags_of
from mailevents_dagster.deliverability.posture.world import World
from mailevents_dagster.deliverability.quoting import few

VERSION: Final = "STSv1"
POLICY: Final = "POLICY"
"""The kind of question that asks for the policy file, over HTTPS."""
SHORT: Final = 86_400
LONGEST: Final = 31_557_600
MODES: Final = ("enforce", "testing", "none")

_ID: Final = re.compile("[A-Za-z0-9]{1,32}")
_SECONDS: Final = re.compile("[0-9]{1,10}")


@dataclass(frozen=True, slots=True)
class Policy:
    mode: str
    hosts: tuple[str, ...]
    max_age: int
    faults: tuple[str, ...]


def policy_of(text: str) -> Policy:
    pairs = [(key.strip(), value.strip()) for key, _, value in (line.partition(":") for line in text.splitlines())]
    first = dict(reversed(pairs))
    hosts = tuple(value.lower() for key, value in pairs if key == "mx")
    mode, age = first.get("mode", ""), first.get("max_age", "")
    faults = []
    if first.get("version") != VERSION:
        faults.append(f"it has no line `version: {VERSION}`")
    if mode not in MODES:
        faults.append("it has no line `mode: enforce`, `testing` or `none`")
    if not _SECONDS.fullmatch(age) or int(age) > LONGEST:
        faults.append(f"it has no line `max_age:` with seconds, up to {LONGEST:,}")
    if not hosts and mode != "none":
        faults.append("it names no `mx:`")
    return Policy(mode, hosts, int(age) if _SECONDS.fullmatch(age) else 0, tuple(faults))


def covers(pattern: str, host: str) -> bool:
    """Return whether a pattern of a policy means the host; `*.` stands for one label."""
    return pattern == host or (pattern.startswith("*.") and pattern[2:] == host.partition(".")[2])


def mta_sts(domain: str, world: World) -> Iterator[Finding]:
    name, code = f"_mta-sts.{domain}", "mta-sts.record"
    answer = world.ask(name, "TXT")
    if answer.is_unasked:
        yield unknown(code, name, "The MTA-STS record", answer)
        return
    records = of_version(answer.records, VERSION)
    if not records:
        text = "There is no MTA-STS record: who listens on the way can make senders hand mail over without TLS."
        mend = f"Serve https://mta-sts.{domain}/.well-known/mta-sts.txt, and publish `v=STSv1; id=1` at {name}."
        yield missing(code, name, Verdict.NOTE, text, mend)
        return
    if len(records) > 1:
        text = f"There are {len(records)} MTA-STS records; senders then take none."
        yield bad(code, name, text, "Leave one.", tuple(records))
        return
    if not _ID.fullmatch(tags_of(records[0]).values.get("id", "")):
        text = "The MTA-STS record has no `id` of letters and digits, so senders pass over it."
        yield bad(code, name, text, "Write `v=STSv1; id=20261121`, and another `id` with each change of the policy.")
        return
    yield good(code, name, "There is one MTA-STS record.", tuple(records))
    yield from _of_policy(domain, world)


def _of_policy(domain: str, world: World) -> Iterator[Finding]:
    host, code = f"mta-sts.{domain}", "mta-sts.policy"
    answer = world.ask(host, POLICY)
    if answer.is_unasked:
        yield unknown(code, host, "The MTA-STS policy", answer)
        return
    if answer.is_absent:
        text = f"The record says that there is a policy, and senders cannot have it: {answer.reason}."
        yield missing(
            code, host, Verdict.BAD, text, f"Serve https://{host}/.well-known/mta-sts.txt, or take both away."
        )
        return
    policy = policy_of(answer.records[0])
    if policy.faults:
        text = f"The policy is broken: {'; '.join(policy.faults)}."
        yield bad(code, host, text, "Mend what is named, and write another `id` into the record.")
        return
    yield _of_mode(host, policy)
    yield from _beside_mx(domain, policy, world)


def _of_mode(host: str, policy: Policy) -> Finding:
    details = (f"mode: {policy.mode}", f"max_age: {policy.max_age}", *(f"mx: {one}" for one in policy.hosts))
    code = "mta-sts.policy"
    if policy.mode == "none":
        return note(code, host, "The policy says that there is none any more (`mode: none`).", details)
    if policy.mode == "testing":
        text = "The policy is tried out (`mode: testing`): senders report, and deliver without TLS all the same."
        return weak(code, host, text, "Write `mode: enforce` once TLS reports show no failures.", details)
    if policy.max_age < SHORT:
        text = f"The policy is forgotten after {policy.max_age:,} seconds (`max_age`)."
        return weak(code, host, text, "Write weeks, such as `max_age: 1209600`.", details)
    return good(code, host, "Senders hand mail over with TLS, or not at all (`mode: enforce`).", details)


def _beside_mx(domain: str, policy: Policy, world: World) -> Iterator[Finding]:
    code = "mta-sts.mx"
    answer = world.ask(domain, "MX")
    if policy.mode == "none":
        return
    if answer.is_unasked:
        yield unknown(code, domain, "Whether the policy names the MX hosts", answer)
        return
    hosts = [host for host in mx_hosts(answer) if host != NOWHERE]
    left = _not_covered(hosts, policy.hosts)
    if left and policy.mode == "enforce":
        text = f"The policy does not name {few(left)}: senders that keep to it deliver nothing there."
        yield bad(code, domain, text, "Add an `mx:` line for each, and write another `id` into the record.")
    elif left:
        text = f"The policy does not name {few(left)}; once it is enforced, nothing is delivered there."
        yield weak(code, domain, text, "Add an `mx:` line for each, and write another `id` into the record.")
    elif hosts:
        yield good(code, domain, "The policy names every MX host.")


def _not_covered(hosts: Sequence[str], patterns: Sequence[str]) -> list[str]:
    return [host for host in hosts if not any(covers(pattern, host) for pattern in patterns)]
