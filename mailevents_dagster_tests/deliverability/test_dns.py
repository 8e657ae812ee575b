"""Three states of an answer, from name servers that answer, fail, lie, are slow or are not there."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import pytest
from dnslib import MX, QTYPE, RCODE, RR, TXT, A, DNSLabel, DNSRecord

from mailevents_dagster.deliverability.dns import NameServer, Resolver, name_server
from mailevents_dagster_tests.deliverability.name_server import (
    Says,
    Zone,
    lame,
    nothing,
    rcode,
    recursive,
    resolving,
    serving,
)

ZONE = """
example.com. 60 IN TXT "v=spf1 -all"
example.com. 60 IN TXT "other" " text"
example.com. 60 IN MX 20 MX2.Example.COM.
example.com. 60 IN MX 10 mx1.example.com.
null.example.com. 60 IN MX 0 .
mx1.example.com. 60 IN A 192.0.2.1
"""
SHORT = 0.15
"""Seconds that are waited for a server that says nothing."""
PATIENT = 1.0
"""The same where another answers after it, however slow this machine is."""


@pytest.fixture
def zone() -> Zone:
    return Zone(ZONE)


@pytest.fixture
def resolver(zone: Zone) -> Iterator[Resolver]:
    with resolving(zone) as one:
        yield one


def test_records_are_there_in_an_order_of_their_own(resolver: Resolver) -> None:
    assert resolver.ask("Example.COM.", "TXT").records == ("other text", "v=spf1 -all")
    assert resolver.ask("example.com", "MX").records == ("10 mx1.example.com", "20 mx2.example.com")
    assert resolver.ask("null.example.com", "MX").records == ("0 .",)
    assert resolver.ask("mx1.example.com", "A").is_there


@pytest.mark.parametrize(("name", "kind"), [("gone.example.com", "TXT"), ("mx1.example.com", "TXT")])
def test_a_name_or_a_record_that_is_not_there_is_not_there(resolver: Resolver, name: str, kind: str) -> None:
    assert resolver.ask(name, kind).is_absent


@pytest.mark.parametrize("name", ["a..example.com", f"{'a' * 64}.example.com", ".".join(["a" * 60] * 5)])
def test_a_name_that_cannot_exist_is_not_there_and_nobody_is_asked(resolver: Resolver, zone: Zone, name: str) -> None:
    assert resolver.ask(name, "TXT").is_absent
    assert not zone.asked


@pytest.mark.parametrize("code", ["SERVFAIL", "REFUSED", "NOTAUTH", "YXDOMAIN"])
def test_a_server_that_fails_or_refuses_says_nothing_of_the_name(resolver: Resolver, zone: Zone, code: str) -> None:
    zone.says["example.com"] = rcode(getattr(RCODE, code))
    answer = resolver.ask("example.com", "TXT")
    assert answer.is_unasked
    assert f"answered {code}" in answer.reason
    assert len(zone.asked) == 2, "asked again before it is given up"


def wrong_id(question: DNSRecord, by_tcp: bool) -> bytes:
    reply = recursive(question)
    reply.header.id = question.header.id ^ 1
    reply.header.rcode = RCODE.NXDOMAIN
    return bytes(reply.pack())


def another_name(question: DNSRecord, by_tcp: bool) -> bytes:
    reply = recursive(DNSRecord.question("example.net", "TXT"))
    reply.header.id = question.header.id
    return bytes(reply.pack())


def garbage(question: DNSRecord, by_tcp: bool) -> bytes:
    return struct.pack(">H", question.header.id) + b"\x81\x80\xff\xff\x00\x01 nonsense"


def empty(question: DNSRecord, by_tcp: bool) -> bytes:
    return b""


@pytest.mark.parametrize("says", [nothing, wrong_id, another_name, garbage, empty])
def test_what_is_no_answer_to_the_question_is_waited_past(zone: Zone, says: Says) -> None:
    zone.says["example.com"] = says
    with resolving(zone, seconds=SHORT) as resolver:
        answer = resolver.ask("example.com", "TXT")
    assert answer.is_unasked
    assert "gave no answer within 0.15 s" in answer.reason


@pytest.mark.parametrize("lie", [wrong_id, another_name, garbage, empty])
def test_a_lie_that_comes_before_the_answer_is_passed_over(resolver: Resolver, zone: Zone, lie: Says) -> None:
    zone.lies.append(lie)
    assert resolver.ask("example.com", "TXT").is_there
    assert zone.asked == ["example.com TXT"]


def not_for_you(question: DNSRecord, by_tcp: bool) -> bytes:
    reply = recursive(question)
    reply.header.ra = 0
    return bytes(reply.pack())


@pytest.mark.parametrize("says", [lame, not_for_you])
def test_a_server_that_refers_to_others_does_not_say_that_there_is_no_record(
    resolver: Resolver, zone: Zone, says: Says
) -> None:
    zone.says["example.com"] = says
    assert "refers to others" in resolver.ask("example.com", "TXT").reason
    assert resolver.ask("example.com", "TXT").is_unasked


@pytest.mark.parametrize(
    "says",
    [
        pytest.param(nothing, marks=pytest.mark.slow),
        rcode(RCODE.SERVFAIL),
        rcode(RCODE.REFUSED),
        lame,
        pytest.param(garbage, marks=pytest.mark.slow),
    ],
)
def test_all_servers_are_asked_before_a_question_is_given_up(zone: Zone, says: Says) -> None:
    broken = Zone("")
    broken.says["*"] = says
    with resolving(broken, zone, seconds=PATIENT) as resolver:
        assert resolver.ask("example.com", "TXT").is_there
        assert resolver.ask("gone.example.com", "TXT").is_absent
    assert broken.asked


def test_a_server_that_failed_once_is_asked_again(resolver: Resolver, zone: Zone) -> None:
    def once(question: DNSRecord, by_tcp: bool) -> bytes | None:
        del zone.says["example.com"]
        return rcode(RCODE.SERVFAIL)(question, by_tcp)

    zone.says["example.com"] = once
    assert resolver.ask("example.com", "TXT").is_there


def test_a_server_that_is_not_there_is_said_by_its_address() -> None:
    answer = Resolver([NameServer("127.0.0.1", 1)], SHORT).ask("example.com", "TXT")
    assert answer.is_unasked
    assert "127.0.0.1:1" in answer.reason


def test_without_any_server_nothing_can_be_asked() -> None:
    assert Resolver([]).ask("example.com", "TXT").is_unasked


def huge(strings: int) -> Zone:
    zone = Zone("")
    zone.records += [RR("huge.example.com", QTYPE.TXT, rdata=TXT(f"{n:05}" + "x" * 200)) for n in range(strings)]
    return zone


def test_an_answer_that_is_cut_off_is_fetched_by_tcp() -> None:
    zone = huge(270)  # 60 kB of the 64 that a message can hold
    with resolving(zone) as resolver:
        answer = resolver.ask("huge.example.com", "TXT")
    assert len(answer.records) == 270
    assert zone.asked == ["huge.example.com TXT", "huge.example.com TXT by TCP"]


def test_a_cut_answer_counts_as_none_where_tcp_is_not_used_or_not_there() -> None:
    with serving(huge(50)) as server:
        assert "cut its answer off" in Resolver([server], by_tcp=False).ask("huge.example.com", "TXT").reason
    with serving(huge(50), tcp=False) as server:
        assert Resolver([server], SHORT).ask("huge.example.com", "TXT").is_unasked


@pytest.mark.slow
def test_a_server_that_cuts_off_the_question_too_is_asked_by_tcp() -> None:
    zone = huge(50)

    def header_alone(question: DNSRecord, by_tcp: bool) -> bytes:
        return zone.from_zone(question, by_tcp) if by_tcp else bytes(question.truncate().pack())

    zone.says["huge.example.com"] = header_alone
    with resolving(zone, seconds=PATIENT) as resolver:
        assert resolver.ask("huge.example.com", "TXT").is_there


@pytest.mark.slow
def test_a_server_without_tcp_is_asked_again_by_udp(zone: Zone) -> None:
    def once(question: DNSRecord, by_tcp: bool) -> None:
        del zone.says["example.com"]

    zone.says["example.com"] = once
    with serving(zone, tcp=False) as server:
        assert Resolver([server], PATIENT).ask("example.com", "TXT").is_there


@pytest.mark.parametrize("length", [0, 1, 40])
def test_an_answer_that_breaks_off_on_tcp_counts_as_none(length: int) -> None:
    zone = huge(50)
    zone.says["huge.example.com"] = lambda question, by_tcp: (
        zone.from_zone(question, by_tcp)[:length] if by_tcp else zone.from_zone(question, by_tcp)
    )
    with resolving(zone, seconds=SHORT) as resolver:
        assert resolver.ask("huge.example.com", "TXT").is_unasked


def test_a_server_that_knows_no_extensions_is_asked_without(resolver: Resolver, zone: Zone) -> None:
    def old(question: DNSRecord, by_tcp: bool) -> bytes | None:
        return rcode(RCODE.FORMERR)(question, by_tcp) if question.ar else zone.from_zone(question, by_tcp)

    zone.says["example.com"] = old
    assert resolver.ask("example.com", "TXT").is_there


def test_that_an_answer_was_proven_is_believed_of_resolvers_alone(resolver: Resolver, zone: Zone) -> None:
    assert not resolver.ask("mx1.example.com", "A").is_authenticated
    zone.answers_with_ad = True
    assert resolver.ask("mx1.example.com", "A").is_authenticated

    def echoes(question: DNSRecord, by_tcp: bool) -> bytes:
        reply = question.reply()  # which sends the flags of the question back
        reply.add_answer(RR(question.q.qname, rdata=A("192.0.2.1")))
        return bytes(reply.pack())

    zone.says["mx1.example.com"] = echoes
    assert not resolver.ask("mx1.example.com", "A").is_authenticated


def test_records_hold_nothing_that_a_terminal_obeys(resolver: Resolver, zone: Zone) -> None:
    def with_escapes(question: DNSRecord, by_tcp: bool) -> bytes:
        reply = recursive(question)
        reply.add_answer(RR(question.q.qname, QTYPE.TXT, rdata=TXT([b"v=spf1 \x1b[2J\n\xff", "ü".encode()])))
        return bytes(reply.pack())

    zone.says["example.com"] = with_escapes
    assert resolver.ask("example.com", "TXT").records == ("v=spf1 \\x1b[2J\\n\\xffü",)


def test_names_hold_nothing_that_a_page_obeys_and_can_be_asked_for(resolver: Resolver, zone: Zone) -> None:
    def odd(question: DNSRecord, by_tcp: bool) -> bytes:
        reply = recursive(question)
        label = DNSLabel([b"![x](http://evil)<b>", b"Example", b"com"])
        reply.add_answer(RR(question.q.qname, QTYPE.MX, rdata=MX(label, 10)))
        return bytes(reply.pack())

    zone.says["example.com MX"] = odd
    [record] = resolver.ask("example.com", "MX").records
    assert not {*"![]()<>: "} & {*record.removeprefix("10 ")}
    assert resolver.ask(record.removeprefix("10 "), "A").is_absent
    assert len(zone.asked) == 2


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("192.0.2.53", NameServer("192.0.2.53", 53)),
        ("192.0.2.53:5353", NameServer("192.0.2.53", 5353)),
        ("[2001:db8::53]:5353", NameServer("2001:db8::53", 5353)),
        ("2001:db8::53", NameServer("2001:db8::53", 53)),
        ("[2001:db8::53]", NameServer("2001:db8::53", 53)),
    ],
)
def test_name_servers_are_written_with_or_without_a_port(text: str, server: NameServer) -> None:
    assert name_server(text) == server
    assert name_server(str(server)) == server


@pytest.mark.parametrize("text", ["", ":53", "192.0.2.1:0", "192.0.2.1:70000", "192.0.2.1:x", "a b", "no.such.invalid"])
def test_what_is_no_name_server_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is (a|not a) server"):
        name_server(text)
