"""MX hosts, the names of sending servers, and TLS on the way out."""

from __future__ import annotations

import pytest

from mailevents_dagster.deliverability.answers import Answer, State
from mailevents_dagster.deliverability.posture.findings import Finding, Verdict
from mailevents_dagster.deliverability.posture.mx import mx, mx_hosts
from mailevents_dagster.deliverability.posture.sending_hosts import helo, ptr, reverse_name, tls
from mailevents_dagster_tests.deliverability.posture.facts import LOST, Facts, the, verdicts, world_of

MX: Facts = {"example.com MX": ("10 mx.example.com",), "mx.example.com A": "8.8.8.8"}
ALIAS = Answer(State.THERE, ("8.8.8.8",), aliases=("real.example.net",))


def of_mx(facts: Facts) -> list[Finding]:
    return [*mx("example.com", world_of({**MX, **facts}))]


def test_hosts_come_by_their_preference_as_a_number() -> None:
    assert mx_hosts(Answer(State.THERE, ("10 b.example", "100 c.example", "9 a.example"))) == [
        "a.example",
        "b.example",
        "c.example",
    ]


@pytest.mark.parametrize(
    ("facts", "verdict", "state"),
    [
        ({}, "good", "there"),
        ({"mx.example.com A": ("127.0.0.1", "8.8.8.8")}, "bad", "there"),
        ({"mx.example.com A": "10.1.2.3"}, "bad", "there"),
        ({"mx.example.com A": LOST}, "unknown", "could not be asked"),
        ({"mx.example.com A": LOST, "mx.example.com AAAA": "2606:4700::1111"}, "good", "there"),
        ({"mx.example.com A": ALIAS}, "weak", "there"),
        ({"example.com MX": "10 192.0.2.1"}, "bad", "there"),
        ({"example.com MX": "10 gone.example.com"}, "bad", "not there"),
    ],
)
def test_each_host_is_judged(facts: Facts, verdict: str, state: str) -> None:
    one = the("mx.host", of_mx(facts))
    assert (one.verdict, one.state) == (verdict, state)


@pytest.mark.parametrize(
    ("facts", "verdict", "state"),
    [
        ({"example.com MX": LOST}, "unknown", "could not be asked"),
        ({"example.com MX": "0 ."}, "bad", "there"),
        ({"example.com MX": ("0 .", "10 mx.example.com")}, "bad", "there"),
    ],
)
def test_the_record_itself_is_judged(facts: Facts, verdict: str, state: str) -> None:
    [one] = of_mx(facts)
    assert (one.verdict, one.state) == (verdict, state)


@pytest.mark.parametrize(
    ("facts", "verdict"),
    [({}, "bad"), ({"example.com A": "8.8.8.8"}, "weak"), ({"example.com A": LOST}, "unknown")],
)
def test_without_mx_the_address_of_the_domain_counts(facts: Facts, verdict: str) -> None:
    assert the("mx.record", [*mx("example.com", world_of(facts))]).verdict == verdict


IP, NAME = "192.0.2.25", "25.2.0.192.in-addr.arpa"


@pytest.mark.parametrize(
    ("facts", "verdict", "state"),
    [
        ({}, "bad", "not there"),
        ({f"{NAME} PTR": LOST}, "unknown", "could not be asked"),
        ({f"{NAME} PTR": "mx.example.com"}, "bad", "there"),
        ({f"{NAME} PTR": "mx.example.com", "mx.example.com A": "192.0.2.26"}, "bad", "there"),
        ({f"{NAME} PTR": "mx.example.com", "mx.example.com A": LOST}, "unknown", "could not be asked"),
        ({f"{NAME} PTR": "mx.example.com", "mx.example.com A": ("192.0.2.25", "192.0.2.26")}, "good", "there"),
        ({f"{NAME} PTR": ("a.example", "mx.example.com"), "mx.example.com A": "192.0.2.25"}, "good", "there"),
        ({f"{NAME} PTR": "25-2-0-192.dsl.example", "25-2-0-192.dsl.example A": "192.0.2.25"}, "weak", "there"),
    ],
)
def test_the_name_of_a_sending_address_leads_back_to_it(facts: Facts, verdict: str, state: str) -> None:
    [one] = ptr([IP], world_of(facts))
    assert (one.verdict, one.state) == (verdict, state)


def test_ipv6_addresses_are_compared_whatever_they_are_written_like() -> None:
    reverse = reverse_name("2001:db8::25")
    assert reverse.startswith("5.2.0.0.0.")
    facts: Facts = {f"{reverse} PTR": "mx.example.com", "mx.example.com AAAA": "2001:DB8:0::25"}
    assert [one.verdict for one in ptr(["2001:db8::25"], world_of(facts))] == [Verdict.GOOD]


def test_an_address_of_the_other_kind_is_no_proof_that_a_name_does_not_lead_back() -> None:
    reverse = reverse_name("2001:db8::25")
    facts: Facts = {f"{reverse} PTR": "mx.example.com", "mx.example.com A": IP, "mx.example.com AAAA": LOST}
    assert [one.verdict for one in ptr(["2001:db8::25"], world_of(facts))] == [Verdict.UNKNOWN]
    assert [one.verdict for one in helo(["mx.example.com"], ["2001:db8::25"], world_of(facts))] == [Verdict.UNKNOWN]


def test_the_names_that_servers_greet_with_have_addresses() -> None:
    facts: Facts = {"a.example.com A": IP, "b.example.com A": "192.0.2.9", "c.example.com A": LOST}
    names = [f"{one}.example.com" for one in "abcd"]
    assert [one.verdict for one in helo(names, [IP], world_of(facts))] == ["good", "weak", "unknown", "bad"]
    assert [one.verdict for one in helo(names[1:2], [], world_of(facts))] == ["good"]


def test_mail_that_leaves_without_tls_is_told_and_nothing_where_nothing_is_known() -> None:
    assert not [*tls("example.com", 0, 0)]
    assert verdicts(tls("example.com", 99, 1)) == {"tls.sent": "good"}
    assert verdicts(tls("example.com", 80, 20)) == {"tls.sent": "weak"}
    assert verdicts(tls("example.com", 1, 99)) == {"tls.sent": "bad"}
