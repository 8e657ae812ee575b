"""DMARC: the record that counts, its policy, and whether its reports can arrive."""

from __future__ import annotations

import pytest

from mailevents_dagster.deliverability.answers import State
from mailevents_dagster.deliverability.posture.dmarc import dmarc
from mailevents_dagster.deliverability.posture.dmarc_record import names_of_walk, tree_walk
from mailevents_dagster.deliverability.posture.findings import Finding, Verdict
from mailevents_dagster_tests.deliverability.posture.facts import LOST, Facts, the, verdicts, world_of

OWN = "_dmarc.example.com TXT"
MX: Facts = {"example.com MX": ("10 mx.example.com",)}


def found(record: str | tuple[str, ...], facts: Facts | None = None, domain: str = "example.com") -> list[Finding]:
    return [*dmarc(domain, world_of({OWN: record, **MX, **(facts or {})}))]


def test_no_record_is_bad_and_a_failing_server_is_not_that() -> None:
    [one] = dmarc("example.com", world_of({}))
    assert (one.verdict, one.state) == (Verdict.BAD, State.ABSENT)
    [one] = dmarc("example.com", world_of({OWN: LOST}))
    assert (one.verdict, one.state) == (Verdict.UNKNOWN, State.UNASKED)


def test_a_record_of_a_domain_above_that_cannot_be_asked_may_count() -> None:
    [one] = dmarc("news.example.com", world_of({OWN: LOST}))
    assert (one.verdict, one.state) == (Verdict.UNKNOWN, State.UNASKED)


def test_what_does_not_begin_with_the_version_is_no_record_and_two_are_none() -> None:
    wrong = ("v=dmarc1; p=reject", "p=reject; v=DMARC1", "v=DMARC1p=reject")
    assert the("dmarc.record", found(wrong)).state is State.ABSENT
    assert "2 DMARC records" in the("dmarc.record", found(("v=DMARC1; p=none", "v=DMARC1; p=reject"))).text
    assert the("dmarc.record", found("V = DMARC1;p=reject")).verdict is Verdict.GOOD


@pytest.mark.parametrize(
    ("policy", "verdict"),
    [("p=reject", "good"), ("p=Quarantine", "good"), ("p=none", "weak"), ("p=all", "bad"), ("sp=none", "bad")],
)
def test_what_a_policy_is_worth(policy: str, verdict: str) -> None:
    assert the("dmarc.policy", found(f"v=DMARC1; {policy}")).verdict == verdict


def test_weaker_policies_for_subdomains_tests_and_strict_alignment_are_told() -> None:
    findings = found("v=DMARC1; p=reject; sp=none; np=quarantine; t=y; pct=50; adkim=s; aspf=s; p=none")
    codes = [one.code for one in findings]
    assert (codes.count("dmarc.subdomains"), codes.count("dmarc.testing"), codes.count("dmarc.alignment")) == (2, 2, 2)
    assert verdicts(findings)["dmarc.syntax"] == "weak"


def test_the_record_of_the_organization_counts_for_its_subdomains() -> None:
    findings = found("v=DMARC1; p=reject; sp=none", domain="a.news.example.com")
    assert "stands at example.com" in the("dmarc.record", findings).text
    assert "`sp=none`" in the("dmarc.policy", findings).text
    assert "dmarc.subdomains" not in verdicts(findings)


def test_a_tree_is_walked_as_the_standard_says() -> None:
    assert names_of_walk("example.com") == ["example.com", "com"]
    long = names_of_walk("a.b.c.d.e.f.g.h.i.example.com")
    assert long[:2] == ["a.b.c.d.e.f.g.h.i.example.com", "e.f.g.h.i.example.com"]
    assert (len(long), long[-1]) == (8, "com")


@pytest.mark.parametrize(
    ("facts", "organization"),
    [
        ({}, "a.b.example.com"),
        ({"_dmarc.example.com TXT": "v=DMARC1; p=none"}, "example.com"),
        ({"_dmarc.example.com TXT": "v=DMARC1", "_dmarc.b.example.com TXT": "v=DMARC1"}, "example.com"),
        ({"_dmarc.example.com TXT": "v=DMARC1", "_dmarc.b.example.com TXT": "v=DMARC1; psd=n"}, "b.example.com"),
        ({"_dmarc.com TXT": "v=DMARC1; psd=y"}, "example.com"),
        ({"_dmarc.example.com TXT": "v=DMARC1; psd=y"}, "b.example.com"),
        ({"_dmarc.a.b.example.com TXT": "v=DMARC1; psd=y", "_dmarc.com TXT": "v=DMARC1"}, "com"),
        ({"_dmarc.example.com TXT": ("v=DMARC1", "v=DMARC1; p=none")}, "a.b.example.com"),
    ],
)
def test_the_organizational_domain(facts: Facts, organization: str) -> None:
    assert tree_walk("a.b.example.com", world_of(facts)).organization == organization


def test_without_rua_nobody_sees_who_sends() -> None:
    assert the("dmarc.rua", found("v=DMARC1; p=reject")).verdict is Verdict.WEAK


def of_rua(findings: list[Finding]) -> list[tuple[str, str]]:
    return [(one.verdict, one.state) for one in findings if one.code == "dmarc.rua"]


RECORD = "v=DMARC1; p=reject; rua=mailto:a@reports.example"
TAKES = "example.com._report._dmarc.reports.example TXT"
MX_THERE: Facts = {"reports.example MX": ("10 mx.reports.example",)}


def test_reports_to_the_own_organization_need_nobody_to_agree() -> None:
    assert of_rua(found("v=DMARC1; p=reject; rua=mailto:a@example.com!10m")) == [("good", "there")]
    facts: Facts = {"mail.example.com A": "192.0.2.1"}
    assert of_rua(found("v=DMARC1; p=reject; rua=mailto:a@mail.example.com", facts)) == [("good", "there")]


def test_others_must_say_that_they_take_reports() -> None:
    assert of_rua(found(RECORD, {**MX_THERE, TAKES: "v=DMARC1"})) == [("good", "there"), ("good", "there")]
    assert of_rua(found(RECORD, {**MX_THERE, TAKES: "v=spf1"})) == [("bad", "not there"), ("good", "there")]
    assert of_rua(found(RECORD, {**MX_THERE, TAKES: LOST})) == [("unknown", "could not be asked"), ("good", "there")]


def test_a_destination_must_receive_mail() -> None:
    for facts, state in (
        ({}, ("bad", "not there")),
        ({"reports.example MX": ("0 .",)}, ("bad", "not there")),
        ({"reports.example MX": LOST}, ("unknown", "could not be asked")),
        ({"reports.example AAAA": LOST}, ("unknown", "could not be asked")),
        ({"reports.example A": "192.0.2.1"}, ("good", "there")),
    ):
        assert of_rua(found(RECORD, {TAKES: "v=DMARC1", **facts}))[-1] == state


@pytest.mark.parametrize("uri", ["a@reports.example", "https://reports.example", "mailto:", "mailto:a b@x.example"])
def test_what_is_no_address_for_reports_is_bad(uri: str) -> None:
    assert of_rua(found(f"v=DMARC1; p=reject; rua={uri}")) == [("bad", "there")]


def test_a_hundred_addresses_are_not_all_asked() -> None:
    uris = ",".join(f"mailto:a@r{n}.example" for n in range(100))
    assert len(of_rua(found(f"v=DMARC1; p=reject; rua={uris}"))) == 21
