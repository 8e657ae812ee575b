"""What tests of daily answers share: a domain of the settings, its store, and days made one after the other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml

from mailevents_dagster.deliverability.dns import NameServer
from mailevents_dagster.deliverability.part import Made, Part, Work
from mailevents_dagster.deliverability.stored import read_part, write_part
from mailevents_dagster.files.json_text import one_line
from mailevents_dagster.model.day import Day
from mailevents_dagster.model.event import Collection
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.settings import Settings
from mailevents_dagster.sources.catalog import load_settings
from mailevents_dagster.sources.outcomes.feeds import outcomes_of
from mailevents_dagster.sources.outcomes.format import OUTCOME_ROWS
from mailevents_dagster.sources.outcomes.settings.section import DeliverabilitySettings
from mailevents_dagster.store.opening import store_of

DOMAIN = "example.com"


def settings_with(
    folder: Path, server: NameServer, posture: Mapping[str, Any], seconds: float = 5.0, **blocklists: Any
) -> Settings:
    """Settings with one server of logs and one domain, that asks this name server."""
    content = {
        "timezone": "UTC",
        "start": "2026-11-01T00:00",
        "storage": str(folder / "data"),
        "mail_logs": [{"name": "mx1", "format": "postfix", "files": str(folder / "mail.log*")}],
        "deliverability": [
            {
                "domain": DOMAIN,
                "posture": {"resolver": {"nameservers": [str(server)], "timeout_seconds": seconds}, **posture},
                "blocklists": blocklists or {"ip_zones": [], "domain_zones": []},
            }
        ],
    }
    file = folder / "mailevents.yaml"
    file.write_text(yaml.safe_dump(content))
    return load_settings(file)


def make_day(settings: Settings, part: Part, key: str) -> Made:
    """Make a day of the domain as its asset does, and keep it."""
    store, day = store_of(settings), Day(date.fromisoformat(key), "UTC")

    def stored(name: str, of: Day) -> pa.Table | None:
        return read_part(store.layout, DOMAIN, name, of)

    domain = settings.section(DeliverabilitySettings).judged(DOMAIN)
    made = part.make(Work(settings, domain, store, day, stored))
    write_part(store.layout, DOMAIN, part, day, made)
    return made


def keep_outcomes(settings: Settings, hour: Hour, records: Iterable[Mapping[str, Any]]) -> None:
    """Commit an hour of outcomes."""
    events = [
        OUTCOME_ROWS.event_of(one_line({"time": hour.start + 1.0, "event_id": f"{place:032x}", **record}), hour.start)
        for place, record in enumerate(records)
    ]
    with store_of(settings).open_hour(outcomes_of(DOMAIN), hour) as work:
        work.commit(Collection(events, frozenset(), (), hour.end + 7200.0, closed=True, measures={}))
