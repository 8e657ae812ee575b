"""Notification: what was seen goes into the ledger, and its news to people. Loads no Dagster."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mailevents_dagster.alerts.channels import Channel
from mailevents_dagster.alerts.texts import Message, message_of
from mailevents_dagster.alerts.troubles import Ledger, Look, News, ledger_content, ledger_of, news_of, noted, told
from mailevents_dagster.deliveries.mail.smtp import SendingError
from mailevents_dagster.files.checksummed import read_sealed, write_sealed
from mailevents_dagster.files.damage import DamagedError, set_aside
from mailevents_dagster.files.objects import ChangedError, Version
from mailevents_dagster.sharing.locks import HeldError
from mailevents_dagster.store.store import Store

Warn = Callable[[str], object]


def read_ledger(store: Store, version: Version | None = None) -> Ledger:
    """Return the stored ledger, an empty one if there is none. DamagedError if it is not as it was written."""
    path = store.layout.alerts
    content = read_sealed(path, version)
    try:
        return Ledger() if content is None else ledger_of(content)
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedError(f"{path} is not a ledger of alerts ({type(error).__name__})") from error


@dataclass(slots=True)
class Notifier:
    """Notifies people, and remembers it even if the disk is full: that is what they must hear of."""

    store: Store
    repeat_seconds: float
    unwritten: tuple[Ledger, Version] | None = None
    """What could not be written, and in whose place; it counts as long as this process lives."""

    def notify(self, look: Callable[[Ledger], Look], channels: Sequence[Channel], now: float, warn: Warn) -> str:
        """Look, send at most one message, and return what came of it. HeldError if another process is at it."""
        with self.store.telling():
            ledger, version = self._ledger(warn)
            ledger = noted(ledger, look(ledger), now)
            try:  # before anything else can go wrong: what was seen of runs is not seen again
                self._write(ledger, version, warn)
            except ChangedError:
                self.unwritten = None
                raise HeldError("Another process is telling what is wrong.") from None
            news = news_of(ledger, now, self.repeat_seconds)
            if not news:
                return f"Nothing new to tell; {len(ledger.entries):,} troubles are known."
            message = message_of(news, self.store.timezone)
            takers = send(message, channels, warn)
            if not takers:
                return f"{message.subject}. Nobody could be told; it is tried again."
            self._note_told(ledger, version, news, now, warn)
            return f"{message.subject}. Told by {' and '.join(takers)}."

    def _note_told(self, ledger: Ledger, version: Version, news: News, now: float, warn: Warn) -> None:
        """Note that people were told, also where another process noted what it saw meanwhile."""
        while True:
            try:
                return self._write(told(ledger, news, now), version, warn)
            except ChangedError:
                self.unwritten = None
                ledger, version = self._ledger(warn)

    def _ledger(self, warn: Warn) -> tuple[Ledger, Version]:
        """Return what is known, and the version on an object store that may be replaced."""
        if self.unwritten is not None:
            return self.unwritten
        version = Version()
        try:
            return read_ledger(self.store, version), version
        except DamagedError as error:
            aside = set_aside(self.store.layout.alerts)
            warn(f"{error}. It was set aside as {aside}; what is wrong is told once more.")
            return Ledger(), version

    def _write(self, ledger: Ledger, version: Version, warn: Warn) -> None:
        """Write it in the place of what was read; ChangedError where another has written since."""
        try:
            write_sealed(self.store.layout.alerts, ledger_content(ledger), version)
            self.unwritten = None
        except OSError as error:
            self.unwritten = ledger, version
            warn(f"What was told cannot be written ({error}); after a restart it is told once more.")


def send(message: Message, channels: Sequence[Channel], warn: Warn) -> list[str]:
    """Send by each channel; return the names of those that took it."""
    takers = []
    for channel in channels:
        try:
            if note := channel.send(message):
                warn(f"The alert was taken by {channel.name}, but {note}.")
            takers.append(channel.name)
        except SendingError as error:
            warn(f"The alert was not taken by {channel.name}: {error}.")
    return takers
