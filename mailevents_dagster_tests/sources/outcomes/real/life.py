"""A day of a real mail server: what the receiving server answered, and what the project collected of it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from mailevents_dagster.collecting.outcomes import Collected
from mailevents_dagster.model.day import Day
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.settings import Settings
from mailevents_dagster.sources.catalog import load_settings
from mailevents_dagster.sources.outcomes.feeds import outcomes_of
from mailevents_dagster.store.opening import store_of
from mailevents_dagster_tests.sources.outcomes.real.cases import ANSWERS, LATE, MAILS
from mailevents_dagster_tests.sources.outcomes.real.exim import Exim
from mailevents_dagster_tests.sources.outcomes.real.postfix import Postfix
from mailevents_dagster_tests.sources.outcomes.real.receiving import Attempt, receiving
from mailevents_dagster_tests.sources.outcomes.two_servers import collect

SERVER = "mx1.example.com"


@dataclass(frozen=True, slots=True)
class Life:
    format: str
    settings: Settings
    day: Day
    attempts: Sequence[Attempt]
    """What the receiving server wrote down."""
    reports: Sequence[bytes]
    """The bounce messages that came back."""
    rows: Sequence[Mapping[str, Any]]
    """The outcomes that were collected."""

    def rows_of(self, recipient: str) -> list[Mapping[str, Any]]:
        return [row for row in self.rows if row["recipient"] == recipient]

    @property
    def answered(self) -> Mapping[str, Sequence[Attempt]]:
        """The attempts at each recipient."""
        found: dict[str, list[Attempt]] = {}
        for one in self.attempts:
            found.setdefault(one.recipient, []).append(one)
        return found


def lived(server_of: type[Exim | Postfix], folder: Path) -> Life:
    """Send all mails through a server, and collect what its log says."""
    began = time.time()
    with receiving(folder, ANSWERS) as (receiver, encrypted, plain):
        server = server_of(folder, encrypted, plain, f"{folder}/authority.pem")
        with server:
            for mail in MAILS:
                mail.send(server.port)
            for _ in range(3):
                server.deliver()
            server.give_up()
            LATE.send(server.port)
            server.deliver()
    settings = _settings(folder, server, began)
    hours = _hours(began, settings.timezone)
    found = collect(settings, hours)
    assert all(isinstance(one, Collected) for one in found), found
    rows = store_of(settings).dataset(outcomes_of("example.com"), hours).to_table().to_pylist()
    return Life(
        server.format,
        settings,
        Day.containing(began, settings.timezone),
        [one for one in receiver.attempts if one.recipient != "s@example.com"],
        [message for recipients, message in receiver.mails if recipients == ("s@example.com",)],
        rows,
    )


def _settings(folder: Path, server: Exim | Postfix, began: float) -> Settings:
    """Return the settings, in a time zone where it is about noon: a day that ends meanwhile would be two."""
    ahead = 12 - datetime.fromtimestamp(began, UTC).hour
    file = folder / "mailevents.yaml"
    written = {
        "timezone": f"Etc/GMT{-ahead:+}" if ahead else "UTC",
        "start": datetime.fromtimestamp(began - 86_400, UTC).strftime("%Y-%m-%dT%H:00"),
        "storage": str(folder / "stored"),
        "mail_logs": [{"name": SERVER, "format": server.format, "files": str(server.log), "timezone": "UTC"}],
        "deliverability": [{"domain": "example.com"}],
    }
    file.write_text(yaml.safe_dump(written))
    return load_settings(file)


def _hours(began: float, timezone: str) -> list[Hour]:
    """Return the hours of the day that have begun, from when the server was started."""
    return [hour for hour in Day.containing(began, timezone).hours if hour.end > began and hour.start <= time.time()]
