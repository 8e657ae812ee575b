"""The connections to a mailbox: four at the most, kept, made anew where one is cut."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

from mailevents_dagster.model.event import StoppedError
from mailevents_dagster.sources.client import Attempt
from mailevents_dagster.sources.mailbox.errors import Cause, MailboxError
from mailevents_dagster.sources.mailbox.imap.access import Access
from mailevents_dagster.sources.mailbox.imap.connection import Connection
from mailevents_dagster.sources.mailbox.imap.faults import AnsweredNoError
from mailevents_dagster.sources.mailbox.imap.folders import Folder
from mailevents_dagster.sources.mailbox.tokens import Tokens
from mailevents_dagster.sources.waits import backoff

AT_A_TIME: Final = 4
"""Servers allow a user ten or so."""
ATTEMPTS: Final = 6
"""Of a command that fails in passing: half a minute or so."""
REFUSALS: Final = 3
"""Of a command that the server says no to: as for a message that it cannot read itself."""
SCOPE: Final = "https://outlook.office365.com/.default"

T = TypeVar("T")


class Connections:
    """Threads may ask at once."""

    def __init__(self, access: Access) -> None:
        self.observe: Callable[[Attempt], object] = lambda _: None
        self._access = access
        self._tokens = Tokens(access.application, SCOPE) if access.application else None
        self._free = threading.BoundedSemaphore(AT_A_TIME)
        self._changing = threading.Lock()
        self._idle: list[Connection] = []
        self._at_work = set[Connection]()
        self._stopped = threading.Event()

    def ask(self, question: Callable[[Connection], T], folder: Folder | None = None) -> T:
        """Return the answer to a question, after as many attempts as it takes and is allowed.

        A connection that has the folder open is taken first.
        """
        attempt = 0
        while True:
            began, failed = time.monotonic(), None
            try:
                with self._connection(folder) as connection:
                    began = time.monotonic()
                    return question(connection)
            except MailboxError as error:
                failed = error
                if self._stopped.is_set():
                    raise StoppedError("Reading the mailbox was stopped.") from None
                attempt += 1
                most = REFUSALS if isinstance(error, AnsweredNoError) else ATTEMPTS
                if not error.is_passing or attempt >= most:
                    raise
            finally:
                self.observe(Attempt(time.monotonic() - began, failed))
            self._wait(backoff(attempt))

    def _wait(self, seconds: float) -> None:
        if self._stopped.wait(seconds):
            raise StoppedError("Reading the mailbox was stopped.")

    @contextmanager
    def _connection(self, folder: Folder | None) -> Iterator[Connection]:
        """Lend a connection; after anything but a refusal it is not used again."""
        with self._free:
            self._wait(0)
            connection = self._taken(folder) or self._made()
            with self._changing:
                self._at_work.add(connection)
            is_good = False
            try:
                self._wait(0)
                yield connection
                is_good = True
            except AnsweredNoError:
                is_good = True
                raise
            finally:
                with self._changing:
                    self._at_work.discard(connection)
                    if is_good:
                        self._idle.append(connection)
                if not is_good:
                    connection.end()
                    connection.close()

    def _taken(self, folder: Folder | None) -> Connection | None:
        with self._changing:
            fitting = (one for one in self._idle if one.opened and one.opened[0] == folder)
            found = next(fitting, self._idle[-1] if self._idle else None)
            if found:
                self._idle.remove(found)
            return found

    def _made(self) -> Connection:
        """Sign in; where a token is refused, once with a new one."""
        if self._tokens is None:
            return Connection(self._access, None)
        token = self._tokens.token()
        try:
            return Connection(self._access, token)
        except MailboxError as error:
            if error.cause is not Cause.PERMISSION:
                raise
        self._tokens.refused(token)
        return Connection(self._access, self._tokens.token())

    def stop(self) -> None:
        self._stopped.set()
        with self._changing:
            for connection in self._at_work:
                connection.end()

    def close(self) -> None:
        with self._changing:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()
        if self._tokens:
            self._tokens.close()
