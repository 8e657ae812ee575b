"""systemd's journal as the log of a mail server, read through journalctl."""

from mailevents_dagster.sources.maillog.journal.access import JournalAccess
from mailevents_dagster.sources.maillog.journal.server_journal import ServerJournal

__all__ = ["JournalAccess", "ServerJournal"]
