"""The client of a server, made as the settings say."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from mailevents_dagster.deliveries.opening import outbox_of
from mailevents_dagster.model.event import ReadRange
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.settings import Settings
from mailevents_dagster.sources.maillog.bounces.collect import Bounces
from mailevents_dagster.sources.maillog.client import Log, MailLogClient
from mailevents_dagster.sources.maillog.feeds import BOUNCES, lines_of
from mailevents_dagster.sources.maillog.hour_lines import HourLines
from mailevents_dagster.sources.maillog.journal.access import JournalAccess
from mailevents_dagster.sources.maillog.journal.server_journal import ServerJournal
from mailevents_dagster.sources.maillog.publishing import Publishing
from mailevents_dagster.sources.maillog.reading.server_log import ServerLog
from mailevents_dagster.sources.maillog.settings import MailLog, MailLogSettings
from mailevents_dagster.sources.maillog.simulator import write_until
from mailevents_dagster.sources.maillog.simulator.folder import FILE_NAMES
from mailevents_dagster.sources.queues import SIMULATOR
from mailevents_dagster.store.opening import store_of
from mailevents_dagster.store.store import Store


def client_of(settings: Settings, server: str) -> MailLogClient:
    """Return the client of a server that the settings name."""
    section, store = settings.section(MailLogSettings), store_of(settings)
    log = next(one for one in section.mail_logs if one.name == server)
    patterns = Path(section.bounces.patterns) if section.bounces.patterns else None
    sqs = section.bounces.sqs
    publishing = Publishing(store, outbox_of(store), Feed(server, BOUNCES), sqs) if sqs else None
    bounces = Bounces(store, lines_of(server, log.format), patterns)
    return MailLogClient(_log_of(log, settings, store), bounces, publishing)


def _log_of(log: MailLog, settings: Settings, store: Store) -> Log:
    if log.journal:
        return ServerJournal(JournalAccess(log.journal, log.journal_directory))
    zone = log.timezone or settings.timezone
    index = store.layout.source_index(lines_of(log.name, log.format))
    if log.files == SIMULATOR:
        return _SimulatedLog(store.layout.simulated(log.name), log, settings.start, zone, index)
    return ServerLog(str(log.files), zone, index)


class _SimulatedLog:
    """Files that grow up to now before they are read."""

    def __init__(self, folder: Path, log: MailLog, start: int, zone: str, index: Path) -> None:
        self._grow = partial(write_until, folder, log.name, log.format, start, timezone=zone)
        self._files = ServerLog(str(folder / f"{FILE_NAMES[log.format]}*"), zone, index)

    def hour(self, first: int, end: int, held: Sequence[ReadRange]) -> HourLines:
        self._grow(now=time.time())
        return self._files.hour(first, end, held)

    def stop(self) -> None:
        self._files.stop()

    def close(self) -> None:
        self._files.close()
