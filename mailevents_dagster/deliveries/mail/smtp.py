"""Handing a mail to a mail server. What goes wrong is said in our words: those of servers may hold a password."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Mapping, Sequence
from email.message import EmailMessage
from typing import Final

from mailevents_dagster.settings import MailSettings

TLS_PORT: Final = 465
"""The port on which TLS begins at once."""


class SendingError(Exception):
    """A mail or message was not taken; the text says why, and holds no secret."""

    def __init__(self, said: str, *, is_passing: bool = False) -> None:
        super().__init__(said)
        self.is_passing = is_passing
        """It may be taken in some minutes: the server says so, or nobody answered."""


def hand_over(
    mail: EmailMessage, to: Sequence[str], server: MailSettings, password: str | None, patience: float, section: str
) -> Mapping[str, int]:
    """Hand a mail to the server for these addresses; return those it refused, each with its code.

    SendingError where it took the mail for none of them. `section` is that of the settings, for what is said.
    """
    try:
        return _handed_over(mail, to, server, password, patience)
    except (OSError, ValueError) as error:  # those of smtplib among them
        failure = SendingError(why(error, section), is_passing=_is_passing(error))
    raise failure  # outside of the block, so that nothing of the library's hangs on it


def _handed_over(
    mail: EmailMessage, to: Sequence[str], server: MailSettings, password: str | None, patience: float
) -> Mapping[str, int]:
    safe, host = ssl.create_default_context(), server.smtp_host or ""
    connection = (
        smtplib.SMTP_SSL(host, server.smtp_port, timeout=patience, context=safe)
        if server.smtp_port == TLS_PORT
        else smtplib.SMTP(host, server.smtp_port, timeout=patience)
    )
    with connection:
        if server.starttls and server.smtp_port != TLS_PORT:
            connection.starttls(context=safe)
        if server.user and password:
            connection.login(server.user, password)
        refused = connection.send_message(mail, to_addrs=list(to))
    return {address: code for address, (code, _) in refused.items()}


_WHY: Final[Sequence[tuple[type[Exception] | tuple[type[Exception], ...], str]]] = (
    (smtplib.SMTPAuthenticationError, "it does not accept user and password ({section}.user)"),
    (smtplib.SMTPSenderRefused, "it does not take mail from this sender ({section}.from)"),
    (smtplib.SMTPRecipientsRefused, "it takes mail for none of these addresses ({section}.to)"),
    (smtplib.SMTPNotSupportedError, "it does not offer the STARTTLS or the sign-in that {section} asks for"),
    (smtplib.SMTPException, "it broke off the conversation, or gave no answer in time"),
    (ssl.SSLError, "the TLS connection failed; check its certificate and the clock"),
    (TimeoutError, "it gave no answer in time"),
    (OSError, "it cannot be reached; check the address, DNS and the firewall"),
)


def why(error: Exception, section: str = "") -> str:
    """Return the reason in words of ours."""
    said = next((words for types, words in _WHY if isinstance(error, types)), "the message cannot be sent")
    code = getattr(error, "smtp_code", None)
    return f"{said.format(section=section)} ({type(error).__name__}{f' {code}' if code else ''})"


def _is_passing(error: Exception) -> bool:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(400 <= code < 500 for code, _ in error.recipients.values())
    if isinstance(error, smtplib.SMTPResponseException):
        return 400 <= error.smtp_code < 500
    if isinstance(error, smtplib.SMTPNotSupportedError | ssl.SSLError):
        return False
    return isinstance(error, OSError)
