"""The kinds of feeds that there are: the one list that puts the sources together."""

from collections.abc import Mapping
from typing import Final

from mailevents_dagster.model.feed import FeedKind
from mailevents_dagster.sources.uzmanposta.feeds import FEED_KINDS as UZMANPOSTA

FEED_KINDS: Final[Mapping[str, FeedKind]] = {**UZMANPOSTA}
"""Every kind of feed, by its name."""
