"""Keys are asked for over real sockets: there, not there, or nobody knows."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from mailevents_dagster.deliverability.dns import NameServer, Resolver
from mailevents_dagster.deliverability.lint.keys import UnaskedError, key_asker
from mailevents_dagster_tests.deliverability.lint.writing import RECORD

NAME = "s1._domainkey.example.com"
Answer = Callable[[dns.message.Message], bytes]


@contextmanager
def name_server(answer: Answer) -> Iterator[tuple[Resolver, list[str]]]:
    """Yield a resolver that asks a name server on this machine, and the names that it was asked."""
    asked: list[str] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as here:
        here.bind(("127.0.0.1", 0))

        def serve() -> None:
            while (received := here.recvfrom(4096))[0] != b"end":
                query = dns.message.from_wire(received[0])
                asked.append(query.question[0].name.to_text(omit_final_dot=True))
                here.sendto(answer(query), received[1])

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield Resolver([NameServer("127.0.0.1", here.getsockname()[1])], by_tcp=False), asked
        finally:
            here.sendto(b"end", here.getsockname())
            thread.join()


def answering(*records: bytes, code: dns.rcode.Rcode = dns.rcode.NOERROR) -> Answer:
    def answer(query: dns.message.Message) -> bytes:
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        response.set_rcode(code)
        for record in records:
            pieces = " ".join(f'"{record[at : at + 200].decode()}"' for at in range(0, len(record), 200))
            response.answer.append(dns.rrset.from_text(query.question[0].name, 60, "IN", "TXT", pieces))
        wire: bytes = response.to_wire(max_size=65_000)
        return wire

    return answer


def test_a_record_is_put_together_of_its_strings_and_asked_for_once() -> None:
    long = RECORD + b"; n=" + b"x" * 500
    with name_server(answering(long)) as (resolver, asked):
        ask = key_asker(resolver)
        assert ask(NAME) == ask(NAME) == long
        assert asked == [NAME]


@pytest.mark.parametrize("code", [dns.rcode.NXDOMAIN, dns.rcode.NOERROR], ids=["no name", "no record"])
def test_no_such_name_and_no_such_record_are_certain(code: dns.rcode.Rcode) -> None:
    with name_server(answering(code=code)) as (resolver, _):
        assert key_asker(resolver)(NAME) is None


def test_of_several_records_the_one_with_a_key_counts() -> None:
    with name_server(answering(b"v=spf1 -all", RECORD)) as (resolver, _):
        assert key_asker(resolver)(NAME) == RECORD


@pytest.mark.parametrize("code", [dns.rcode.SERVFAIL, dns.rcode.REFUSED], ids=["servfail", "refused"])
def test_servers_that_fail_say_nothing_of_the_key(code: dns.rcode.Rcode) -> None:
    with name_server(answering(code=code)) as (resolver, _):
        ask = key_asker(resolver)
        for _ in range(2):
            with pytest.raises(UnaskedError, match=r"SERVFAIL|REFUSED"):
                ask(NAME)


def test_a_server_that_is_silent_is_given_up() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        resolver = Resolver([NameServer("127.0.0.1", silent.getsockname()[1])], 0.1, by_tcp=False)
        with pytest.raises(UnaskedError, match="no answer within"):
            key_asker(resolver)(NAME)


def test_a_name_that_cannot_be_has_no_key() -> None:
    assert key_asker(Resolver([]))(f"{'x' * 70}.example") is None


def test_where_there_is_no_name_server_nobody_knows() -> None:
    with pytest.raises(UnaskedError, match="no name server"):
        key_asker(Resolver([]))(NAME)


def test_a_record_that_is_too_long_is_not_used() -> None:
    with name_server(answering(b"v=DKIM1; p=" + b"A" * 8_000)) as (resolver, _), pytest.raises(UnaskedError):
        key_asker(resolver)(NAME)
