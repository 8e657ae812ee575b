"""Entries as a running journalctl gives them, in bounded memory, with what it says beside them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from tempfile import TemporaryFile
from typing import Final

from mailevents_dagster.model.event import StoppedError
from mailevents_dagster.sources.maillog.journal.access import JournalAccess
from mailevents_dagster.sources.maillog.journal.entries import Entry, entry_of
from mailevents_dagster.sources.maillog.journal.errors import (
    failure_of,
    lacks_rights,
    no_answer,
    no_journalctl,
    no_rights,
)

_MOST_SAID: Final = 20_000
"""Bytes of what journalctl says that are looked at."""


class EntryStream:
    """The entries that a command of journalctl shows, in the order of the journal. Close it when done."""

    def __init__(self, access: JournalAccess, command: Sequence[str]) -> None:
        self.bytes_read = 0
        self._access = access
        self._is_stopped = False
        self._said = TemporaryFile()  # noqa: SIM115 - open as long as journalctl writes to it
        environment = {**os.environ, "SYSTEMD_COLORS": "0", "SYSTEMD_LOG_LEVEL": "info"}
        try:
            self._process = subprocess.Popen(  # noqa: S603 - the command's own words, no shell
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self._said, env=environment
            )
        except OSError as error:
            self._said.close()
            raise no_journalctl(error) from error

    def __iter__(self) -> Iterator[Entry]:
        """Yield the entries that are left; a JournalError where they are not all."""
        output = self._process.stdout
        while output and not output.closed and (text := output.readline()):
            if not text.startswith(b"{"):  # which is for people, such as "-- No entries --"
                continue
            if not self.bytes_read and lacks_rights(self.said):
                raise no_rights(self._access)
            self.bytes_read += len(text)
            try:
                entry = entry_of(text)
            except (ValueError, KeyError, TypeError, AttributeError):
                self._finish()
                raise no_answer(self._access) from None
            yield entry
        self._finish()

    def _finish(self) -> None:
        """Raise where the end of the output is not that of the journal."""
        code = self._process.wait()
        if self._is_stopped:
            raise StoppedError
        if code:
            raise failure_of(self._access, code, self.said)
        if lacks_rights(self.said):
            raise no_rights(self._access)

    @property
    def said(self) -> str:
        """What journalctl has said so far: warnings come when it opens the journal, so before the first entry."""
        return os.pread(self._said.fileno(), _MOST_SAID, 0).decode(errors="replace")

    def stop(self) -> None:
        """End it from another thread: whoever reads it raises StoppedError."""
        self._is_stopped = True
        self._process.kill()

    def close(self) -> None:
        """End journalctl, wherever it is."""
        self._process.kill()
        if self._process.stdout:
            self._process.stdout.close()
        self._process.wait()
        self._said.close()
