"""Aliases (CNAME): followed, told, and never a proof that there is nothing where they lead nowhere."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from dnslib import CNAME, QTYPE, RR, DNSRecord

from mailevents_dagster.deliverability.answers import State
from mailevents_dagster.deliverability.dns import Resolver
from mailevents_dagster_tests.deliverability.name_server import Says, Zone, recursive, resolving

ZONE = """
mx1.example.com. 60 IN A 192.0.2.1
one.example.com. 60 IN CNAME two.example.com.
two.example.com. 60 IN CNAME mx1.example.com.
dangling.example.com. 60 IN CNAME gone.example.com.
round.example.com. 60 IN CNAME about.example.com.
about.example.com. 60 IN CNAME round.example.com.
"""


@pytest.fixture
def zone() -> Zone:
    return Zone(ZONE)


@pytest.fixture
def resolver(zone: Zone) -> Iterator[Resolver]:
    with resolving(zone) as one:
        yield one


def test_aliases_are_followed_and_told(resolver: Resolver) -> None:
    answer = resolver.ask("one.example.com", "A")
    assert (answer.state, answer.records) == (State.THERE, ("192.0.2.1",))
    assert answer.aliases == ("two.example.com", "mx1.example.com")
    assert resolver.ask("dangling.example.com", "A").is_absent


def test_aliases_in_a_circle_are_no_proof_that_there_is_nothing(resolver: Resolver) -> None:
    answer = resolver.ask("round.example.com", "A")
    assert answer.is_unasked
    assert "circle" in answer.reason


def alias_alone(to: str) -> Says:
    def says(question: DNSRecord, by_tcp: bool) -> bytes:
        reply = recursive(question)
        reply.add_answer(RR(question.q.qname, QTYPE.CNAME, rdata=CNAME(to)))
        return bytes(reply.pack())

    return says


def test_an_alias_that_the_server_leaves_to_others_is_asked_for(resolver: Resolver, zone: Zone) -> None:
    zone.says["left.example.com"] = alias_alone("mx1.example.com")
    assert resolver.ask("left.example.com", "A").records == ("192.0.2.1",)
    zone.says["left.example.com"] = alias_alone("right.example.com")
    zone.says["right.example.com"] = alias_alone("LEFT.example.com")
    assert "circle" in resolver.ask("left.example.com", "A").reason


def test_a_chain_of_aliases_without_end_is_given_up(resolver: Resolver, zone: Zone) -> None:
    for number in range(40):
        zone.says[f"n{number}.example.com"] = alias_alone(f"n{number + 1}.example.com")
    answer = resolver.ask("n0.example.com", "A")
    assert answer.is_unasked
    assert "more than 12 aliases" in answer.reason
