"""Channels: how a message reaches people. What goes wrong is said without the secrets that a channel holds."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

import requests

from mailevents_dagster.alerts.texts import Message
from mailevents_dagster.deliveries.mail.composing import composed
from mailevents_dagster.deliveries.mail.letter import Letter, Paragraph
from mailevents_dagster.deliveries.mail.smtp import SendingError, hand_over, why
from mailevents_dagster.settings import AlertMailSettings, AlertSettings

PATIENCE: Final = 15.0
"""Seconds that a channel may take for a message: a tick has 60, and must look as well."""
SOCKET_PATIENCE: Final = 10.0
_HARMLESS: Final = str.maketrans({"<": "‹", ">": "›", "@": "＠"})
"""Chats take <!channel>, @here and the like as calls; what a source said must not wake everybody."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """An address that takes Slack's JSON, as Mattermost, Teams and others do."""

    url: str = field(repr=False)
    name: str = "webhook"

    def send(self, message: Message) -> str:
        text = f"{message.subject}\n{message.text}".translate(_HARMLESS)
        return _in_time(lambda: self._post(text))

    def _post(self, text: str) -> str:
        with _unlogged():
            # A redirect would carry the text to who knows where.
            answer = requests.post(self.url, json={"text": text}, timeout=SOCKET_PATIENCE, allow_redirects=False)
        if not 200 <= answer.status_code < 300:
            raise SendingError(f"it answered {answer.status_code}; is the address still the right one?")
        return ""


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail server that takes alerts as mails."""

    settings: AlertMailSettings
    password: str | None = field(repr=False)
    name: str = "mail"

    def send(self, message: Message) -> str:
        return _in_time(lambda: self._hand_over(message))

    def _hand_over(self, message: Message) -> str:
        letter = Letter(message.subject, [Paragraph(message.text)])
        mail = composed(letter, sender=self.settings.sender or "", to=self.settings.to, now=time.time())
        refused = hand_over(mail, self.settings.to, self.settings, self.password, SOCKET_PATIENCE, "alerts.mail")
        # No error: it must not come again and again to those whom it reached.
        count = f"{len(refused)} of {len(self.settings.to)} addresses"
        return f"it does not take mail for {count} (alerts.mail.to)" if refused else ""


Channel = Webhook | Mail
"""How people are told. What they should know of a message though it was taken is returned, mostly nothing."""


def channels_of(settings: AlertSettings, environ: Mapping[str, str] = os.environ) -> Sequence[Channel]:
    """Return the configured channels, with the secrets that they need."""
    channels: list[Channel] = []
    if settings.webhook_variable:
        channels.append(Webhook(environ[settings.webhook_variable]))
    if settings.mail.to:
        password = settings.mail.password_variable
        channels.append(Mail(settings.mail, environ[password] if password else None))
    return channels


def _in_time(send: Callable[[], str]) -> str:
    """Send in a thread and give up after a time: sockets wait for the next byte, and looking up a name for itself.

    What libraries raise stays in that thread: it may hold the address, or what the server was told.
    """
    outcome: list[str | Exception] = []

    def work() -> None:
        try:
            outcome.append(send())
        except (OSError, ValueError) as error:  # those of requests among them
            outcome.append(SendingError(_why(error)))
        except Exception as error:  # it is raised below, by whoever waits
            outcome.append(error)

    thread = threading.Thread(target=work, name="alert", daemon=True)
    thread.start()
    thread.join(PATIENCE)
    if not outcome:
        raise SendingError(f"it gave no answer within {PATIENCE:g} s")
    if isinstance(outcome[0], Exception):
        raise outcome[0]
    return outcome[0]


@contextmanager
def _unlogged() -> Iterator[None]:
    """Keep what urllib3 logs in this thread out of the logs: the path of a webhook is its secret."""
    thread = threading.get_ident()

    def is_of_another(record: logging.LogRecord) -> bool:
        return record.thread != thread

    logs = [logging.getLogger(name) for name in ("urllib3.connectionpool", "urllib3.util.retry")]
    for log in logs:
        log.addFilter(is_of_another)
    try:
        yield
    finally:
        for log in logs:
            log.removeFilter(is_of_another)


_WHY: Final[Sequence[tuple[type[Exception], str]]] = (
    (requests.exceptions.SSLError, "the TLS connection failed; check its certificate and the clock"),
    (requests.Timeout, "it gave no answer in time"),
    (requests.ConnectionError, "it cannot be reached; check the address, DNS and the firewall"),
)


def _why(error: Exception) -> str:
    """Return the reason in words of ours: those of libraries may hold the address."""
    said = next((words for type_, words in _WHY if isinstance(error, type_)), None)
    return f"{said} ({type(error).__name__})" if said else why(error)
