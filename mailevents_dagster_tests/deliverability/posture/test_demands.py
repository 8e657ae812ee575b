"""What large receivers demand, beside what was found."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from mailevents_dagster.deliverability.posture.demands import DEMANDS, demands
from mailevents_dagster.deliverability.posture.findings import Finding, Verdict, bad, good, unknown, weak
from mailevents_dagster.deliverability.posture.looking import TOPICS, Subject, look
from mailevents_dagster_tests.deliverability.posture.facts import LOST, the, world_of

NAME = "example.com"
ALL_GOOD = [good(code, NAME, "Fine.") for one in DEMANDS for code in one.needs]


def judged(findings: Sequence[Finding]) -> dict[str, Finding]:
    return {one.code: one for one in demands(NAME, findings)}


def test_where_all_is_good_all_is_met() -> None:
    found = judged(ALL_GOOD)
    assert {one.verdict for one in found.values()} == {Verdict.GOOD}
    assert {"google.tls", "yahoo.ptr", "microsoft.alignment"} <= found.keys()
    assert "microsoft.ptr" not in found


@pytest.mark.parametrize("code", sorted({code for one in DEMANDS for code in one.needs}))
def test_what_is_bad_is_not_met_and_the_mend_is_named(code: str) -> None:
    findings = [one for one in ALL_GOOD if one.code != code] + [bad(code, NAME, "Broken.", "Mend it.")]
    wrong = [one for one in judged(findings).values() if one.verdict is Verdict.BAD]
    assert wrong
    assert all("Broken." in one.text and one.mend == "Mend it." for one in wrong)


def test_what_could_not_be_asked_is_neither_met_nor_missed() -> None:
    findings = [*ALL_GOOD, unknown("spf.record", NAME, "The SPF record", LOST)]
    assert judged(findings)["google.spf"].verdict is Verdict.UNKNOWN
    findings += [bad("spf.syntax", NAME, "Broken.", "Mend it.")]
    assert judged(findings)["google.spf"].verdict is Verdict.BAD


def test_what_was_not_looked_at_is_not_known_and_what_is_weak_is_enough() -> None:
    assert judged([])["yahoo.dkim"].verdict is Verdict.UNKNOWN
    findings = [one for one in ALL_GOOD if one.code != "dmarc.policy"] + [weak("dmarc.policy", NAME, "p=none", "")]
    assert judged(findings)["microsoft.dmarc"].verdict is Verdict.GOOD


def test_a_topic_that_is_skipped_is_not_looked_at_and_others_are_told_when_they_are_done() -> None:
    told: list[str] = []
    world = world_of({})
    findings = look(Subject(NAME, skip=frozenset({"spf", "bimi"})), 0, world, told.append)
    assert not {"spf", "bimi"} & {one.topic for one in findings}
    assert told[-1] == f"example.com: {len(TOPICS) - 2} of {len(TOPICS) - 2} topics are looked at"
    assert the("google.spf", findings).verdict is Verdict.UNKNOWN
    assert not any("default._bimi" in question.name for question in world.heard)
