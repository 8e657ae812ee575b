"""Numbers of a whole simulated day are those that plain Python finds in the simulator's own records."""

from __future__ import annotations

from collections import Counter
from itertools import chain
from statistics import median_low
from typing import Any

import pytest

from mailevents_dagster.model.day import Day
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.sources.uzmanposta.feeds import FEED_KINDS, feed_of
from mailevents_dagster.sources.uzmanposta.simulator import GeneratedMail
from mailevents_dagster.store.store import Store
from mailevents_dagster.summaries.counts import by_hour, numbers_of, total
from mailevents_dagster.summaries.kinds import KINDS
from mailevents_dagster_tests.conftest import make_store
from mailevents_dagster_tests.summaries import plainly
from mailevents_dagster_tests.summaries.days import count, counted, keep

pytestmark = pytest.mark.slow

DAY = Day.from_key("2026-11-18", "Europe/Istanbul")
DOMAINS = ("kuzey.example", "guney.example")
FEEDS = [feed_of(domain, name) for domain in DOMAINS for name in FEED_KINDS]
Truth = dict[Feed, dict[Hour, list[dict[str, Any]]]]


@pytest.fixture(scope="module")
def truth() -> Truth:
    source = GeneratedMail(seed=7, events_per_hour=40)
    return {
        feed: {hour: source.rows(feed.domain, feed.name, hour.start, hour.end - 1) for hour in DAY.hours}
        for feed in FEEDS
    }


@pytest.fixture(scope="module")
def kept(truth: Truth, tmp_path_factory: pytest.TempPathFactory) -> Store:
    store = make_store(tmp_path_factory.mktemp("day"), DAY.timezone)
    for feed, hours in truth.items():
        for hour, records in hours.items():
            keep(store, feed, hour, records)
    return store


def of(truth: Truth, *feeds: Feed) -> list[dict[str, Any]]:
    return list(chain.from_iterable(chain.from_iterable(truth[feed].values()) for feed in feeds))


@pytest.mark.parametrize("name", ["mail/incominglog", "mail/outgoinglog"])
def test_what_became_of_mails(kept: Store, truth: Truth, name: str) -> None:
    feed = feed_of(DOMAINS[0], name)
    plain = plainly.mails(of(truth, feed))

    found = count(kept, "deliverability", feed, day=DAY)

    assert counted(found, "outcome") == plain.outcomes
    assert counted(found, "bounce_class") == plain.classes
    assert counted(found, "deferral_class") == plain.deferrals
    assert counted(found, "sender_domain") == plain.senders
    assert counted(found, "recipient_domain") == plain.recipients
    assert numbers_of(found, "delivery_seconds") == plain.seconds
    numbers = KINDS["deliverability"].numbers(found)
    assert numbers["units"] == plain.outcomes.total() > 500
    for share in (0.5, 0.9, 0.99):
        assert numbers[f"delivery_seconds_p{share * 100:.0f}"] == plainly.at_most(plain.seconds, share)


def test_the_volume_of_each_hour_and_direction(kept: Store, truth: Truth) -> None:
    feeds = [feed for feed in FEEDS if feed.domain == DOMAINS[0] and feed.kind.category == "mail"]

    found = count(kept, "volume", *feeds, day=DAY)

    for feed in feeds:
        by_hours = {hour.key: len(records) for hour, records in truth[feed].items()}
        assert by_hour(found, "mails", feed=feed.name) == by_hours
        assert sum(by_hour(found, "bytes", feed=feed.name).values()) == sum(one["size"] for one in of(truth, feed))


def test_why_mails_were_kept_back(kept: Store, truth: Truth) -> None:
    feeds = [feed_of(DOMAINS[0], "quarantine/quarantine"), feed_of(DOMAINS[0], "quarantine/hold")]
    records = of(truth, *feeds)

    found = count(kept, "quarantine", *feeds, day=DAY)

    assert counted(found, "reason") == Counter(map(plainly.reason, records))
    scores = [int(one["score"] // 1) for one in records]
    assert numbers_of(found, "score") == Counter(scores)
    assert KINDS["quarantine"].numbers(found)["score_median"] == median_low(scores)


def test_who_failed_to_sign_in_and_from_where(kept: Store, truth: Truth) -> None:
    feed = feed_of(DOMAINS[0], "authentication")
    failed = [record for record in of(truth, feed) if record["status"] == "failed"]

    found = count(kept, "sign_ins", feed, day=DAY)

    assert counted(found, "failures_of_user") == Counter(record["email"] for record in failed)
    assert counted(found, "failures_of_address") == Counter(record["srcip"] for record in failed)
    numbers = KINDS["sign_ins"].numbers(found)
    assert (numbers["sign_ins"], numbers["failed"]) == (len(of(truth, feed)), len(failed))


@pytest.mark.parametrize("name", list(KINDS))
def test_all_domains_together_are_as_if_counted_at_once(kept: Store, name: str) -> None:
    of_domains = [
        count(kept, name, *(feed for feed in FEEDS if feed.domain == domain), day=DAY) for domain in reversed(DOMAINS)
    ]

    assert total(of_domains).equals(count(kept, name, *FEEDS, day=DAY))
