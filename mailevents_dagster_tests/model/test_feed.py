"""Feeds and the names derived from them."""

from __future__ import annotations

import re

import dagster as dg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailevents_dagster.model.feed import dagster_name, readable_domain
from mailevents_dagster.sources.uzmanposta.feeds import FEED_KINDS, feed_of


def test_asset_keys_are_as_fixed() -> None:
    keys = {name: feed_of("example.com", name).asset_key for name in FEED_KINDS}
    assert keys == {
        "mail/incominglog": ("uzmanposta", "example.com", "mail", "incominglog"),
        "mail/outgoinglog": ("uzmanposta", "example.com", "mail", "outgoinglog"),
        "quarantine/quarantine": ("uzmanposta", "example.com", "quarantine", "quarantine"),
        "quarantine/hold": ("uzmanposta", "example.com", "quarantine", "hold"),
        "authentication": ("uzmanposta", "example.com", "authentication"),
    }


def test_only_mails_have_details() -> None:
    assert [name for name, kind in FEED_KINDS.items() if kind.has_details] == ["mail/incominglog", "mail/outgoinglog"]


def test_only_quarantines_are_kept_for_a_known_time() -> None:
    assert {name: kind.kept_days for name, kind in FEED_KINDS.items() if kind.kept_days} == {
        "quarantine/quarantine": 7,
        "quarantine/hold": 7,
    }


def test_the_category_and_type_of_a_feed_are_those_of_its_name() -> None:
    for name, kind in FEED_KINDS.items():
        assert name in (f"{kind.category}/{kind.type}", kind.category)


def test_a_feed_reads_as_its_domain_and_name() -> None:
    assert str(feed_of("example.com", "quarantine/hold")) == "example.com quarantine/hold"


def test_feeds_are_sorted_by_domain_first() -> None:
    feeds = [
        feed_of("b.example", "authentication"),
        feed_of("a.example", "quarantine/hold"),
        feed_of("a.example", "mail/outgoinglog"),
    ]
    assert sorted(feeds) == [feeds[2], feeds[1], feeds[0]]


@pytest.mark.slow
@given(st.text(min_size=1))
@settings(max_examples=100)
def test_every_text_becomes_a_name_that_dagster_takes(text: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_]+", dagster_name(text))
    assert len(dagster_name(text)) == len(text)


@pytest.mark.parametrize("name", FEED_KINDS)
def test_dagster_takes_the_key_and_the_group_of_every_feed(name: str) -> None:
    feed = feed_of("xn--psta-5qa.example-1.com", name)
    spec = dg.AssetSpec(dg.AssetKey(feed.asset_key), group_name=feed.group)
    assert spec.group_name == "xn__psta_5qa_example_1_com"


def test_a_punycode_domain_is_readable() -> None:
    assert readable_domain("xn--gne-hoa11c.example") == "güneş.example"


@pytest.mark.parametrize("domain", ["example.com", "xn--", "xn--\u0131", "not a domain", ""])
def test_a_domain_that_is_not_decodable_stays_as_it_is(domain: str) -> None:
    assert readable_domain(domain) == domain
