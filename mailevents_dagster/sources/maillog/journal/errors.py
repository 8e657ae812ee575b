"""What can go wrong with the journal, told to whoever must act."""

from __future__ import annotations

import getpass
import os
import re
from datetime import UTC, datetime
from typing import Final

from mailevents_dagster.files.printable import printable
from mailevents_dagster.model.event import SourceError
from mailevents_dagster.sources.maillog.journal.access import JournalAccess

_NO_RIGHTS: Final = re.compile("insufficient permissions|not seeing messages from other users", re.IGNORECASE)
_NO_UNIT: Final = "Failed to add filter for units: No data available"
_NO_FOLDER: Final = re.compile("^Failed to open .*: (No such file or directory|Not a directory)", re.MULTILINE)
_OLD_CURSOR: Final = "Failed to seek to cursor"


class JournalError(SourceError):
    """The journal could not be read."""

    def __init__(self, cause: str, message: str, *, is_passing: bool = False) -> None:
        super().__init__(message)
        self.cause = cause
        self.is_passing = is_passing


class NoSuchUnitError(JournalError):
    """The journal has no entry of any unit that matches the patterns."""


class NoSuchCursorError(JournalError):
    """The journal cannot be read from where it was read before."""


def no_journalctl(error: OSError) -> JournalError:
    return JournalError(
        "journalctl",
        f"journalctl could not be started ({error.strerror}). It comes with systemd: install it, or name the log's "
        "files with `files` instead of `journal`.",
    )


def no_journal(access: JournalAccess) -> JournalError:
    advice = (
        "name a folder with files *.journal that this user may read"
        if access.directory
        else "see whether systemd-journald runs here and this user may read /var/log/journal or /run/log/journal, "
        "or name another machine's files with `journal_directory`"
    )
    return JournalError("no journal", f"There is no journal in {access.name}: {advice}.")


def hour_is_gone(access: JournalAccess, end: int, oldest: float) -> JournalError:
    """Return the error of an hour that ended before the oldest entry; journald removes what is old."""
    error = JournalError(
        "gone",
        f"The hour up to {_moment(end)} is gone: {access.name} begins at {_moment(oldest)}. To keep more from now on, "
        "raise SystemMaxUse= and MaxRetentionSec= in journald.conf and make /var/log/journal.",
    )
    error.hour_is_gone = True
    return error


def no_answer(access: JournalAccess) -> JournalError:
    return JournalError(
        "answer", f"What journalctl said of {access.name} is not the JSON of entries. Is it systemd's own journalctl?"
    )


def failure_of(access: JournalAccess, code: int, said: str) -> JournalError:
    """Return what an exit of journalctl means, from what it said."""
    if _NO_RIGHTS.search(said):
        return no_rights(access)
    if _NO_UNIT in said:
        return NoSuchUnitError("unit", f"{access.name} knows no unit like {', '.join(access.units)}.")
    if _OLD_CURSOR in said:
        return NoSuchCursorError("cursor", f"{access.name} does not know the entry that was read last.")
    if _NO_FOLDER.search(said):
        return no_journal(access)
    how = f"was ended by signal {-code}" if code < 0 else f"failed with exit code {code}"
    why = f": {printable(said.strip().splitlines()[0], 300)}" if said.strip() else ""
    return JournalError(
        "journalctl", f"journalctl {how} while it read {access.name}{why}. The next run tries again.", is_passing=True
    )


def lacks_rights(said: str) -> bool:
    """Return whether journalctl hints that it shows only a part of the journal to this user."""
    return bool(_NO_RIGHTS.search(said))


def no_rights(access: JournalAccess) -> JournalError:
    user = _user()
    advice = (
        f"let {user} read its files"
        if access.directory
        else f"add the user to a group that may: `usermod -aG systemd-journal {user}` (or adm), then start anew"
    )
    return JournalError("permission", f"{user} may not read {access.name}: {advice}.")


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # an account without a name, as containers have
        return f"the user {os.getuid()}"


def _moment(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S} UTC"
