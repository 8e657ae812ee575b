"""What the receiving server answers to whom, and what that says of the address by any reading."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from mailevents_dagster_tests.sources.outcomes.real.programs import Mail
from mailevents_dagster_tests.sources.outcomes.real.receiving import Answer

GREYLISTED: Final = Answer("450 4.2.0 <r@dest.example>: Recipient address rejected: Greylisted, try again later")
NO_ANSWER: Final = ""
CLOSED: Final = "r@closed.example"
"""Nobody listens there."""
ANOTHER: Final = ("another.gone@dest.example", "another.grey@dest.example")
"""They get the same mail as others."""
ANSWERS: Final[Mapping[str, Sequence[Answer]]] = {
    "gone@dest.example": [
        Answer(
            "550-5.1.1 The email account that you tried to reach does not exist.\r\n"
            "550 5.1.1 Learn more at https://support.dest.example/?p=NoSuchUser - gsmtp"
        )
    ],
    "another.gone@dest.example": [Answer("550 5.1.1 User unknown")],
    "another.grey@dest.example": [GREYLISTED, Answer()],
    "nobody@plain.example": [Answer("550 No such user here")],
    "full@dest.example": [Answer("552 5.2.2 Mailbox full")],
    "listed@dest.example": [Answer("554 5.7.1 Client host [127.0.0.1] blocked using zen.spamhaus.org")],
    "unsigned@dest.example": [Answer("550 5.7.26 Unauthenticated email is refused by DMARC policy", "DATA")],
    "spam@dest.example": [Answer("554 5.7.1 Message rejected as spam", "DATA")],
    "both@dest.example": [Answer("554 5.7.1 Message rejected as spam", "DATA")],
    "busy@plain.example": [Answer("421 4.7.0 Too many connections from your host"), Answer()],
    "grey@dest.example": [GREYLISTED, Answer()],
    "grey@plain.example": [GREYLISTED, GREYLISTED, Answer()],
    "lost@dest.example": [Answer(NO_ANSWER), Answer()],
    "unheard@plain.example": [Answer(NO_ANSWER, "DATA"), Answer()],
    "changes@dest.example": [GREYLISTED, Answer("550 5.1.1 User unknown")],
    "never@dest.example": [Answer("452 4.2.2 Mailbox over quota")],
    "late@dest.example": [GREYLISTED],
}
"""All others are taken."""
SAYS: Final = {
    "550-5.1.1": ("hard", ""),
    "550 5.1.1": ("hard", ""),
    "550 No": ("hard", ""),
    "552 5.2.2": ("soft", ""),
    "452 4.2.2": ("soft", ""),
    "554 5.7.1 Client": ("policy", "reputation"),
    "550 5.7.26": ("policy", "authentication"),
    "554 5.7.1 Message": ("policy", "content"),
    "421 4.7.0": ("soft", ""),
    "450 4.2.0": ("soft", ""),
    NO_ANSWER: ("soft", ""),
}
"""Class and reason by how an answer begins; the first that fits counts."""
LATE: Final = Mail("late", ["late@dest.example"])
"""It is put off, and still waits when all is over."""
MAILS: Final = [
    *(
        Mail(recipient.partition("@")[0] + f".{place}", [recipient])
        for place, recipient in enumerate(ANSWERS)
        if recipient not in (*ANOTHER, *LATE.recipients, "both@dest.example")
    ),
    Mail("plain", ["there@plain.example"]),
    Mail("several", ["one@dest.example", *ANOTHER, "one@plain.example"]),
    Mail("spam.to.two", ["both@dest.example", "too@dest.example"]),
    Mail("forwarded", ["friend@example.com"]),
    Mail("closed", [CLOSED]),
]
