"""Whether domains take mail, by a real name server that answers, fails, lies or says nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from dnslib import RCODE

from mailevents_dagster.deliverability.dns import Resolver
from mailevents_dagster.deliverability.hygiene.domains import Takes
from mailevents_dagster.deliverability.hygiene.mail_domains import takes_mail
from mailevents_dagster_tests.deliverability.name_server import Says, Zone, lame, nothing, rcode, resolving

ZONE = """
mx.example. 60 IN MX 10 mail.mx.example.
alias.example. 60 IN CNAME mx.example.
null.example. 60 IN MX 0 .
odd.example. 60 IN MX 0 .
odd.example. 60 IN MX 10 mail.mx.example.
four.example. 60 IN A 192.0.2.1
six.example. 60 IN AAAA 2001:db8::1
text.example. 60 IN TXT "nothing for mail"
xn--bcher-kva.example. 60 IN MX 10 mail.mx.example.
"""
SHORT = 0.15
"""Seconds that are waited for a server that says nothing."""


@pytest.fixture
def zone() -> Zone:
    return Zone(ZONE)


@pytest.fixture
def resolver(zone: Zone) -> Iterator[Resolver]:
    with resolving(zone, seconds=SHORT) as one:
        yield one


@pytest.mark.parametrize(
    ("domain", "takes"),
    [
        ("mx.example", Takes.MAIL),
        ("alias.example", Takes.MAIL),
        ("odd.example", Takes.MAIL),
        ("four.example", Takes.MAIL),
        ("six.example", Takes.MAIL),
        ("xn--bcher-kva.example", Takes.MAIL),
        ("null.example", Takes.NULL_MX),
        ("text.example", Takes.NO_MX),
        ("gone.example", Takes.NO_DOMAIN),
    ],
)
def test_a_domain_takes_mail_by_its_servers_or_its_address(resolver: Resolver, domain: str, takes: Takes) -> None:
    assert takes_mail(domain, resolver.ask).takes is takes


@pytest.mark.parametrize(
    "says",
    [rcode(RCODE.SERVFAIL), rcode(RCODE.REFUSED), nothing, lame],
    ids=["fails", "refuses", "says nothing", "refers"],
)
@pytest.mark.parametrize("question", ["gone.example MX", "text.example A", "text.example AAAA"])
def test_what_could_not_be_asked_is_never_no(zone: Zone, resolver: Resolver, question: str, says: Says) -> None:
    zone.says[question] = says
    state = takes_mail(question.split()[0], resolver.ask)
    assert state.takes is Takes.UNKNOWN
    assert state.said


def test_an_address_is_enough_where_the_other_kind_cannot_be_asked(zone: Zone, resolver: Resolver) -> None:
    zone.says["four.example AAAA"] = nothing
    assert takes_mail("four.example", resolver.ask).takes is Takes.MAIL


def test_no_name_server_at_all_is_unknown() -> None:
    assert takes_mail("mx.example", Resolver(()).ask).takes is Takes.UNKNOWN
