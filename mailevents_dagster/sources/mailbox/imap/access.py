"""How a mailbox is reached by IMAP."""

from __future__ import annotations

from dataclasses import dataclass, field

from mailevents_dagster.sources.mailbox.tokens import Application


@dataclass(frozen=True, slots=True)
class Access:
    """The server and who signs in: a password, or an application that gets tokens for XOAUTH2."""

    address: str
    host: str
    port: int = 993
    password: str | None = field(default=None, repr=False)
    application: Application | None = None
    ca_bundle: str | None = None
    """A file with certificates; None: those that certifi brings."""
