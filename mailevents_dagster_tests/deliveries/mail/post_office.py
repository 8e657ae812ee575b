"""A mail server on this machine, with certificates of an authority of the tests' own."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from mailevents_dagster.deliveries.mail import smtp

USER = "mailevents@example.com"
PASSWORD = "s3cret-of-the-mail-server"
HERE = "127.0.0.1"


class Authority:
    """An authority that mail servers have their certificates of."""

    def __init__(self, folder: Path) -> None:
        self._authority = trustme.CA()
        self.file = folder / "authority.pem"
        self._authority.cert_pem.write_to_path(str(self.file))

    def context(self, *names: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._authority.issue_cert(*names).configure_cert(context)
        return context


@dataclass
class PostOffice:
    """Takes mails, or refuses them as it is told."""

    mails: list[EmailMessage] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    was_encrypted: list[bool] = field(default_factory=list)
    refuses: dict[str, str] = field(default_factory=dict)
    """The answer to a recipient, or to DATA, in place of the one that takes it."""
    port: int = 0

    async def handle_RCPT(  # noqa: N802 - aiosmtpd calls it so
        self, server: Any, session: Session, envelope: Envelope, address: str, options: Any
    ) -> str:
        if address in self.refuses:
            return self.refuses[address]
        envelope.rcpt_tos.append(address)
        return "250 fine"

    async def handle_DATA(  # noqa: N802 - as above
        self, server: Any, session: Session, envelope: Envelope
    ) -> str:
        if "DATA" in self.refuses:
            return self.refuses["DATA"]
        content = envelope.content
        assert isinstance(content, bytes)
        self.raw.append(content)
        self.mails.append(message_from_bytes(content, policy=policy.default))
        self.recipients.append(list(envelope.rcpt_tos))
        self.was_encrypted.append(server.transport.get_extra_info("sslcontext") is not None)
        return "250 taken"


def allowed(server: Any, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
    right = isinstance(data, LoginPassword) and (data.login, data.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=right, handled=False)


@contextmanager
def open_post_office(
    starttls: ssl.SSLContext | None = None, at_once: ssl.SSLContext | None = None, *, signs_in: bool = False
) -> Iterator[PostOffice]:
    """Serve plainly, with STARTTLS, or with TLS at once, as port 465 has it."""
    office = PostOffice()
    more: dict[str, Any] = {"authenticator": allowed, "auth_required": True} if signs_in else {}
    ready, stops = threading.Event(), list[Callable[[], object]]()

    def protocol() -> SMTP:
        return SMTP(office, hostname=HERE, tls_context=starttls, require_starttls=starttls is not None, **more)

    async def serve() -> None:
        end, loop = asyncio.Event(), asyncio.get_running_loop()
        stops.append(lambda: loop.call_soon_threadsafe(end.set))
        async with await loop.create_server(protocol, HERE, 0, ssl=at_once) as server:
            office.port = server.sockets[0].getsockname()[1]
            ready.set()
            await end.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(60)
    try:
        with pytest.MonkeyPatch.context() as patch:
            if at_once:  # nobody but root may serve on 465
                patch.setattr(smtp, "TLS_PORT", office.port)
            yield office
    finally:
        stops[0]()
        thread.join()
