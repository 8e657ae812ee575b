"""A reader who has come as far as a page takes for granted, and does what it says from top to bottom."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import yaml

from mailevents_dagster.model.day import Day
from mailevents_dagster.model.hour import SECONDS, Hour
from mailevents_dagster.settings import Settings
from mailevents_dagster.sources.catalog import load_settings
from mailevents_dagster.sources.client import Options
from mailevents_dagster.sources.uzmanposta.accounts import access_of
from mailevents_dagster.sources.uzmanposta.api import UzmanPostaApi
from mailevents_dagster.sources.uzmanposta.collect import collect_hour
from mailevents_dagster.sources.uzmanposta.feeds import FEED_KINDS, feed_of
from mailevents_dagster.store.opening import store_of
from mailevents_dagster.summaries.kinds import KINDS
from mailevents_dagster.summaries.making import counts_of_day
from mailevents_dagster.summaries.stored import write_summary
from mailevents_dagster_tests.conftest import collection, event
from mailevents_dagster_tests.deliverability.outcomes import place, told
from mailevents_dagster_tests.pages import (
    KEY,
    TIMEZONE,
    Block,
    Reader,
    as_of_today,
    blocks_of,
    days_ago,
)

BY_THE_NEWCOMER = {"make demo", "make test", "make ui"}
"""What README has alone in a block: .ci/run and .ci/newcomer run it, and on other pages it is not run again."""
SETTINGS = """
timezone: Europe/Istanbul
start: 2026-11-01T00:00
storage: ./data
api: {base_url: BASE_URL, requests_per_second: 500}
accounts:
  - domain: example.com
    api_key: ${UZMANPOSTA_KEY_EXAMPLE_COM}
    feeds: [mail/incominglog, mail/outgoinglog, quarantine/quarantine, quarantine/hold, authentication]
"""
VARIABLE = "UZMANPOSTA_KEY_EXAMPLE_COM"
DOMAIN = "example.com"


def loaded(reader: Reader) -> Settings:
    return load_settings(reader.settings, environ={**os.environ, VARIABLE: KEY, **reader.environment})


def write(reader: Reader, content: dict[str, Any]) -> None:
    """Settings that ask this API, whatever the page says."""
    content["api"] = content.get("api", {}) | {"base_url": reader.api.base_url}
    reader.settings.write_text(yaml.safe_dump(content), encoding="utf-8")


def has_settings(reader: Reader) -> None:
    reader.settings.write_text(as_of_today(SETTINGS.replace("BASE_URL", reader.api.base_url)))
    (reader.folder / ".env").write_text(f"{VARIABLE}={KEY}\n")


def has_collected(reader: Reader) -> None:
    """Some hours of all feeds lie in the storage: of yesterday, and one of two weeks ago; and yesterday's summaries."""
    has_settings(reader)
    collected(reader)


def collected(reader: Reader) -> None:
    settings = loaded(reader)
    store, names = store_of(settings), [feed_of(DOMAIN, name) for name in FEED_KINDS]
    noon = Hour.from_key(f"{days_ago(1)}-12:00", TIMEZONE)
    hours = [noon.previous, noon]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, KEY)
        with UzmanPostaApi(access_of(settings, DOMAIN)) as api:
            for feed in names:
                earlier = [Hour.from_key(f"{days_ago(14)}-12:00", TIMEZONE)] if feed.kind.has_details else []
                for hour in (*earlier, *hours):
                    with store.open_hour(feed, hour) as work:
                        work.commit(collect_hour(api, work, Options(settle_seconds=600)))
    day = Day.from_key(days_ago(1), TIMEZONE)
    for kind in KINDS.values():
        path = store.layout.summary(kind.name, DOMAIN, str(day))
        write_summary(path, counts_of_day(store, kind, names, day, pytest.fail))


def has_an_expired_hour(reader: Reader) -> None:
    has_collected(reader)
    hour = Hour.from_key(f"{days_ago(100)}-12:00", TIMEZONE)
    with store_of(loaded(reader)).open_hour(feed_of(DOMAIN, "mail/incominglog"), hour) as work:
        work.commit(collection([event(hour.start + SECONDS // 2)]))


def began_yesterday(reader: Reader) -> None:
    has_settings(reader)
    text = reader.settings.read_text()
    reader.settings.write_text(text.replace(days_ago(20), days_ago(1)))


def has_outcomes(reader: Reader) -> None:
    """What became of some mails of a domain lies in the storage."""
    place(reader.folder).commit(
        [
            told("hard", "gone@example.org", 3),
            *(told("soft", "full@example.org", day) for day in (4, 3, 2, 1)),
            told("soft", "once@example.org", 1),
            told("complained", "anna@example.org", 2),
        ]
    )


PREPARED: Mapping[str, Callable[[Reader], None]] = {
    "docs/bounces.md": lambda _: None,
    "docs/how-to.md": began_yesterday,
    "docs/query.md": has_collected,
    "docs/tutorial.md": lambda _: None,
    "docs/suppression.md": has_outcomes,
    "docs/hygiene.md": has_outcomes,
    "docs/retention.md": has_an_expired_hour,
    "docs/automation.md": has_settings,
    "docs/reports.md": has_settings,
    "docs/summaries.md": has_collected,
    "docs/verify.md": has_collected,
}
FOLLOWED = {*PREPARED, "docs/alerts.md", "docs/migration.md", "docs/object-stores.md", "docs/operations.md"}
"""Each by a test below."""
RUN_HERE = ("sh", "cron", "python")


def follow(reader: Reader, page: str, between: Callable[[Block], None] = lambda _: None) -> None:
    """Does what the page says, from top to bottom; `between` hears of each block before it is run."""
    for block in blocks_of(page):
        between(block)
        if block.language == "yaml" and is_settings(block):
            take_over(reader, block)
        elif block.language in RUN_HERE and not is_left_out(block):
            wrong = [said for said in reader.does(block) if not is_a_verdict(said)]
            assert not wrong, f"{block}: {wrong}"


def is_left_out(block: Block) -> bool:
    """What the newcomer does, and what needs a program beside Python: a test of its own does that."""
    return block.text.strip() in BY_THE_NEWCOMER or needs_jq(block)


def needs_jq(block: Block) -> bool:
    return "| jq " in block.text


def is_a_verdict(said: str) -> bool:
    """Hours are missing while others are being collected: that is what `status` is there to say."""
    return said.startswith("1 ") and "mailevents status" in said


def is_settings(block: Block) -> bool:
    """Return whether it is neither an alert of Prometheus nor Dagster's own file."""
    return not {"groups", "run_monitoring"} & {*yaml.safe_load(block.text)}


def take_over(reader: Reader, block: Block) -> None:
    """Writes settings as the page shows them, or adds the sections it shows to those that are there."""
    shown = yaml.safe_load(as_of_today(block.text))
    write(reader, shown if "accounts" in shown else yaml.safe_load(reader.settings.read_text()) | shown)
