"""Whom a mailbox's servers must be proven by: the file of `ca_bundle`, or the authorities that requests trusts."""

from __future__ import annotations

import ssl
from typing import Final

import certifi

from mailevents_dagster.sources.mailbox.errors import Cause, MailboxError

CERTIFICATES: Final = "the CA certificates (mailboxes[].ca_bundle)"
"""What to check where a certificate is not to be trusted."""


def trusting(ca_bundle: str | None) -> ssl.SSLContext:
    """Return what trusts the authorities of a file alone; a MailboxError names one that cannot be read."""
    try:
        return ssl.create_default_context(cafile=ca_bundle or certifi.where())
    except OSError as error:  # an SSLError where it holds no certificates
        why = "it holds no certificates" if isinstance(error, ssl.SSLError) else error.strerror
    raise MailboxError(
        Cause.PERMISSION,
        f"The file {ca_bundle} of mailboxes[].ca_bundle cannot be read ({why}). Name a PEM file with the "
        f"certificate of the gateway's authority.",
    )
