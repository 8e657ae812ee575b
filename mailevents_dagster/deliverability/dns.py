"""A resolver that tells three states apart: records, no records, and no answer that can be believed.

It asks name servers itself, with dnspython's messages, since each answer is looked at as a whole: one that refers to
other servers, is refused or is broken says nothing about the name, and the next server is asked.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

try:
    import dns.exception
except ImportError:
    raise ImportError("dnspython is not installed: pip install 'mailevents-dagster[deliverability]'") from None
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdata
import dns.rdatatype
import dns.resolver
from dns.rdtypes.ANY.SOA import SOA
from dns.rdtypes.mxbase import MXBase
from dns.rdtypes.nsbase import NSBase
from dns.rdtypes.txtbase import TXTBase

from mailevents_dagster.deliverability.answers import Answer, State, absent, unasked
from mailevents_dagster.files.printable import printable
from mailevents_dagster.settings.values import host_and_port
from mailevents_dagster.sources.outcomes.settings.posture import ResolverSettings

PORT: Final = 53
ROUNDS: Final = 2
"""How often all name servers are asked before a question is given up. The second time they are asked by TCP: there are
networks that lose long answers, and servers that cut them off in a way that cannot be known as theirs."""
MAX_ALIASES: Final = 12
UDP_SIZE: Final = 1232
"""Bytes that pass every network in one piece; a larger answer comes by TCP."""
LONGEST: Final = 2**16
"""Characters of a record: more than fit into an answer."""

_UNUSUAL: Final = re.compile(r"[^a-z0-9_.*/\\-]")
_ASKED: Final = dns.flags.RD | dns.flags.AD
_KNOWS_NO_EDNS: Final = (dns.rcode.FORMERR, dns.rcode.NOTIMP, dns.rcode.BADVERS)


class _UnusableError(Exception):
    """The answer of a server says nothing about the name; the text says why, to be read after the server's address."""


_FAULTS: Final = (dns.exception.DNSException, OSError, EOFError, _UnusableError)


@dataclass(frozen=True, slots=True)
class NameServer:
    address: str
    port: int = PORT

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"


def name_server(text: str) -> NameServer:
    """Return the name server written as `host`, `host:port` or `[IPv6]:port`; ValueError where it is not one."""
    host, port = host_and_port(text, PORT)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError):
        raise ValueError("is a server whose address is not known here; write its IP address") from None
    return NameServer(str(found[0][4][0]), port)


def system_servers() -> tuple[NameServer, ...]:
    """Return the name servers that this machine uses; none where it has none."""
    try:
        return tuple(NameServer(str(one)) for one in dns.resolver.Resolver().nameservers)
    except dns.resolver.NoResolverConfiguration:
        return ()


@dataclass(frozen=True, slots=True)
class Resolver:
    """Asks its name servers in their order, each within its time, until one gives an answer that can be believed."""

    servers: Sequence[NameServer]
    seconds: float = 5.0
    by_tcp: bool = True
    """Whether an answer that is too long for UDP is asked for by TCP."""

    def ask(self, name: str, kind: str) -> Answer:
        """Return what is known of the name, aliases followed."""
        try:
            wanted = dns.name.from_text(name)
        except (dns.exception.DNSException, UnicodeError) as error:
            return absent(f"no such name can exist: {error}")
        passed = [wanted]
        for _ in range(MAX_ALIASES):
            answer, target = self._ask_once(passed[-1], dns.rdatatype.from_text(kind))
            passed += [dns.name.from_text(alias) for alias in answer.aliases]
            if len({*passed}) < len(passed):
                return unasked(f"its aliases run in a circle: {' → '.join(map(_plain, passed))}")
            if target is None:
                return replace(answer, aliases=tuple(map(_plain, passed[1:])))
        return unasked(f"it has more than {MAX_ALIASES} aliases in a row")

    def _ask_once(self, name: dns.name.Name, kind: dns.rdatatype.RdataType) -> tuple[Answer, dns.name.Name | None]:
        """Return the answer, and the alias that is still to be asked for, if any."""
        if not self.servers:
            return unasked("there is no name server to ask"), None
        faults: dict[str, None] = {}
        for place in range(ROUNDS):
            for server in self.servers:
                try:
                    return _judged(self._response(server, name, kind, again=place > 0))
                except _FAULTS as error:
                    faults[f"{server} {_said(error, self.seconds)}"] = None
        return unasked("; ".join(faults)), None

    def _response(
        self, server: NameServer, name: dns.name.Name, kind: dns.rdatatype.RdataType, *, again: bool
    ) -> dns.message.QueryMessage:
        send = self._by_tcp if again and self.by_tcp else self._by_udp
        response = send(server, dns.message.make_query(name, kind, use_edns=0, payload=UDP_SIZE, flags=_ASKED))
        if response.rcode() in _KNOWS_NO_EDNS:
            response = send(server, dns.message.make_query(name, kind, use_edns=False, flags=_ASKED))
        if not isinstance(response, dns.message.QueryMessage):
            raise _UnusableError("sent something else than an answer")
        return response

    def _by_udp(self, server: NameServer, query: dns.message.Message) -> dns.message.Message:
        # Whatever else arrives meanwhile, from others or with another id, is passed over.
        where = (query, server.address, self.seconds, server.port)
        if self.by_tcp:
            return dns.query.udp_with_fallback(*where, ignore_unexpected=True, ignore_errors=True)[0]
        return dns.query.udp(*where, ignore_unexpected=True, raise_on_truncation=True, ignore_errors=True)

    def _by_tcp(self, server: NameServer, query: dns.message.Message) -> dns.message.Message:
        try:
            return dns.query.tcp(query, server.address, self.seconds, server.port)
        except ConnectionRefusedError:
            return self._by_udp(server, query)


def resolver_of(settings: ResolverSettings, note: Callable[[str], object]) -> Resolver:
    """Return what asks the name servers of the settings; `note` is told of one whose own address is not known."""
    servers = []
    for text in settings.nameservers:
        try:
            servers.append(name_server(text))
        except ValueError as error:
            note(f"The name server {text} is not asked: it {error}.")
    return Resolver(servers if settings.nameservers else system_servers(), settings.timeout_seconds, settings.tcp)


def _judged(response: dns.message.QueryMessage) -> tuple[Answer, dns.name.Name | None]:
    """Return what a response says, and the alias that it leaves to be asked for; raise what makes it worth nothing."""
    code = response.rcode()
    if code not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        raise _UnusableError(f"answered {dns.rcode.to_text(code)}")
    chain = response.resolve_chaining()
    heard = Answer(
        State.ABSENT,
        reason="there is no such name" if code == dns.rcode.NXDOMAIN else "the name has no such record",
        aliases=tuple(_plain(one[0].target) for one in chain.cnames),
        # A server that sets AA, too, has only sent the flags of the question back.
        is_authenticated=response.flags & (dns.flags.AD | dns.flags.AA) == dns.flags.AD,
    )
    if chain.answer:
        records = sorted({_text_of(record) for record in chain.answer})
        return replace(heard, state=State.THERE, records=tuple(records), reason=""), None
    kinds = {one.rdtype for one in response.authority}
    if dns.rdatatype.SOA not in kinds:
        if chain.cnames and code == dns.rcode.NOERROR:
            return heard, chain.canonical_name
        is_responsible = response.flags & dns.flags.AA
        if not is_responsible and (dns.rdatatype.NS in kinds or not response.flags & dns.flags.RA):
            raise _UnusableError("is not responsible for the name, and refers to others")
    return heard, None


def _text_of(record: dns.rdata.Rdata) -> str:
    if isinstance(record, TXTBase):
        return printable(b"".join(record.strings).decode("utf-8", "backslashreplace"), LONGEST)
    if isinstance(record, MXBase):
        return f"{record.preference} {_plain(record.exchange) or '.'}"
    if isinstance(record, NSBase):
        return _plain(record.target)
    # Its other fields change with each change of the zone.
    return _plain(record.mname) if isinstance(record, SOA) else record.to_text()


def _plain(name: dns.name.Name) -> str:
    """Return a name in lower case, with whatever no host is called by in the escapes of zone files."""
    text = name.to_text(omit_final_dot=True).lower() if name != dns.name.root else ""
    return _UNUSUAL.sub(lambda sign: f"\\{ord(sign[0]):03}", text)


def _said(error: Exception, seconds: float) -> str:
    """Return what a name server did, to be read after its address."""
    if isinstance(error, _UnusableError):
        return str(error)
    if isinstance(error, dns.exception.Timeout):
        return f"gave no answer within {seconds:g} s"
    if isinstance(error, dns.message.Truncated):
        return "cut its answer off, and TCP is not to be used"
    if isinstance(error, dns.message.ChainTooLong):
        return "answered with aliases that run in a circle"
    if isinstance(error, OSError):
        return f"cannot be reached: {error.strerror or error}"
    return f"gave a broken answer ({error or type(error).__name__})"
