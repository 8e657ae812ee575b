"""Logs of the old tool that are taken over, and what came of it."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Mapping, Sequence

from dotenv import dotenv_values

from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.settings import Settings
from mailevents_dagster.sources.catalog import load_settings
from mailevents_dagster.sources.uzmanposta.feeds import feed_of
from mailevents_dagster.store.opening import store_of
from mailevents_dagster.store.store import Store
from mailevents_dagster_tests.sources.uzmanposta.migration.old_tool import OldTool
from mailevents_dagster_tests.store.kept import known

ZONE = "Europe/Istanbul"
NOW = int(time.time())
POSITION = NOW - 5 * 3600
INCOMING, AUTHENTICATION = feed_of("example.com", "mail/incominglog"), feed_of("example.com", "authentication")
AUTH = "[MailLogger:auth]\ndomain = example.com\ncategory = authentication\n"
FIRST = Hour.containing(POSITION, ZONE)
OLD = Hour(FIRST.start - 30 * 3600, ZONE)
"""Long before the position."""


def mail(time: int, queue_id: str, **more: object) -> dict[str, object]:
    """A mail as the old tool wrote it, with its detail."""
    recipients = [{"time": time, "mailto": "a@example.com"}]
    return {"queue_id": queue_id, "recipients": recipients, "subject": "şöyle", "logs": [], **more}


def lines(*records: Mapping[str, object]) -> bytes:
    return b"".join(json.dumps(record, ensure_ascii=False).encode(errors="surrogatepass") + b"\n" for record in records)


def adopt(tool: OldTool, *more: str) -> subprocess.CompletedProcess[str]:
    return tool.migrate("--adopt", str(tool.folder / "output"), *more)


def settings_of(tool: OldTool) -> Settings:
    environ = {name: str(key) for name, key in dotenv_values(tool.out / ".env").items()}
    return load_settings(tool.out / "mailevents.yaml", environ=environ)


def store(tool: OldTool) -> Store:
    return store_of(settings_of(tool))


def ids(tool: OldTool, hour: Hour, feed: Feed = INCOMING) -> list[object]:
    return [json.loads(event.raw).get("queue_id") for event in known(store(tool), feed, hour)]


def row(done: subprocess.CompletedProcess[str], feed: Feed) -> Sequence[int]:
    """Files, records, unreadable, repeats, there before, new, hours written."""
    [line] = [line for line in done.stdout.splitlines() if line.strip().startswith(f"{feed} ") and "pos" not in line][
        -1:
    ]
    return [int(word.replace(",", "")) for word in line.split()[2:]]
