"""A receiving server that answers each attempt at a recipient as a test says, and writes down what it answered."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

from mailevents_dagster_tests.deliverability.certificates import Authority
from mailevents_dagster_tests.deliverability.mail_server import smtp_server

TAKEN = "250 2.0.0 Ok: queued as 4XyZ"


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered to one attempt at a recipient."""

    text: str = TAKEN
    """With its codes; of none the server hangs up."""
    at: str = "RCPT"
    """The command that is answered with this: RCPT, or DATA for all recipients of the mail."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What was answered to an attempt at a recipient."""

    recipient: str
    text: str
    is_encrypted: bool

    @property
    def code(self) -> int | None:
        return int(self.text[:3]) if self.text else None

    @property
    def enhanced_code(self) -> str | None:
        found = re.match(r"\d{3}[ -](\d\.\d+\.\d+) ", self.text)
        return found[1] if found else None

    @property
    def outcome(self) -> str:
        return {"2": "delivered", "5": "bounced"}.get(self.text[:1], "deferred")


class Receiver:
    """Answers as aiosmtpd's handler; of several answers to a recipient the next attempt gets the next one."""

    def __init__(self, answers: Mapping[str, Sequence[Answer]]) -> None:
        self._answers = answers
        self._seen = Counter[str]()
        self._lock = threading.Lock()
        self.attempts: list[Attempt] = []
        self.mails: list[tuple[Sequence[str], bytes]] = []
        """Those that were taken, each with its recipients."""

    def _next(self, recipient: str) -> Answer:
        answers = self._answers.get(recipient, [Answer()])
        return answers[min(self._seen[recipient], len(answers) - 1)]

    def _note(self, session: Session, recipients: Sequence[str], text: str) -> None:
        with self._lock:
            for recipient in recipients:
                self._seen[recipient] += 1
                self.attempts.append(Attempt(recipient, text, session.ssl is not None))

    async def handle_RCPT(  # noqa: N802 - the name that aiosmtpd calls
        self, server: SMTP, session: Session, envelope: Envelope, address: str, _: object
    ) -> str:
        answer = self._next(address)
        if answer.at == "RCPT" and not answer.text.startswith("2"):
            self._note(session, [address], answer.text)
            return _said(server, answer.text)
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - as above
        text = self._next(envelope.rcpt_tos[0]).text
        if text.startswith("2"):
            self.mails.append((tuple(envelope.rcpt_tos), bytes(envelope.original_content or b"")))
        self._note(session, envelope.rcpt_tos, text)
        return _said(server, text)


def _said(server: SMTP, text: str) -> str:
    """Return the answer; of none, hang up."""
    if not text:
        assert server.transport is not None
        server.transport.abort()
    return text


@contextmanager
def receiving(folder: Path, answers: Mapping[str, Sequence[Answer]]) -> Iterator[tuple[Receiver, int, int]]:
    """Run the receiver behind two ports: one with STARTTLS and one without."""
    receiver = Receiver(answers)
    context = Authority(folder).context("mx.dest.example")
    with smtp_server(context, receiver) as encrypted, smtp_server(None, receiver) as plain:
        yield receiver, encrypted, plain
