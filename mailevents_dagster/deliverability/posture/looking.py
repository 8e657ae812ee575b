"""A look at a domain: every topic side by side, and what receivers demand beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from typing import Final

from mailevents_dagster.deliverability.posture.bimi import bimi
from mailevents_dagster.deliverability.posture.demands import demands
from mailevents_dagster.deliverability.posture.dkim import dkim
from mailevents_dagster.deliverability.posture.dmarc import dmarc
from mailevents_dagster.deliverability.posture.dnssec import dnssec
from mailevents_dagster.deliverability.posture.findings import Finding
from mailevents_dagster.deliverability.posture.mta_sts import mta_sts
from mailevents_dagster.deliverability.posture.mx import mx
from mailevents_dagster.deliverability.posture.sending_hosts import helo, ptr, tls
from mailevents_dagster.deliverability.posture.spf import spf
from mailevents_dagster.deliverability.posture.starttls import starttls
from mailevents_dagster.deliverability.posture.tls_rpt import tls_rpt
from mailevents_dagster.deliverability.posture.world import World


@dataclass(frozen=True, slots=True)
class Subject:
    """A domain that sends mail, and what is known of how it does."""

    domain: str
    dkim_keys: Mapping[str, str] = field(default_factory=dict)
    """Names of its DKIM keys in DNS, each with how it is known; empty where it is a guess."""
    sending_ips: Sequence[str] = ()
    helo: Sequence[str] = ()
    skip: frozenset[str] = frozenset()
    """Topics that are not looked at."""
    with_tls: int = 0
    without_tls: int = 0
    """Mails that were handed over the day before, where that is known."""


TELL_EVERY: Final = 2.0

Topic = Callable[[Subject, float, World], Iterator[Finding]]

TOPICS: Final[Mapping[str, Topic]] = {
    "spf": lambda it, _, world: spf(it.domain, it.sending_ips, world),
    "dkim": lambda it, _, world: dkim(it.domain, it.dkim_keys, world),
    "dmarc": lambda it, _, world: dmarc(it.domain, world),
    "mx": lambda it, _, world: mx(it.domain, world),
    "mta-sts": lambda it, _, world: mta_sts(it.domain, world),
    "tls-rpt": lambda it, _, world: tls_rpt(it.domain, world),
    "bimi": lambda it, _, world: bimi(it.domain, world),
    "dnssec": lambda it, _, world: dnssec(it.domain, world),
    "ptr": lambda it, _, world: ptr(it.sending_ips, world),
    "helo": lambda it, _, world: helo(it.helo, it.sending_ips, world),
    "tls": lambda it, _, __: tls(it.domain, it.with_tls, it.without_tls),
    "starttls": lambda it, now, world: starttls(it.domain, now, world),
}


def look(subject: Subject, now: float, world: World, tell: Callable[[str], object]) -> list[Finding]:
    """Return what is found; `tell` is told every few seconds how far it is."""
    wanted = {name: topic for name, topic in TOPICS.items() if name not in subject.skip}
    with ThreadPoolExecutor(len(TOPICS), "topics") as pool:
        under_way = {name: pool.submit(_of_topic, topic, subject, now, world) for name, topic in wanted.items()}
        left = {*under_way.values()}
        while left:
            left = wait(left, TELL_EVERY, FIRST_COMPLETED).not_done
            tell(f"{subject.domain}: {len(wanted) - len(left)} of {len(wanted)} topics are looked at")
        found = [finding for one in under_way.values() for finding in one.result()]
    return [*found, *demands(subject.domain, found)]


def _of_topic(topic: Topic, subject: Subject, now: float, world: World) -> list[Finding]:
    view = World(world.ask)
    findings = [*topic(subject, now, view)]
    kept = min((answer.kept_from for answer in view.heard.values() if answer.kept_from), default="")
    return [replace(one, kept_from=kept) for one in findings]
