"""A real name server on loopback, over UDP and TCP, that answers from a zone, fails, lies or says nothing."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from dnslib import NS, QTYPE, RCODE, RR, SOA, DNSError, DNSRecord
from dnslib.dns import DNSHeader

from mailevents_dagster.deliverability.dns import NameServer, Resolver

Says = Callable[[DNSRecord, bool], bytes | None]
"""Takes the question and whether it came by TCP; None says nothing at all."""

MOST_UDP = 1232


class Zone:
    """What the server knows; `says` of a name takes the place of that."""

    def __init__(self, text: str) -> None:
        self.records = RR.fromZone("\n".join(line.strip() for line in text.splitlines()))
        self.says: dict[str, Says] = {}
        self.lies: list[Says] = []
        """What comes by UDP before each answer."""
        self.asked: list[str] = []
        self.answers_with_ad = False

    def reply(self, question: DNSRecord, *, by_tcp: bool) -> bytes | None:
        name = str(question.q.qname).rstrip(".").lower()
        self.asked.append(f"{name} {QTYPE[question.q.qtype]}{' by TCP' if by_tcp else ''}")
        says = self.says.get(f"{name} {QTYPE[question.q.qtype]}") or self.says.get(name) or self.says.get("*")
        return says(question, by_tcp) if says else self.from_zone(question, by_tcp)

    def from_zone(self, question: DNSRecord, by_tcp: bool) -> bytes:
        reply = recursive(question)
        name = question.q.qname
        for _ in range(20):
            own = [one for one in self.records if str(one.rname).lower() == str(name).lower()]
            aliases = [one for one in own if one.rtype == QTYPE.CNAME and question.q.qtype != QTYPE.CNAME]
            for one in aliases or [one for one in own if one.rtype == question.q.qtype]:
                reply.add_answer(one)
            if not aliases:
                break
            name = aliases[0].rdata.label
        if not any(one.rtype == question.q.qtype for one in reply.rr):
            reply.header.rcode = RCODE.NOERROR if own else RCODE.NXDOMAIN
            reply.add_auth(RR(".", QTYPE.SOA, rdata=SOA("a.invalid", "b.invalid")))
        reply.header.ad = self.answers_with_ad
        content: bytes = reply.pack()
        if len(content) > MOST_UDP and not by_tcp:
            cut = recursive(question)
            cut.header.tc = 1
            content = cut.pack()
        return content


def recursive(question: DNSRecord) -> DNSRecord:
    """An empty reply of a server that asks others."""
    header = DNSHeader(id=question.header.id, bitmap=0, qr=1, ra=1, rd=1)
    return DNSRecord(header, q=question.q)


def rcode(code: int) -> Says:
    def says(question: DNSRecord, by_tcp: bool) -> bytes:
        reply = recursive(question)
        reply.header.rcode = code
        return bytes(reply.pack())

    return says


def nothing(question: DNSRecord, by_tcp: bool) -> None:
    return None


def lame(question: DNSRecord, by_tcp: bool) -> bytes:
    """Refer to others, as a server does that is not responsible."""
    reply = recursive(question)
    reply.add_auth(RR("com", QTYPE.NS, rdata=NS("a.gtld-servers.net")))
    return bytes(reply.pack())


class _Udp(socketserver.BaseRequestHandler):
    server: Any

    def handle(self) -> None:
        content, connection = self.request
        for lie in self.server.zone.lies:
            connection.sendto(lie(DNSRecord.parse(content), False), self.client_address)
        reply = _reply(self.server.zone, content, by_tcp=False)
        if reply is not None:
            connection.sendto(reply, self.client_address)


class _Tcp(socketserver.StreamRequestHandler):
    server: Any

    def handle(self) -> None:
        length = int.from_bytes(self.rfile.read(2), "big")
        reply = _reply(self.server.zone, self.rfile.read(length), by_tcp=True)
        if reply is not None:
            self.wfile.write(len(reply).to_bytes(2, "big") + reply)


def _reply(zone: Zone, content: bytes, *, by_tcp: bool) -> bytes | None:
    try:
        question = DNSRecord.parse(content)
    except DNSError:
        return None
    return zone.reply(question, by_tcp=by_tcp)


class _UdpServer(socketserver.ThreadingUDPServer):
    daemon_threads = True


class _TcpServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


@contextmanager
def serving(zone: Zone, *, tcp: bool = True) -> Iterator[NameServer]:
    """Run the server on one port for both; without `tcp` nobody listens there."""
    servers: list[Any] = []
    for _ in range(20):
        udp = _UdpServer(("127.0.0.1", 0), _Udp)
        try:
            servers = [udp, *([_TcpServer(udp.server_address, _Tcp)] if tcp else [])]
        except OSError:  # another has the port for TCP
            udp.server_close()
            continue
        break
    for server in servers:
        server.zone = zone
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield NameServer("127.0.0.1", servers[0].server_address[1])
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()


@contextmanager
def resolving(*zones: Zone, seconds: float = 5.0) -> Iterator[Resolver]:
    """Yield a resolver that asks servers with these zones, in their order."""
    with ExitStack() as stack:
        yield Resolver([stack.enter_context(serving(zone)) for zone in zones], seconds)
