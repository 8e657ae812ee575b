"""A domain whose suppression list others are told of: what a day hands over, and the hours in which it goes out."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pytest

from mailevents_dagster.deliverability.part import Work
from mailevents_dagster.deliverability.stored import read_part
from mailevents_dagster.deliverability.suppression.part import SUPPRESSION
from mailevents_dagster.deliveries.outbox import Outbox
from mailevents_dagster.model.day import Day
from mailevents_dagster.model.event import Collection
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.sources.catalog import load_settings
from mailevents_dagster.sources.client import Options
from mailevents_dagster.sources.outcomes.feeds import FEED_KINDS
from mailevents_dagster.sources.outcomes.receivers import receivers_of
from mailevents_dagster.sources.outcomes.settings.section import DeliverabilitySettings
from mailevents_dagster.sources.outcomes.source import OUTCOMES_SOURCE
from mailevents_dagster_tests.deliverability.outcomes import DOMAIN, SETTINGS, ZONE, Place, day_ago
from mailevents_dagster_tests.deliveries.endpoint import SECRET

HOUR: Final = "HOUR_TO_COLLECT"


def place_with(folder: Path, environ: pytest.MonkeyPatch, push: str) -> Place:
    """A project whose domain has these settings of `push`."""
    environ.setenv("SUPPRESSION_SECRET", SECRET)
    environ.setenv("LIST_KEY", "k" * 32)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "mailevents.yaml"
    key = "" if "hash_key" in push else "hash_key: '${LIST_KEY}', "
    more = f"    suppression: {{{key}push: {push}}}"
    file.write_text(SETTINGS.format(start=day_ago(10), more=more))
    return Place(folder, load_settings(file, os.environ))


def hand_over(here: Place, days_ago: int = 1) -> None:
    """Do what follows once the list of a day is stored."""
    store, settings = here.store, here.settings
    domain = settings.section(DeliverabilitySettings).judged(DOMAIN)

    def stored(name: str, of: Day) -> pa.Table | None:
        return read_part(store.layout, DOMAIN, name, of)

    SUPPRESSION.hand_over(Work(settings, domain, store, Day(day_ago(days_ago), ZONE), stored))


def waiting(here: Place) -> dict[str, int]:
    """Return how many messages wait for each receiver."""
    domain, outbox = here.settings.section(DeliverabilitySettings).judged(DOMAIN), Outbox(here.store.layout.outbox)
    counts = {one.feed.kind.type: outbox.counts(one.destination).values() for one in receivers_of(domain)}
    return {name.removeprefix("suppression_"): sum(one.waiting for one in of) for name, of in counts.items()}


def hours_waiting(here: Place) -> list[int]:
    domain, outbox = here.settings.section(DeliverabilitySettings).judged(DOMAIN), Outbox(here.store.layout.outbox)
    return sorted({hour for one in receivers_of(domain) for hour in outbox.counts(one.destination)})


def collect(here: Place, receiver: str, hour: int | None = None) -> Collection:
    """Collect the hour of a receiver's feed, the one now running unless another is named."""
    feed = Feed(DOMAIN, FEED_KINDS[f"deliverability/suppression_{receiver}"])
    client: Any = OUTCOMES_SOURCE.client(here.settings, DOMAIN)
    at = Hour.containing(time.time() if hour is None else hour, ZONE)
    with here.store.open_hour(feed, at) as work:
        found: Collection = client.collect(work, Options())
        work.commit(found)
    return found
