"""What can go wrong with a mailbox, as those who must act are told. No message here names a person or a secret."""

from __future__ import annotations

from enum import StrEnum

from mailevents_dagster.model.event import SourceError


class Cause(StrEnum):
    """The classes of failure, as operators count them."""

    DNS = "dns"
    REFUSED = "refused"
    RESET = "reset"
    TIMEOUT = "timeout"
    TLS = "tls"
    PROTOCOL = "protocol"
    RATE = "rate"
    SERVER = "server"
    PERMISSION = "permission"
    MAILBOX = "mailbox"
    REQUEST = "request"


class MailboxError(SourceError):
    """A mailbox that gave no usable answer."""

    cause: Cause

    def __init__(self, cause: Cause, message: str, *, is_passing: bool = False, until: float | None = None) -> None:
        super().__init__(message)
        self.cause = cause
        self.is_passing = is_passing
        self.refuses_feed = cause in (Cause.PERMISSION, Cause.MAILBOX)
        self.until = until


class BrokenOffError(MailboxError):
    """A message that broke off after part of it was written; it may be fetched again, into another blob."""
