"""A world made of facts: what is not named in it is not there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from mailevents_dagster.deliverability.answers import Answer, absent, there, unasked
from mailevents_dagster.deliverability.posture.findings import Finding, Verdict
from mailevents_dagster.deliverability.posture.world import World

LOST = unasked("192.0.2.53:53 answered SERVFAIL")

Facts = Mapping[str, str | tuple[str, ...] | Answer]
"""By name and kind, such as `example.com TXT`."""


def world_of(facts: Facts) -> World:
    def ask(name: str, kind: str) -> Answer:
        fact = facts.get(f"{name} {kind}")
        if fact is None:
            return absent("there is no such name")
        return fact if isinstance(fact, Answer) else there(*([fact] if isinstance(fact, str) else fact))

    return World(ask)


def verdicts(findings: Iterable[Finding]) -> dict[str, Verdict]:
    """The verdict of each judgement; of several of one code the last."""
    return {one.code: one.verdict for one in findings}


def the(code: str, findings: Iterable[Finding]) -> Finding:
    [found] = [one for one in findings if one.code == code]
    return found
