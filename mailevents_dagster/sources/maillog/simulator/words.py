"""What simulated mail is made of: people, subjects, hosts and answers. Every domain and address is a reserved one."""

from __future__ import annotations

from itertools import chain, repeat
from typing import Final, NamedTuple

PEOPLE: Final = (
    "ayse.yilmaz",
    "ibrahim.celik",
    "gulsah.ozturk",
    "mehmet.isik",
    "ozgur.sahin",
    "cagla.aydin",
    "umut.gunes",
    "muhasebe",
    "satis",
    "destek",
    "j.o'neill",
    "kim+orders",
    "x_1=tag",
)
ALIASES: Final = {"muhasebe": "info", "destek": "support", "satis": "sales"}
"""The address that was written to, where it is another than the one that mail goes to."""
SUBJECTS: Final = (
    "Invoice {n}",
    "Re: order {n}",
    "Fatura {n}: ödeme hatırlatması",
    "Sipariş {n} kargoya verildi",
    'Notes on "phase {n}"',
    "Newsletter, issue {n}",
    "견적서 {n}",
    "Your password expires in {n} days",
    "Meeting at 10:30 (room {n})",
    "C:\\reports\\{n}",
)


class Host(NamedTuple):
    """A host as it appears in logs."""

    name: str
    """Empty where its address has no name."""
    address: str
    domain: str
    has_tls: bool


RELAYS: Final = (
    Host("mx1.example.net", "198.51.100.10", "example.net", has_tls=True),
    Host("mx.example.org", "198.51.100.77", "example.org", has_tls=True),
    Host("mail.posta.example", "2001:db8:25::19", "posta.example", has_tls=True),
    Host("mx.tedarik.example", "203.0.113.5", "tedarik.example", has_tls=False),
    Host("inbound.kargo.example", "203.0.113.80", "kargo.example", has_tls=True),
    Host("mx-eu.banka.example", "2001:db8:77:1::2", "banka.example", has_tls=True),
    Host("mx.bulten.example", "192.0.2.200", "bulten.example", has_tls=False),
)
"""The mail exchangers of the domains that the simulated servers write to, and are written to by."""
CLIENTS: Final = (
    Host("", "192.0.2.14", "", has_tls=True),
    Host("vpn.example.net", "192.0.2.30", "", has_tls=True),
    Host("", "2001:db8:9::4a", "", has_tls=True),
    Host("office.example.net", "203.0.113.140", "", has_tls=True),
)
"""Where people of a server's own domain send from."""
STRANGERS: Final = (
    Host("", "203.0.113.66", "", has_tls=False),
    Host("dyn-7.pool.example", "198.51.100.201", "", has_tls=False),
    Host("", "2001:db8:bad::1", "", has_tls=False),
)


class Answer(NamedTuple):
    """What became of one attempt to deliver to one recipient."""

    status: str
    """`sent`, `deferred`, `bounced`, or `expired` where no further attempt is made."""
    text: str = ""
    """What the receiving host said; {address} stands for the recipient."""
    stage: str = ""
    """The command that was answered so; empty where there was no conversation."""
    dsn: str = "2.0.0"


SENT: Final = Answer("sent")
GREYLISTED: Final = Answer(
    "deferred", "450 4.2.0 <{address}>: Recipient address rejected: Greylisted", "RCPT TO", "4.2.0"
)
FULL: Final = Answer("deferred", "452 4.2.2 The mailbox of {address} is over its quota", "RCPT TO", "4.2.2")
BUSY: Final = Answer("deferred", "421 4.7.0 Too many connections, try again later", "MAIL FROM", "4.7.0")
AWAY: Final = Answer("deferred", "Connection timed out", "", "4.4.1")
UNKNOWN: Final = Answer(
    "bounced", "550 5.1.1 <{address}>: Recipient address rejected: User unknown", "RCPT TO", "5.1.1"
)
CLOSED: Final = Answer("bounced", "550-5.2.1 The mailbox is disabled\\n550 5.2.1 {address}", "RCPT TO", "5.2.1")
TOO_FULL: Final = Answer("bounced", "552 5.2.2 <{address}>: Mailbox full", "RCPT TO", "5.2.2")
REFUSED: Final = Answer(
    "bounced", "554 5.7.1 Message refused: the sender has a poor reputation", "end of data", "5.7.1"
)
UNPROVEN: Final = Answer("bounced", "550 5.7.26 The mail is not authenticated (DMARC)", "end of data", "5.7.26")
EXPIRED: Final = Answer("expired")

_LIVES: Final = (
    (1700, (SENT,)),
    (60, (GREYLISTED, SENT)),
    (20, (BUSY, SENT)),
    (14, (AWAY, AWAY, AWAY, SENT)),
    (10, (FULL, FULL, SENT)),
    (8, (FULL, FULL, FULL, FULL, FULL, EXPIRED)),
    (4, (AWAY, AWAY, AWAY, AWAY, AWAY, EXPIRED)),
    (70, (UNKNOWN,)),
    (14, (CLOSED,)),
    (14, (TOO_FULL,)),
    (16, (REFUSED,)),
    (8, (UNPROVEN,)),
    (8, (GREYLISTED, UNKNOWN)),
)
LIVES: Final = tuple(chain.from_iterable(repeat(life, weight) for weight, life in _LIVES))
"""The answers that a recipient elsewhere gives one after the other, each as often as it is likely."""
LOCAL_LIVES: Final = ((SENT,),) * 97 + ((FULL, FULL, SENT),) * 2 + ((FULL, FULL, FULL, FULL, FULL, EXPIRED),)


class Reason(NamedTuple):
    """Why a mail is refused while it is offered, as Exim and as Postfix say it."""

    exim: str
    postfix: str
    is_passing: bool = False


REASONS: Final = (
    Reason(
        "Unrouteable address",
        "550 5.1.1 <{address}>: Recipient address rejected: User unknown in local recipient table",
    ),
    Reason("relay not permitted", "454 4.7.1 <{address}>: Relay access denied"),
    Reason(
        "{client} is listed at dnsbl.example",
        "554 5.7.1 Service unavailable; Client host [{client}] blocked using dnsbl.example",
    ),
    Reason("Greylisted", "450 4.2.0 <{address}>: Recipient address rejected: Greylisted", is_passing=True),
)
