"""What an IMAP server refused or a network did, as those who must act are told.

No text of a server is shown, since it may name people: only its response code, which is one of a list of words.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from imapclient.exceptions import IMAPClientAbortError, IMAPClientError, LoginError, ProtocolError

from mailevents_dagster.sources.mailbox.errors import Cause, MailboxError
from mailevents_dagster.sources.network import Names, network_fault

TIMEOUT: Final = 60.0
"""Seconds until the next bytes of an answer are there."""
NAMES: Final = Names("mailboxes[].host and port", f"{TIMEOUT:.0f} s", "the IMAP server")
_CODE: Final = re.compile(r"\[([A-Z][A-Z0-9-]{1,39})[\] ]")
_FOR_NOW: Final = frozenset({"UNAVAILABLE", "INUSE", "LIMIT", "SERVERBUG", "THROTTLED", "OVERQUOTA", "EXPUNGEISSUED"})
_GONE: Final = frozenset({"NONEXISTENT", "TRYCREATE"})


class AnsweredNoError(MailboxError):
    """The server refused a command; the connection is as good as before."""

    is_gone = False
    """Whether it says that there is no such folder."""


def answered_no(text: str, where: str) -> AnsweredNoError:
    """Return the error of a refused command; without a code that says more it may succeed another time."""
    code = found[1] if (found := _CODE.search(text)) else ""
    said = f"{where}: the server refused it ({code or 'without a code'})"
    if code == "NOPERM":
        failed = AnsweredNoError(Cause.PERMISSION, f"{said}. Give the user the right to read this folder.")
        failed.refuses_feed = False  # other folders may be read
    elif "command error: BAD" in text:
        failed = AnsweredNoError(Cause.PROTOCOL, f"{where}: the server does not understand the command (BAD).")
    else:
        failed = AnsweredNoError(Cause.SERVER, f"{said}. It is asked again.", is_passing=True)
    if code in _GONE:
        failed.is_passing, failed.is_gone = False, True
    return failed


def unknown_folder() -> AnsweredNoError:
    """Return the error of a folder whose name no command can hold."""
    failed = AnsweredNoError(Cause.PROTOCOL, "A folder: its name is not as IMAP has it.")
    failed.is_gone = True
    return failed


def refused_login(text: str, how: str) -> MailboxError:
    """Return the error of a login: for now where the server says so, else until somebody changes something."""
    code = found[1] if (found := _CODE.search(text)) else ""
    if code in _FOR_NOW or not text:
        return MailboxError(
            Cause.RATE, f"The IMAP server lets nobody sign in for now ({code or 'no answer'}).", is_passing=True
        )
    return MailboxError(Cause.PERMISSION, f"The IMAP server refused to sign in ({code or 'without a code'}). {how}")


@contextmanager
def told(where: str) -> Iterator[None]:
    """Turn what the libraries raise into errors for people. Anything but AnsweredNoError ends the connection."""
    failed: MailboxError
    try:
        yield
    except LoginError:
        raise  # whoever signs in knows with what
    except ssl.SSLCertVerificationError as error:
        what = f"its certificate is not to be trusted ({error.verify_message})"
        do = "Check mailboxes[].host and the clock, or name the authority's certificates in ca_bundle"
        failed = MailboxError(Cause.TLS, f"{where}: {what}. {do}.")
    except (IMAPClientAbortError, EOFError):
        failed = MailboxError(Cause.RESET, f"{where}: the server ended the connection.", is_passing=True)
    except ProtocolError:
        failed = MailboxError(Cause.PROTOCOL, f"{where}: the answer is not as IMAP has it.", is_passing=True)
    except IMAPClientError as error:
        failed = answered_no(str(error), where)
    except OSError as error:
        cause, text = network_fault(error, where, NAMES, lambda _: "no details")
        failed = MailboxError(Cause(cause), text, is_passing=True)
    except (ValueError, TypeError, LookupError, AttributeError):  # of a library that took an answer for another
        failed = MailboxError(Cause.PROTOCOL, f"{where}: the answer cannot be read.", is_passing=True)
    else:
        return
    raise failed  # out of the handlers: what the libraries raise holds what the server said
