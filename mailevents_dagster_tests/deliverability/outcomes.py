"""Outcomes of mails as the store holds them, and a project that judges a domain."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any
from zoneinfo import ZoneInfo

from mailevents_dagster.deliverability.part import Made, Work
from mailevents_dagster.deliverability.stored import read_part, write_part
from mailevents_dagster.deliverability.suppression.part import SUPPRESSION
from mailevents_dagster.model.day import Day
from mailevents_dagster.model.event import Collection
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.settings import Settings
from mailevents_dagster.sources.catalog import load_settings
from mailevents_dagster.sources.json_records import event_with_id
from mailevents_dagster.sources.outcomes.feeds import outcomes_of
from mailevents_dagster.sources.outcomes.settings.section import DeliverabilitySettings
from mailevents_dagster.store.opening import store_of
from mailevents_dagster.store.store import Store
from mailevents_dagster_tests.commands import mailevents

DOMAIN = "example.com"
ZONE = "Europe/Istanbul"
SETTINGS = """
timezone: Europe/Istanbul
start: {start}T00:00
storage: ./data
mail_logs:
  - {{name: mx1.example.com, format: exim, files: simulator}}
deliverability:
  - domain: example.com
{more}
"""
FACTS: Mapping[str, Mapping[str, object]] = {
    "hard": {"outcome": "bounced", "class": "hard", "code": 550, "enhanced_code": "5.1.1", "rule": "code 5.1.1"},
    "soft": {"outcome": "bounced", "class": "soft", "code": 552, "enhanced_code": "5.2.2", "rule": "code 5.2.2"},
    "policy": {"outcome": "bounced", "class": "policy", "code": 554, "enhanced_code": "5.7.1", "rule": "code 5.7.1"},
    "deferred": {"outcome": "deferred", "class": "soft", "code": 451, "rule": "code 451"},
}


@dataclass(frozen=True)
class Place:
    """A project that judges one domain, with its store."""

    folder: Path
    settings: Settings

    @property
    def store(self) -> Store:
        return store_of(self.settings)

    def commit(self, outcomes: Iterable[Mapping[str, Any]]) -> None:
        """Store outcomes in the hours that they belong to; each hour is given whole."""
        feed = outcomes_of(DOMAIN)
        hours: defaultdict[int, list[Mapping[str, Any]]] = defaultdict(list)
        for one in outcomes:
            hours[Hour.containing(one["time"], ZONE).start].append(one)
        for start, records in hours.items():
            hour = Hour.containing(start, ZONE)
            events = [event_with_id(one) for one in sorted(records, key=lambda one: one["time"])]
            with self.store.open_hour(feed, hour) as work:
                work.commit(Collection(events, frozenset(), (), hour.end + 7200.0, closed=True, measures={}))

    def make(self, day: date) -> Made:
        """Make the list of a day and store it."""
        said: list[str] = []
        store, of = self.store, Day(day, ZONE)
        domain = self.settings.section(DeliverabilitySettings).judged(DOMAIN)

        def stored(name: str, one: Day) -> Any:
            return read_part(store.layout, DOMAIN, name, one)

        made = SUPPRESSION.make(Work(self.settings, domain, store, of, stored, said.append))
        write_part(store.layout, DOMAIN, SUPPRESSION, of, made)
        return made

    def run(self, *arguments: str, **environ: str) -> CompletedProcess[str]:
        around = {"PATH": "/usr/bin:/bin", "HOME": str(self.folder), "MAILEVENTS_CONFIG": str(self.settings.source)}
        return mailevents(*arguments, environ=around | environ, folder=self.folder)


def place(folder: Path, days: int = 10, more: str = "") -> Place:
    """A project that began so many days ago."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "mailevents.yaml"
    file.write_text(SETTINGS.format(start=day_ago(days), more=more))
    return Place(folder, load_settings(file, environ={"LIST_KEY": "k" * 32}))


def day_ago(days: int) -> date:
    return datetime.now(ZoneInfo(ZONE)).date() - timedelta(days=days)


def told(what: str, recipient: str, days_ago: int, hour: int = 10, mail: str = "", **facts: object) -> dict[str, Any]:
    """What became of a mail, at an hour of a day."""
    begin = Day(day_ago(days_ago), ZONE).start
    time = begin + hour * 3600
    name = f"{what} {recipient} {days_ago} {hour} {mail}"
    known = FACTS.get(what, {"outcome": what})
    return {
        "time": time,
        "outcome_at": float(time),
        "recipient": recipient,
        "sender": f"news@{DOMAIN}",
        "message_id": mail or f"{name}@{DOMAIN}",
        "server": "mx1.example.com",
        "feed": "mx1.example.com exim",
        "text": "as the receiving server says",
        "event_id": hashlib.sha256(name.encode()).hexdigest()[:32],
        **known,
        **facts,
    }
