"""TLS-RPT, BIMI and DNSSEC."""

from __future__ import annotations

import pytest

from mailevents_dagster.deliverability.answers import Answer, State
from mailevents_dagster.deliverability.posture.bimi import bimi
from mailevents_dagster.deliverability.posture.dnssec import dnssec
from mailevents_dagster.deliverability.posture.tls_rpt import tls_rpt
from mailevents_dagster_tests.deliverability.posture.facts import LOST, Facts, verdicts, world_of

TLS_RPT, BIMI = "_smtp._tls.example.com TXT", "default._bimi.example.com TXT"
LOGO = "v=BIMI1; l=https://example.com/logo.svg"


@pytest.mark.parametrize(
    ("facts", "verdict"),
    [
        ({}, "note"),
        ({TLS_RPT: LOST}, "unknown"),
        ({TLS_RPT: "v=TLSRPTv1; rua=mailto:tls@example.com,https://example.com/tls"}, "good"),
        ({TLS_RPT: "v=TLSRPTv1;rua=tls@example.com"}, "bad"),
        ({TLS_RPT: "v=TLSRPTv1;"}, "bad"),
        ({TLS_RPT: ("v=TLSRPTv1; rua=mailto:a@b.example", "v=TLSRPTv1; rua=mailto:c@d.example")}, "bad"),
        ({TLS_RPT: "v=spf1 -all"}, "note"),
    ],
)
def test_tls_rpt(facts: Facts, verdict: str) -> None:
    assert verdicts(tls_rpt("example.com", world_of(facts))) == {"tls-rpt.record": verdict}


@pytest.mark.parametrize(
    ("facts", "verdict"),
    [
        ({}, "note"),
        ({BIMI: LOST}, "unknown"),
        ({BIMI: LOGO}, "weak"),
        ({BIMI: f"{LOGO}; a=https://example.com/vmc.pem"}, "good"),
        ({BIMI: "v=BIMI1; l=http://example.com/logo.svg"}, "bad"),
        ({BIMI: "v=BIMI1; l=; a=;"}, "note"),
        ({BIMI: (LOGO, f"{LOGO}2")}, "bad"),
    ],
)
def test_bimi(facts: Facts, verdict: str) -> None:
    assert verdicts(bimi("example.com", world_of(facts)))["bimi.record"] == verdict


def test_a_logo_needs_a_dmarc_policy() -> None:
    facts: Facts = {BIMI: LOGO, "_dmarc.example.com TXT": "v=DMARC1; p=none"}
    assert verdicts(bimi("example.com", world_of(facts)))["bimi.dmarc"] == "weak"


SIGNED = "12345 13 2 ABCD"


@pytest.mark.parametrize(
    ("facts", "verdict"),
    [
        ({}, "note"),
        ({"example.com SOA": Answer(State.THERE, ("ns.example.com",), is_authenticated=True)}, "good"),
        ({"example.com DS": SIGNED, "example.com SOA": "ns.example.com"}, "note"),
        ({"example.com DS": LOST}, "unknown"),
        ({"example.com DS": SIGNED, "example.com SOA": LOST}, "unknown"),
    ],
)
def test_dnssec(facts: Facts, verdict: str) -> None:
    assert verdicts(dnssec("example.com", world_of(facts))) == {"dnssec.signed": verdict}
