"""A Postfix whose log lies in a folder, and the project that collects it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml

from mailevents_dagster.collecting.outcomes import Collected, Outcome, Task
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.settings import Settings
from mailevents_dagster.sources.catalog import load_settings
from mailevents_dagster.sources.maillog.feeds import BOUNCES, SQS, lines_of
from mailevents_dagster.sources.maillog.source import MAILLOG
from mailevents_dagster.store.opening import store_of
from mailevents_dagster.store.store import Store
from mailevents_dagster_tests.collecting_process import collector_in, outcomes

SERVER = "mx1.example.com"
LINES, BOUNCED, PUBLISHED = lines_of(SERVER, "postfix"), Feed(SERVER, BOUNCES), Feed(SERVER, SQS)
NOON = Hour.from_key("2026-11-20-12:00", "UTC")
FAILURE = "550 5.1.1 <{0}>: Recipient address rejected: User unknown (in reply to RCPT TO command)"


def stamp(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%b %e %H:%M:%S")


def delivered(at: int, recipient: str, queue_id: str = "4jdFMk25cKz6mCx", status: str = "sent (250 2.0.0 Ok)") -> str:
    """Return the line of an attempt at a recipient."""
    dsn = "2.0.0" if status.startswith("sent") else "5.1.1"
    return (
        f"{stamp(at)} mx1 postfix/smtp[7]: {queue_id}: to=<{recipient}>, relay=mx.dest.example[192.0.2.7]:25, delay=1, "
        f"delays=0/0/0/1, dsn={dsn}, status={status}"
    )


def bounced(at: int, recipient: str, queue_id: str = "4jdFMk25cKz6mCx") -> str:
    said = f"host mx.dest.example[192.0.2.7] said: {FAILURE.format(recipient)}"
    return delivered(at, recipient, queue_id, f"bounced ({said})")


@dataclass(frozen=True)
class MailServer:
    """The log of the server, and what is collected of it."""

    folder: Path
    settings: Settings

    @property
    def log(self) -> Path:
        return self.folder / "log" / "mail.log"

    @property
    def store(self) -> Store:
        return store_of(self.settings)

    def write(self, *lines: str) -> None:
        with self.log.open("a", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)

    def collect(self, hours: Sequence[Hour] = (NOON,), feeds: Sequence[Feed] | None = None) -> list[Outcome]:
        """Collect hours of the feeds, lines first, in a run of their own."""
        chosen = self.settings.feeds if feeds is None else feeds
        tasks = [Task(feed, hours) for feed in chosen]
        client = MAILLOG.client(self.settings, SERVER)
        try:
            return outcomes(collector_in(self.store), lambda _: client, tasks)
        finally:
            client.close()

    def measured(self, hours: Sequence[Hour] = (NOON,)) -> dict[str, float]:
        """Collect the lines of hours and return what that took, added up."""
        found = self.collect(hours, [LINES])
        assert all(isinstance(one, Collected) for one in found), found
        sums: dict[str, float] = {}
        for one in found:
            assert isinstance(one, Collected)
            for name, number in one.measures.items():
                sums[name] = sums.get(name, 0) + number
        return sums

    def rows(self, feed: Feed, hour: Hour = NOON) -> pa.Table:
        return self.store.dataset(feed, [hour]).to_table()

    def column(self, feed: Feed, name: str, hour: Hour = NOON) -> list[Any]:
        return list(self.rows(feed, hour).column(name).to_pylist())


def mail_server(folder: Path, **bounces: Any) -> MailServer:
    (folder / "log").mkdir(exist_ok=True)
    (folder / "log" / "mail.log").touch()
    written = {
        "start": "2026-11-01T00:00",
        "storage": str(folder / "data"),
        "mail_logs": [{"name": SERVER, "format": "postfix", "files": str(folder / "log" / "mail.log*")}],
        "bounces": bounces,
    }
    file = folder / "mailevents.yaml"
    file.write_text(yaml.safe_dump(written))
    return MailServer(folder, load_settings(file))
