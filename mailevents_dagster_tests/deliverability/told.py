"""What tests of a domain's answers share: outcomes, committed as a collection would have done it, and days made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from mailevents_dagster.deliverability.part import Made, Part, Work
from mailevents_dagster.deliverability.stored import read_part, write_part
from mailevents_dagster.model.day import Day
from mailevents_dagster.model.event import Collection
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.model.outcome import Became, Outcome
from mailevents_dagster.settings import Settings
from mailevents_dagster.sources.catalog import load_settings
from mailevents_dagster.sources.json_records import event_with_id
from mailevents_dagster.sources.maillog.feeds import lines_of
from mailevents_dagster.sources.outcomes.collect import record_of
from mailevents_dagster.sources.outcomes.feeds import outcomes_of
from mailevents_dagster.sources.outcomes.settings.section import DeliverabilitySettings
from mailevents_dagster.store.opening import store_of

DOMAIN = "example.com"
SERVER = "mx1.example.com"
LINES = lines_of(SERVER, "postfix")
DAY = Day.from_key("2026-11-20", "UTC")
NOON = Hour.from_key("2026-11-20-12:00", "UTC")


def settings_in(folder: Path, **domain: Any) -> Settings:
    """Return the settings of a domain whose mail leaves by one server."""
    written = {
        "start": "2026-11-01T00:00",
        "storage": str(folder / "data"),
        "mail_logs": [{"name": SERVER, "format": "postfix", "files": str(folder / "mail.log*")}],
        "deliverability": [{"domain": DOMAIN, **domain}],
    }
    file = folder / "mailevents.yaml"
    file.write_text(yaml.safe_dump(written))
    return load_settings(file)


def said(at: float, became: Became, recipient: str = "r@dest.example", mail: str = "m1", **others: Any) -> Outcome:
    """Return what became of a mail."""
    values: Mapping[str, Any] = {
        "sender": "s@example.com",
        "message_id": f"{mail}@example.com",
        "queue_id": mail.upper(),
        "server": SERVER,
        **others,
    }
    return Outcome(at, became, f"{at}{became}{recipient}{mail}".encode(), recipient=recipient, **values)


def keep(settings: Settings, *outcomes: Outcome, hours: Iterable[Hour] = (), feed: Feed = LINES) -> None:
    """Commit the hours of these outcomes, and others without any."""
    store, of_hours = store_of(settings), {hour: list[Outcome]() for hour in hours}
    for one in outcomes:
        of_hours.setdefault(Hour.containing(one.time, settings.timezone), []).append(one)
    for hour, told in of_hours.items():
        events = [event_with_id(record_of(feed, one.time, one)) for one in sorted(told, key=lambda one: one.time)]
        with store.open_hour(outcomes_of(DOMAIN), hour) as work:
            work.commit(Collection(events, frozenset(), (), hour.end + 7200.0, closed=True, measures={}))


def make(part: Part, settings: Settings, day: Day = DAY) -> Made:
    """Make a day of a part and store it."""
    store = store_of(settings)
    domain = settings.section(DeliverabilitySettings).judged(DOMAIN)

    def stored(name: str, of: Day) -> Any:
        return read_part(store.layout, DOMAIN, name, of)

    made = part.make(Work(settings, domain, store, day, stored))
    write_part(store.layout, DOMAIN, part, day, made)
    return made
