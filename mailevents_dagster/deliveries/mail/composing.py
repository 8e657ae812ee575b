"""A letter as a message of RFC 5322, as receivers want it: text beside HTML, an id, a date, a way out. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

from mailevents_dagster.deliveries.mail.letter import Letter


def composed(
    letter: Letter,
    *,
    sender: str,
    to: Sequence[str],
    now: float,
    message_id: str | None = None,
    unsubscribe: str | None = None,
) -> EmailMessage:
    """Return the message; one that goes to several people says how to leave them.

    The same `message_id` lets receivers tell that a mail which comes twice is one.
    """
    domain = sender.rpartition("@")[2]
    mail = EmailMessage()
    mail["Subject"] = letter.subject
    mail["From"] = sender
    mail["To"] = ", ".join(to)
    mail["Date"] = formatdate(now)
    mail["Message-ID"] = f"<{message_id}@{domain}>" if message_id else make_msgid(domain=domain)
    mail["Auto-Submitted"] = "auto-generated"
    if len(to) > 1:
        by_mail = f"<mailto:{sender}?subject=unsubscribe>"
        mail["List-Unsubscribe"] = f"<{unsubscribe}>, {by_mail}" if unsubscribe else by_mail
        if unsubscribe:
            mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail.set_content(letter.text(), cte="quoted-printable")
    mail.add_alternative(letter.html(), subtype="html", cte="quoted-printable")
    return mail
